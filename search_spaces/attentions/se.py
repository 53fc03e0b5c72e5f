"""Squeeze and excitation: every channel times a gate computed from the means of all channels.

Source: Hu et al., CVPR 2018, arXiv:1709.01507, section 3. Its linear layers are 1x1 convolutions here. DoubleU-Net's
copy has reduction 8 and no biases.
"""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Conv, GlobalAvgPool, Multiply, ReLU, Sigmoid
from search_spaces.parts import project

__all__ = ["channel_gate", "se"]


@rule("attention", reduction=16, bias=True, initialisation="")
def se(g: GraphBuilder, x: Node, width: int, *, reduction: int, bias: bool, initialisation: str) -> Node:
    """Append the gate, after a 1x1 projection where C is not `width`. Shapes: x (C, H, W) -> (width, H, W).

    reduction: the gate is computed in width / reduction channels, at least one.
    initialisation: the scheme that draws its weights, empty for the network's.
    Cost at C = width = 64: 580 parameters, 512 MACs at any H, W.
    """
    x = project(g, x, width)
    return g.add(Multiply(), x, channel_gate(g, x, reduction, bias, initialisation))


def channel_gate(g: GraphBuilder, x: Node, reduction: int, bias: bool, initialisation: str = "") -> Node:
    """Return the gate of the channels of `x`, from convolutions named fc1 and fc2. Shapes: (C, H, W) -> (C, 1, 1)."""
    squeezed = g.add(GlobalAvgPool(), x)
    narrow, wide = (
        Conv(channels, kernel=1, bias=bias, initialisation=initialisation)
        for channels in (max(1, x.channels // reduction), x.channels)
    )
    return g.add(Sigmoid(), g.add(wide, g.add(ReLU(), g.add(narrow, squeezed, name="fc1")), name="fc2"))
