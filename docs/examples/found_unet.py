"""FoundUNet, a network of 46 convolutions among 127 operators.

encoder: 3 x DenseBlock, 4 x max pooling, 2 x DoubleConvReLU.
    stages0  DenseBlock      (N, 24, H, W)
    stages1  DoubleConvReLU  (N, 48, H/2, W/2)
    stages2  DoubleConvReLU  (N, 96, H/4, W/4)
    stages3  DenseBlock      (N, 192, H/8, W/8)
    stages4  DenseBlock      (N, 384, H/16, W/16)

decoder: Level, Level2, Level, Level3.
    level3  Level   (N, 96, H/8, W/8)
    level2  Level2  (N, 48, H/4, W/4)
    level1  Level   (N, 24, H/2, W/2)
    level0  Level3  (N, 24, H, W)

head: 1x1 convolution.

Input: an image (N, 3, H, W). Output: logits (N, 1, H, W).

Costs of one image of 352 x 352: 2,948,615 parameters, 45.6 G multiply-accumulates; in fp32 with
pointwise layers fused, 1589 MB moved through memory and at most 204 MB held in it.

Key of the architecture: 8294d8292b986ff99159345ed94e51fb.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHAIN_LINKS = ((0,), (1,), (2,), (3,), (4,), (5,), (6,), (7,))
HARMONIC_LINKS = ((0,), (1, 0), (2,), (3, 2, 0), (4,), (5, 4), (6,), (7, 6, 4, 0))
DENSE_LINKS = (
    (0,),
    (1, 0),
    (2, 1, 0),
    (3, 2, 1, 0),
    (4, 3, 2, 1, 0),
    (5, 4, 3, 2, 1, 0),
    (6, 5, 4, 3, 2, 1, 0),
    (7, 6, 5, 4, 3, 2, 1, 0),
)
"""Which maps each layer of a block reads: 0 is the block's input, i what its i-th layer makes."""


def pad_to(x: Tensor, reference: Tensor) -> Tensor:
    """Zero-pad or crop `x` (N, C, H, W) to the reference's size: half before, the rest after."""
    pads: list[int] = []
    for axis in range(x.dim() - 1, 1, -1):
        side = x.shape[axis]
        wanted = reference.shape[axis]
        before = (side + wanted) // 2 - side
        pads += [before, wanted - side - before]
    return x if not torch.compiler.is_compiling() and (not any(pads)) else F.pad(x, pads)


def join(features: list[Tensor], numbers: tuple[int, ...]) -> Tensor:
    """Concatenate the features of these numbers on channels; one is itself."""
    chosen = [features[i] for i in numbers]
    return torch.cat(chosen, dim=1) if len(chosen) > 1 else chosen[0]


