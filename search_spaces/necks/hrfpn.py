"""HRNetV2p's neck: all levels joined at the finest one's size, then a pyramid of one width by average pooling.

Source: Wang et al., HRNet, TPAMI 2020, arXiv:1908.07919, figure 4 (c); code HRNet/HRNet-Object-Detection,
`mmdet/models/necks/hrfpn.py`.
"""

from nas.grammar import Block, rule
from nas.graph import GraphBuilder
from nas.ops import AvgPool
from search_spaces.blocks.conv_unit import conv_unit
from search_spaces.decoders.concat_all import concat_all
from search_spaces.mixers.no_mixer import no_mixer
from search_spaces.pyramid import Pyramid

__all__ = ["hrfpn"]

_BARE = conv_unit(norm="none", activation="none")


@rule(
    "neck",
    gives={"levels": "levels"},
    levels=5,
    width=256,
    join=concat_all(mix=no_mixer),
    reduce=_BARE(kernel=1),
    smooth=_BARE,
)
def hrfpn(
    g: GraphBuilder, pyramid: Pyramid, *, levels: int, width: int, join: Block, reduce: Block, smooth: Block
) -> Pyramid:
    """Append the neck. Shapes: pyramid -> `levels` features of `width` channels, each floor(half) of the one before.

    The first has the finest level's size, whose sides must be at least 2^(levels - 1). smooth: on each, after pooling.
    Cost at HRNetV2-W18 (270 channels): 3,019,776 parameters.
    """
    joined = reduce(g, join(g, pyramid)[0], width)
    pooled = [joined, *(g.add(AvgPool(2**i, 2**i), joined) for i in range(1, levels))]
    return Pyramid(pyramid.image, tuple(smooth(g, x, width, name=f"level{i}") for i, x in enumerate(pooled)))
