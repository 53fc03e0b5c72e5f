"""The bottleneck residual block: 1x1 down, 3x3, 1x1 up, and the block's input (ResNet-50, the first stage of HRNet).

Source: He et al., CVPR 2016, arXiv:1512.03385; names and form as in HRNet's code.
"""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, Conv
from search_spaces.parts import activate, normalise, shortcut

__all__ = ["bottleneck"]


@rule("block", reduction=4, norm="batch", activation="relu")
def bottleneck(g: GraphBuilder, x: Node, width: int, *, reduction: int, norm: str, activation: str) -> Node:
    """Append the block; where C is not `width` the input goes through a 1x1. Shapes: x (C, H, W) -> (width, H, W).

    reduction: the 3x3 has width / reduction channels, at least one.
    Cost at C = width = 256: 69,632 weights of convolutions, 69,632 H W MACs.
    """
    narrow = max(1, width // reduction)
    inside = x
    for i, (channels, kernel) in enumerate(((narrow, 1), (narrow, 3), (width, 1)), start=1):
        inside = inside if i == 1 else activate(g, inside, activation)
        inside = g.add(Conv(channels, kernel=kernel, bias=False), inside, name=f"conv{i}")
        inside = normalise(g, inside, norm, name=f"bn{i}")
    return activate(g, g.add(Add(), inside, shortcut(g, x, width, norm)), activation)