class ConvReLU6(nn.Module):
    """Convolution, ReLU6."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, padding: int = 0):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=padding)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu6(self.conv(x))


class DenseBlock(nn.Module):
    """Linked layers: each reads the maps that `links` lists for it, joined.

    Map 0 is the input, map i the output of the i-th ConvReLU6. widths: their channels. kept:
    the maps joined at the end.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        widths: tuple[int, ...],
        links: tuple[tuple[int, ...], ...],
        kept: tuple[int, ...],
    ):
        super().__init__()
        self.links = links
        self.kept = kept
        channels_of = (in_channels, *widths)
        self.layers = nn.ModuleList(
            [
                ConvReLU6(sum([channels_of[i] for i in link]), width, 3, padding=1)
                for link, width in zip(links, widths, strict=True)
            ],
        )
        self.transition = ConvReLU6(sum([channels_of[i] for i in kept]), out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer, link in zip(self.layers, self.links, strict=True):
            features.append(layer(join(features, link)))
        return self.transition(join(features, self.kept))


class DoubleConvReLU(nn.Module):
    """Convolution, ReLU, convolution, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, hidden_channels: int, dilation: int):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, hidden_channels, 3, padding=dilation, dilation=dilation)
        self.conv2 = nn.Conv2d(
            hidden_channels,
            out_channels,
            3,
            padding=dilation,
            dilation=dilation,
        )

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1(x))
        return F.relu(self.conv2(x))


class Encoder(nn.Module):
    """3 x DenseBlock, 4 x max pooling, 2 x DoubleConvReLU."""

    def __init__(self):
        super().__init__()
        self.stages0 = DenseBlock(
            3,
            24,
            widths=(24, 38, 24, 62, 24, 38, 24, 98),
            links=HARMONIC_LINKS,
            kept=(1, 3, 5, 7, 8),
        )
        self.stages1 = DoubleConvReLU(24, 48, 12, dilation=1)
        self.stages2 = DoubleConvReLU(48, 96, 24, dilation=1)
        self.stages3 = DenseBlock(
            96,
            192,
            widths=(40, 68, 40, 116, 40, 68, 40, 196),
            links=DENSE_LINKS,
            kept=(1, 3, 5, 7, 8),
        )
        self.stages4 = DenseBlock(
            192,
            384,
            widths=(16, 22, 16, 32),
            links=CHAIN_LINKS[:4],
            kept=(1, 3, 4),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        stages0 = self.stages0(x)  # (N, 24, H, W)
        stages1 = self.stages1(F.max_pool2d(stages0, 2))  # (N, 48, H/2, W/2)
        stages2 = self.stages2(F.max_pool2d(stages1, 2))  # (N, 96, H/4, W/4)
        stages3 = self.stages3(F.max_pool2d(stages2, 2))  # (N, 192, H/8, W/8)
        stages4 = self.stages4(F.max_pool2d(stages3, 2))  # (N, 384, H/16, W/16)
        return stages0, stages1, stages2, stages3, stages4


class Level(nn.Module):
    """Upsampling, padding, concatenation, DenseBlock."""

    def __init__(
        self,
        out_channels: int,
        joined_channels: int,
        widths: tuple[int, ...],
        links: tuple[tuple[int, ...], ...],
        kept: tuple[int, ...],
    ):
        super().__init__()
        self.block = DenseBlock(
            joined_channels,
            out_channels,
            widths=widths,
            links=links,
            kept=kept,
        )

    def forward(self, skip: Tensor, x: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        x = pad_to(x, skip)
        return self.block(torch.cat([skip, x], dim=1))


class Block(nn.Module):
    """Convolution, GroupNorm, GELU, convolution, GroupNorm, GELU."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(192, 96, 3, padding=2, dilation=2)
        self.bn1 = nn.GroupNorm(8, 96)
        self.conv2 = nn.Conv2d(96, 48, 3, padding=2, dilation=2)
        self.bn2 = nn.GroupNorm(8, 48)

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(self.bn1(self.conv1(x)))  # (N, 96, H/4, W/4)
        return F.gelu(self.bn2(self.conv2(x)))


class Level2(nn.Module):
    """Upsampling, padding, concatenation, Block."""

    def __init__(self):
        super().__init__()
        self.block = Block()

    def forward(self, skip: Tensor, x: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        x = pad_to(x, skip)
        return self.block(torch.cat([skip, x], dim=1))


class Level3(nn.Module):
    """Upsampling, padding, concatenation, DoubleConvReLU."""

    def __init__(self):
        super().__init__()
        self.block = DoubleConvReLU(48, 24, 24, dilation=2)

    def forward(self, skip: Tensor, x: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        x = pad_to(x, skip)
        return self.block(torch.cat([skip, x], dim=1))


class Decoder(nn.Module):
    """Level, Level2, Level, Level3."""

    def __init__(self):
        super().__init__()
        self.level3 = Level(
            96,
            576,
            widths=(16, 22, 16, 32, 16, 22, 16, 44),
            links=CHAIN_LINKS,
            kept=(1, 3, 5, 7, 8),
        )
        self.level2 = Level2()
        self.level1 = Level(
            24,
            96,
            widths=(40, 64, 40, 102),
            links=HARMONIC_LINKS[:4],
            kept=(1, 3, 4),
        )
        self.level0 = Level3()

    def forward(
        self,
        stages0: Tensor,
        stages1: Tensor,
        stages2: Tensor,
        stages3: Tensor,
        stages4: Tensor,
    ) -> Tensor:
        x = self.level3(stages3, stages4)  # (N, 96, H/8, W/8)
        x = self.level2(stages2, x)  # (N, 48, H/4, W/4)
        x = self.level1(stages1, x)  # (N, 24, H/2, W/2)
        return self.level0(stages0, x)


class Head(nn.Module):
    """1x1 convolution."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(24, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class FoundUNet(nn.Module):
    """The network: an image (N, 3, H, W) to logits (N, 1, H, W)."""

    def __init__(self):
        super().__init__()
        self.prediction = 0  # of the outputs, the one that counts
        self.encoder = Encoder()
        self.decoder = Decoder()
        self.head = Head()

    def forward(self, image: Tensor) -> Tensor:
        stages0, stages1, stages2, stages3, stages4 = self.encoder(image)
        x = self.decoder(stages0, stages1, stages2, stages3, stages4)  # (N, 24, H, W)
        return self.head(x)
