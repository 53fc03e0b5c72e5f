"""Convolutions and transposed convolutions."""

import math
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, NamedTuple

from nas.errors import ShapeError
from nas.ops.base import Call, Shape, elements, per_axis
from nas.ops.initial import Weighted

__all__ = ["Conv", "ConvTranspose"]


def _grouped(op: "Conv | ConvTranspose", channels: int) -> None:
    if channels % op.groups or op.out_channels % op.groups:
        raise ShapeError(f"groups={op.groups} must divide in_channels={channels} and out_channels={op.out_channels}")


class _Window(NamedTuple):
    """A convolution along one axis. reach: pixels from the window's first to its last, dilation included."""

    reach: int
    stride: int
    padding: int


@cache
def _windows(op: "Conv", axes: int) -> tuple[_Window, ...]:
    x = (1,) * (axes + 1)
    kernels, dilations = per_axis(op.kernel, x), per_axis(op.dilation, x)
    same = tuple((k - 1) // 2 * d for k, d in zip(kernels, dilations, strict=True))
    pads = same if op.padding is None else per_axis(op.padding, x)
    reaches = [d * (k - 1) + 1 for k, d in zip(kernels, dilations, strict=True)]
    return tuple(map(_Window, reaches, per_axis(op.stride, x), pads))


@dataclass(frozen=True, eq=False)
class Conv(Weighted):
    """Convolution with zero or reflect padding. `padding=None` means (kernel - 1) / 2 * dilation on each side.

    Shapes: (C, H, W) -> (out_channels, floor((H + 2p - d(k-1) - 1) / s) + 1, ...).
    MACs: output elements * C / groups * kernel elements (the bias is not counted).
    """

    out_channels: int
    kernel: int | tuple[int, ...] = 3
    stride: int | tuple[int, ...] = 1
    padding: int | tuple[int, ...] | None = None
    dilation: int | tuple[int, ...] = 1
    groups: int = 1
    bias: bool = True
    padding_mode: str = "zeros"

    convolution: ClassVar[bool] = True
    kernel_kind: ClassVar[str] = "convolution"

    def _pads(self, x: Shape) -> tuple[int, ...]:
        return tuple([window.padding for window in _windows(self, len(x) - 1)])

    def out_shape(self, *xs: Shape) -> Shape:
        (x,) = xs
        _grouped(self, x[0])
        windows = _windows(self, len(x) - 1)
        if self.padding_mode == "reflect" and any(w.padding >= n for w, n in zip(windows, x[1:], strict=True)):
            pads = self._pads(x)
            raise ShapeError(
                f"reflect padding {pads} needs a map larger than the padding, {x[1:]} came; give a larger input"
            )
        sides = [(n + 2 * w.padding - w.reach) // w.stride + 1 for n, w in zip(x[1:], windows, strict=True)]
        return (self.out_channels, *sides)

    def weights(self, *xs: Shape) -> dict[str, Shape]:
        (x,) = xs
        kernel = {"weight": (self.out_channels, x[0] // self.groups, *per_axis(self.kernel, x))}
        return kernel | ({"bias": (self.out_channels,)} if self.bias else {})

    def macs(self, *xs: Shape) -> int:
        (x,) = xs
        return elements(self.out_shape(x)) * (x[0] // self.groups) * math.prod(per_axis(self.kernel, x))

    def layer(self, *xs: Shape) -> Call | None:
        (x,) = xs
        written = {
            "stride": (self.stride, 1),
            "padding": (_short(self._pads(x)), 0),
            "dilation": (self.dilation, 1),
            "groups": (self.groups, 1),
            "bias": (self.bias, True),
            "padding_mode": (self.padding_mode, "zeros"),
        }
        kwargs = tuple((name, value) for name, (value, default) in written.items() if value != default)
        return Call(f"nn.Conv{len(x) - 1}d", (x[0], self.out_channels, self.kernel), kwargs)


@dataclass(frozen=True, eq=False)
class ConvTranspose(Weighted):
    """Transposed convolution without output padding.

    Shapes: (C, H, W) -> (out_channels, (H - 1) * stride - 2 * padding + kernel, ...).
    MACs: input elements * out_channels / groups * kernel elements.
    """

    out_channels: int
    kernel: int = 2
    stride: int = 2
    padding: int = 0
    groups: int = 1
    bias: bool = True

    convolution: ClassVar[bool] = True
    kernel_kind: ClassVar[str] = "transposed"

    def out_shape(self, *xs: Shape) -> Shape:
        (x,) = xs
        _grouped(self, x[0])
        return (self.out_channels, *((n - 1) * self.stride - 2 * self.padding + self.kernel for n in x[1:]))

    def weights(self, *xs: Shape) -> dict[str, Shape]:
        (x,) = xs
        kernel = {"weight": (x[0], self.out_channels // self.groups, *(self.kernel for _ in x[1:]))}
        return kernel | ({"bias": (self.out_channels,)} if self.bias else {})

    def macs(self, *xs: Shape) -> int:
        (x,) = xs
        return elements(x) * (self.out_channels // self.groups) * math.prod(per_axis(self.kernel, x))

    def layer(self, *xs: Shape) -> Call | None:
        (x,) = xs
        written = {
            "stride": (self.stride, 1),
            "padding": (self.padding, 0),
            "groups": (self.groups, 1),
            "bias": (self.bias, True),
        }
        kwargs = tuple((name, value) for name, (value, default) in written.items() if value != default)
        return Call(f"nn.ConvTranspose{len(x) - 1}d", (x[0], self.out_channels, self.kernel), kwargs)


def _short(pads: tuple[int, ...]) -> int | tuple[int, ...]:
    return pads[0] if len(set(pads)) == 1 else pads
