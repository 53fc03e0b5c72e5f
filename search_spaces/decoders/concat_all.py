"""HRNetV2's decoder: every level resized to the finest, concatenated and mixed by one block.

Source: Wang et al., HRNet, TPAMI 2020, arXiv:1908.07919, figure 4 (b); code `seg_hrnet.py`.
"""

from nas.grammar import Block, rule
from nas.graph import GraphBuilder, Node
from nas.ops import Concat, ResizeTo
from search_spaces.blocks.conv_unit import conv_unit
from search_spaces.pyramid import Pyramid

__all__ = ["concat_all"]


@rule("decoder", mix=conv_unit(kernel=1), align_corners=False)
def concat_all(g: GraphBuilder, pyramid: Pyramid, *, mix: Block, align_corners: bool) -> list[Node]:
    """Append the three. Shapes: pyramid -> [(sum of all widths, H, W) of the finest feature]."""
    finest, *others = pyramid.features
    resized = [g.add(ResizeTo(align_corners=align_corners), x, finest) for x in others]
    joined = g.add(Concat(), finest, *resized) if resized else finest
    return [mix(g, joined, joined.channels)]
