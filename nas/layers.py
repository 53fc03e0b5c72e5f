"""The few torch layers and functions that torch itself does not have. An emitted source file carries copies of them."""

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["ChannelLayerNorm", "ChannelScale", "matmul", "pad_to", "pixel_softmax", "shift"]


class ChannelLayerNorm(nn.LayerNorm):
    """LayerNorm over the channels of each pixel. Shapes: (N, C, H, W) -> same."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise with the channels moved last and back."""
        return super().forward(input.movedim(1, -1)).movedim(-1, 1)


class ChannelScale(nn.Module):
    """A learned factor per channel, `init` at the start. Shapes: (N, C, *spatial) -> same."""

    def __init__(self, channels: int, init: float):
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), init))

    def forward(self, input: Tensor) -> Tensor:
        """Multiply each channel by its factor."""
        return input * self.weight.reshape(-1, *(1,) * (input.dim() - 2))


def pad_to(x: Tensor, reference: Tensor) -> Tensor:
    """Zero-pad or crop `x` (N, C, H, W) to the reference's size: half before, the rest after."""
    pads: list[int] = []
    for axis in range(x.dim() - 1, 1, -1):
        side = x.shape[axis]
        wanted = reference.shape[axis]
        before = (side + wanted) // 2 - side  # floor((wanted - side) / 2): ONNX would cut -1/2 to 0
        pads += [before, wanted - side - before]
    # Tracing must not look at the sizes: they stay free in what is exported.
    return x if not torch.compiler.is_compiling() and not any(pads) else functional.pad(x, pads)


def shift(x: Tensor, axis: int, reach: int) -> Tensor:
    """Move groups of channels (N, C, H, W) by -reach to reach pixels on an axis; zeros come in."""
    side = x.shape[axis + 1]
    padded = functional.pad(x, [0, 0] * (x.dim() - 2 - axis) + [reach, reach])
    groups = padded.chunk(2 * reach + 1, dim=1)
    moved = [group.narrow(axis + 1, 2 * reach - i, side) for i, group in enumerate(groups)]
    return torch.cat(moved, dim=1)


def matmul(a: Tensor, b: Tensor, transpose_first: bool, transpose_second: bool) -> Tensor:
    """Multiply maps (N, C, *spatial) as matrices of channels times pixels, transposed as asked."""
    first, second = a.flatten(2), b.flatten(2)
    product = (first.mT if transpose_first else first) @ (second.mT if transpose_second else second)
    sides = (-1, *(1,) * (b.dim() - 3)) if transpose_second else b.shape[2:]
    return product.reshape(*product.shape[:2], *sides)


def pixel_softmax(x: Tensor) -> Tensor:
    """Softmax over the map of each channel. Shapes: (N, C, *spatial) -> same."""
    return x.flatten(2).softmax(2).reshape(x.shape)
