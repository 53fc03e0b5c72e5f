"""The basic residual block: two 3x3 convolutions and the block's input (ResNet-18 and -34, the branches of HRNet).

Source: He et al., CVPR 2016, arXiv:1512.03385; names and form as in HRNet's code.
"""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, Conv
from search_spaces.parts import activate, normalise, shortcut

__all__ = ["basic_residual"]


@rule("block", norm="batch", activation="relu")
def basic_residual(g: GraphBuilder, x: Node, width: int, *, norm: str, activation: str) -> Node:
    """Append the block; where C is not `width` the input goes through a 1x1. Shapes: x (C, H, W) -> (width, H, W).

    Cost at C = width = 32: 18,432 weights of convolutions, 18,432 H W MACs.
    """
    inside = normalise(g, g.add(Conv(width, kernel=3, bias=False), x, name="conv1"), norm, name="bn1")
    inside = g.add(Conv(width, kernel=3, bias=False), activate(g, inside, activation), name="conv2")
    inside = normalise(g, inside, norm, name="bn2")
    return activate(g, g.add(Add(), inside, shortcut(g, x, width, norm)), activation)
