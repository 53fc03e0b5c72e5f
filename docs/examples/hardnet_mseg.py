"""HarDNetMSEG, a network of 121 convolutions among 366 operators.

encoder: 2 x ConvBNReLU6, 4 x max pooling, 5 x Block.
    stem0    ConvBNReLU6  (N, 32, H/2, W/2)
    stem1    ConvBNReLU6  (N, 64, H/2, W/2)
    blocks0  Block        (N, 128, H/4, W/4)
    blocks1  Block        (N, 256, H/8, W/8)
    blocks2  Block        (N, 320, H/8, W/8)
    blocks3  Block        (N, 640, H/16, W/16)
    blocks4  Block        (N, 1024, H/32, W/32)

neck: 3 x Level.
    level0  Level  (N, 32, H/8, W/8)
    level1  Level  (N, 32, H/16, W/16)
    level2  Level  (N, 32, H/32, W/32)

decoder: 4 x resizing, 8 x ConvBN, 3 x product, 2 x concatenation.
    conv_upsample2  ConvBN  (N, 32, H/8, W/8)
    conv_upsample3  ConvBN  (N, 32, H/8, W/8)
    conv_upsample1  ConvBN  (N, 32, H/16, W/16)
    conv_upsample4  ConvBN  (N, 32, H/16, W/16)
    conv_concat2    ConvBN  (N, 64, H/16, W/16)
    conv_upsample5  ConvBN  (N, 64, H/8, W/8)
    conv_concat3    ConvBN  (N, 96, H/8, W/8)
    conv4           ConvBN  (N, 96, H/8, W/8)

head: 1x1 convolution, resizing.

Input: an image (N, 3, H, W). Output: logits (N, 1, H, W).

Costs of one image of 352 x 352: 17,423,837 parameters, 11.3 G multiply-accumulates; in fp32
with pointwise layers fused, 349.2 MB moved through memory and at most 81.7 MB held in it.

Key of the architecture: a6654010ff8be472cb6974f6e7cbdb17.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HARMONIC_LINKS = (
    (0,),
    (1, 0),
    (2,),
    (3, 2, 0),
    (4,),
    (5, 4),
    (6,),
    (7, 6, 4, 0),
    (8,),
    (9, 8),
    (10,),
    (11, 10, 8),
    (12,),
    (13, 12),
    (14,),
    (15, 14, 12, 8, 0),
)
"""Which maps each layer of a block reads: 0 is the block's input, i what its i-th layer makes."""


def join(features: list[Tensor], numbers: tuple[int, ...]) -> Tensor:
    """Concatenate the features of these numbers on channels; one is itself."""
    chosen = [features[i] for i in numbers]
    return torch.cat(chosen, dim=1) if len(chosen) > 1 else chosen[0]


