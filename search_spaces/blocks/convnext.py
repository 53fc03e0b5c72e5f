"""ConvUNeXt's block: ConvNeXt's large depthwise kernel and wide 1x1 pair, with BatchNorm and an activation at the end.

Source: ConvUNeXt (code 1914669687/ConvUNeXt, `src/ConvUNeXt.py`, which is followed), after ConvNeXt, arXiv:2201.03545.
Differs from ConvNeXt: BatchNorm behind the depthwise and behind the last convolution, GELU behind the sum, no scale.
"""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, Conv
from search_spaces.parts import activate, normalise, project

__all__ = ["convnext"]


@rule("block", kernel=7, expansion=4, norm="batch", activation="gelu", padding_mode="reflect")
def convnext(
    g: GraphBuilder,
    x: Node,
    width: int,
    *,
    kernel: int,
    expansion: int,
    norm: str,
    activation: str,
    padding_mode: str,
) -> Node:
    """Append the block, after a 1x1 projection where C is not `width`. Shapes: x (C, H, W) -> (width, H, W).

    padding_mode: of the depthwise convolution, "reflect" (published; needs H, W > kernel // 2) or "zeros".
    Cost at C = width = 32: 10,080 parameters, 9,760 H W MACs.
    """
    x = project(g, x, width)
    inside = g.add(Conv(width, kernel=kernel, groups=width, padding_mode=padding_mode), x, name="dwconv")
    inside = normalise(g, inside, norm, name="norm1")
    inside = activate(g, g.add(Conv(expansion * width, kernel=1), inside, name="pwconv1"), activation)
    inside = normalise(g, g.add(Conv(width, kernel=1), inside, name="pwconv2"), norm, name="norm2")
    return activate(g, g.add(Add(), x, inside), activation)
