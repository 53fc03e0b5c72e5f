"""The residual unit of ResUNet: norm and activation before each 3x3 convolution, a 1x1 convolution around both.

Source: Zhang et al., Deep Residual U-Net, GRSL 2018, arXiv:1711.10684, section II-A, after He et al., ECCV 2016,
arXiv:1603.05027. The paper leaves the shortcut open; as in most ports it is a 1x1 convolution with BatchNorm.
"""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, Conv
from search_spaces.parts import activate, normalise

__all__ = ["preact_residual"]


@rule("block", stride=1, leading=True, norm="batch", activation="relu")
def preact_residual(
    g: GraphBuilder, x: Node, width: int, *, stride: int, leading: bool, norm: str, activation: str
) -> Node:
    """Append the unit. Shapes: x (C, H, W) -> (width, ceil(H / stride), ceil(W / stride)).

    stride: of the first convolution and the shortcut; 2 goes down a level, ResUNet has no pooling.
    leading: norm and activation before the first convolution, which the network's first unit lacks.
    Cost at C = width = 32: 19,744 parameters, 19,456 H W MACs.
    """
    inside = activate(g, normalise(g, x, norm, name="bn1"), activation) if leading else x
    inside = g.add(Conv(width, stride=stride), inside, name="conv1")
    inside = activate(g, normalise(g, inside, norm, name="bn2"), activation)
    inside = g.add(Conv(width), inside, name="conv2")
    with g.scope("shortcut"):
        passed = g.add(Conv(width, kernel=1, stride=stride), x, name="conv")
        return g.add(Add(), inside, normalise(g, passed, norm, name="bn"))