class ConvBNReLU6(nn.Module):
    """Convolution, BatchNorm, ReLU6."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
    ):
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=padding,
            bias=False,
        )
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu6(self.norm(self.conv(x)))


class Block(nn.Module):
    """Linked layers: each reads the maps that `links` lists for it, joined.

    Map 0 is the input, map i the output of the i-th ConvBNReLU6. widths: their channels. kept:
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
                ConvBNReLU6(sum([channels_of[i] for i in link]), width, 3, padding=1)
                for link, width in zip(links, widths, strict=True)
            ],
        )
        self.transition = ConvBNReLU6(sum([channels_of[i] for i in kept]), out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer, link in zip(self.layers, self.links, strict=True):
            features.append(layer(join(features, link)))
        return self.transition(join(features, self.kept))


class Encoder(nn.Module):
    """2 x ConvBNReLU6, 4 x max pooling, 5 x Block."""

    def __init__(self):
        super().__init__()
        self.stem0 = ConvBNReLU6(3, 32, 3, stride=2, padding=1)
        self.stem1 = ConvBNReLU6(32, 64, 3, padding=1)
        self.blocks0 = Block(
            64,
            128,
            widths=(14, 24, 14, 40, 14, 24, 14, 68),
            links=HARMONIC_LINKS[:8],
            kept=(1, 3, 5, 7, 8),
        )
        self.blocks1 = Block(
            128,
            256,
            widths=(16, 28, 16, 46, 16, 28, 16, 78, 16, 28, 16, 46, 16, 28, 16, 134),
            links=HARMONIC_LINKS,
            kept=(1, 3, 5, 7, 9, 11, 13, 15, 16),
        )
        self.blocks2 = Block(
            256,
            320,
            widths=(20, 34, 20, 58, 20, 34, 20, 98, 20, 34, 20, 58, 20, 34, 20, 168),
            links=HARMONIC_LINKS,
            kept=(1, 3, 5, 7, 9, 11, 13, 15, 16),
        )
        self.blocks3 = Block(
            320,
            640,
            widths=(40, 68, 40, 116, 40, 68, 40, 196, 40, 68, 40, 116, 40, 68, 40, 334),
            links=HARMONIC_LINKS,
            kept=(1, 3, 5, 7, 9, 11, 13, 15, 16),
        )
        self.blocks4 = Block(
            640,
            1024,
            widths=(160, 272, 160, 462),
            links=HARMONIC_LINKS[:4],
            kept=(1, 3, 4),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.stem0(x)  # (N, 32, H/2, W/2)
        x = self.stem1(x)  # (N, 64, H/2, W/2)
        x = self.blocks0(F.max_pool2d(x, 3, 2, padding=1))  # (N, 128, H/4, W/4)
        x = self.blocks1(F.max_pool2d(x, 2))  # (N, 256, H/8, W/8)
        blocks2 = self.blocks2(x)  # (N, 320, H/8, W/8)
        blocks3 = self.blocks3(F.max_pool2d(blocks2, 2))  # (N, 640, H/16, W/16)
        blocks4 = self.blocks4(F.max_pool2d(blocks3, 2))  # (N, 1024, H/32, W/32)
        return blocks2, blocks3, blocks4


class ConvBN(nn.Module):
    """Convolution, BatchNorm."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        padding: int | tuple[int, ...] = 0,
        dilation: int = 1,
    ):
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            padding=padding,
            dilation=dilation,
            bias=False,
        )
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


class Level(nn.Module):
    """3 x ConvBN, 3 x (4 x ConvBN), concatenation, sum, ReLU."""

    def __init__(self, in_channels: int):
        super().__init__()
        self.branch0 = nn.Sequential(ConvBN(in_channels, 32, 1))
        self.branch1 = nn.Sequential(
            ConvBN(in_channels, 32, 1),
            ConvBN(32, 32, (1, 3), padding=(0, 1)),
            ConvBN(32, 32, (3, 1), padding=(1, 0)),
            ConvBN(32, 32, 3, padding=3, dilation=3),
        )
        self.branch2 = nn.Sequential(
            ConvBN(in_channels, 32, 1),
            ConvBN(32, 32, (1, 5), padding=(0, 2)),
            ConvBN(32, 32, (5, 1), padding=(2, 0)),
            ConvBN(32, 32, 3, padding=5, dilation=5),
        )
        self.branch3 = nn.Sequential(
            ConvBN(in_channels, 32, 1),
            ConvBN(32, 32, (1, 7), padding=(0, 3)),
            ConvBN(32, 32, (7, 1), padding=(3, 0)),
            ConvBN(32, 32, 3, padding=7, dilation=7),
        )
        self.conv_cat = ConvBN(128, 32, 3, padding=1)
        self.conv_res = ConvBN(in_channels, 32, 1)

    def forward(self, x: Tensor) -> Tensor:
        branch0 = self.branch0(x)
        branch1 = self.branch1(x)
        branch2 = self.branch2(x)
        branch3 = self.branch3(x)
        conv_cat = self.conv_cat(torch.cat([branch0, branch1, branch2, branch3], dim=1))
        return F.relu(conv_cat + self.conv_res(x))


class Neck(nn.Module):
    """3 x Level."""

    def __init__(self):
        super().__init__()
        self.level0 = Level(320)
        self.level1 = Level(640)
        self.level2 = Level(1024)

    def forward(
        self,
        blocks2: Tensor,
        blocks3: Tensor,
        blocks4: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        level0 = self.level0(blocks2)  # (N, 32, H/8, W/8)
        level1 = self.level1(blocks3)  # (N, 32, H/16, W/16)
        level2 = self.level2(blocks4)  # (N, 32, H/32, W/32)
        return level0, level1, level2


class Decoder(nn.Module):
    """4 x resizing, 8 x ConvBN, 3 x product, 2 x concatenation."""

    def __init__(self):
        super().__init__()
        self.conv_upsample2 = ConvBN(32, 32, 3, padding=1)
        self.conv_upsample3 = ConvBN(32, 32, 3, padding=1)
        self.conv_upsample1 = ConvBN(32, 32, 3, padding=1)
        self.conv_upsample4 = ConvBN(32, 32, 3, padding=1)
        self.conv_concat2 = ConvBN(64, 64, 3, padding=1)
        self.conv_upsample5 = ConvBN(64, 64, 3, padding=1)
        self.conv_concat3 = ConvBN(96, 96, 3, padding=1)
        self.conv4 = ConvBN(96, 96, 3, padding=1)

    def forward(self, level0: Tensor, level1: Tensor, level2: Tensor) -> Tensor:
        x = F.interpolate(level2, size=level1.shape[2:], mode="bilinear", align_corners=True)
        y = F.interpolate(x, size=level0.shape[2:], mode="bilinear", align_corners=True)
        conv_upsample2 = self.conv_upsample2(y)
        y = F.interpolate(level1, size=level0.shape[2:], mode="bilinear", align_corners=True)
        y = level0 * (conv_upsample2 * self.conv_upsample3(y))
        z = level1 * self.conv_upsample1(x)  # (N, 32, H/16, W/16)
        x = self.conv_upsample4(x)
        x = self.conv_concat2(torch.cat([z, x], dim=1))  # (N, 64, H/16, W/16)
        x = F.interpolate(x, size=level0.shape[2:], mode="bilinear", align_corners=True)
        x = self.conv_upsample5(x)
        x = self.conv_concat3(torch.cat([y, x], dim=1))  # (N, 96, H/8, W/8)
        return self.conv4(x)


class Head(nn.Module):
    """1x1 convolution, resizing."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(96, 1, 1)

    def forward(self, x: Tensor, image: Tensor) -> Tensor:
        x = self.conv(x)  # (N, 1, H/8, W/8)
        return F.interpolate(x, size=image.shape[2:], mode="bilinear", align_corners=False)


class HarDNetMSEG(nn.Module):
    """The network: an image (N, 3, H, W) to logits (N, 1, H, W)."""

    def __init__(self):
        super().__init__()
        self.prediction = 0  # of the outputs, the one that counts
        self.encoder = Encoder()
        self.neck = Neck()
        self.decoder = Decoder()
        self.head = Head()

    def forward(self, image: Tensor) -> Tensor:
        blocks2, blocks3, blocks4 = self.encoder(image)
        level0, level1, level2 = self.neck(blocks2, blocks3, blocks4)
        x = self.decoder(level0, level1, level2)  # (N, 96, H/8, W/8)
        return self.head(x, image)
