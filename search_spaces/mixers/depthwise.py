"""One depthwise convolution with a large kernel, the mixer of ConvNeXt and ConvUNeXt.

Source: Liu et al., ConvNeXt, CVPR 2022, arXiv:2201.03545, section 2.5; ConvUNeXt (code 1914669687/ConvUNeXt,
`src/ConvUNeXt.py`) pads by reflection.
"""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Conv
from search_spaces.parts import project

__all__ = ["depthwise"]


@rule("mixer", kernel=7, padding_mode="zeros")
def depthwise(g: GraphBuilder, x: Node, width: int, *, kernel: int, padding_mode: str) -> Node:
    """Append the convolution, after a 1x1 where C is not `width`. Shapes: x (C, H, W) -> (width, H, W).

    padding_mode: "zeros" (ConvNeXt) or "reflect" (ConvUNeXt; needs H, W > kernel // 2).
    Cost at C = width = 32: 1,600 parameters, 1,568 H W MACs.
    """
    x = project(g, x, width)
    return g.add(Conv(width, kernel=kernel, groups=width, padding_mode=padding_mode), x, name="dwconv")
