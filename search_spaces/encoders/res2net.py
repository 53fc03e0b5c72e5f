"""Res2Net: four stages of residual blocks behind a stem of three convolutions and max pooling.

Source: Gao et al., Res2Net, TPAMI 2021, arXiv:1904.01169; code DengPingFan/PraNet, `lib/Res2Net_v1b.py`, which is
followed. The defaults are Res2Net-50 v1b 26w 4s, PraNet's encoder.
"""

from nas.errors import SpaceError
from nas.grammar import Block, rule
from nas.graph import GraphBuilder, Node
from nas.ops import BatchNorm, Conv, MaxPool, ReLU
from search_spaces.blocks.res2net_block import res2net_block
from search_spaces.pyramid import Pyramid

__all__ = ["res2net"]

_STRIDED = res2net_block(first=True, stride=2)


@rule(
    "encoder",
    gives={"levels": "levels"},
    levels=4,
    stem=(32, 32, 64),
    counts=(3, 4, 6, 3),
    widths=(256, 512, 1024, 2048),
    heads=(res2net_block(first=True), _STRIDED, _STRIDED, _STRIDED),
    block=res2net_block,
    initialisation="resnet",
)
def res2net(
    g: GraphBuilder,
    image: Node,
    *,
    levels: int,
    stem: tuple[int, ...],
    counts: tuple[int, ...],
    widths: tuple[int, ...],
    heads: tuple[Block, ...],
    block: Block,
    initialisation: str,
) -> Pyramid:
    """Append stem and stages. Shapes: image (C, H, W) -> the last `levels` features of x/4, x/8, x/16, x/32.

    Sides are rounded up at each step. stem: channels of its convolutions, the first of which strides.
    counts, widths: blocks and channels of each stage. heads: the first block of each stage, which halves the map in
    all but the first; block: all others. initialisation: the scheme that draws the stem, empty for the network's.
    Cost of the default: 23,669,352 parameters.
    """
    if not len(counts) == len(widths) == len(heads):
        raise SpaceError(
            f"res2net: counts={counts}, widths={widths} and {len(heads)} heads; give one of each per stage"
        )
    x = _stem(g, image, stem, initialisation)
    features = []
    for i, (count, width, head) in enumerate(zip(counts, widths, heads, strict=True)):
        with g.scope(f"layer{i + 1}"):
            for number in range(count):
                x = (block if number else head)(g, x, width, name=str(number))
        features.append(x)
    return Pyramid(image, tuple(features[-levels:]))


def _stem(g: GraphBuilder, image: Node, widths: tuple[int, ...], initialisation: str) -> Node:
    """Append convolutions with BatchNorm and ReLU, and pooling. Shapes: (C, H, W) -> (widths[-1], H / 4, W / 4)."""
    x = image
    with g.scope("stem"):
        for i, width in enumerate(widths):
            conv = Conv(width, stride=1 if i else 2, bias=False, initialisation=initialisation)
            x = g.add(ReLU(), g.add(BatchNorm(), g.add(conv, x, name=f"conv{i}"), name=f"bn{i}"))
        return g.add(MaxPool(kernel=3, padding=1), x)
