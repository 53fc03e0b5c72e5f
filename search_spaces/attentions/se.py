"""Squeeze and excitation: every channel times a gate computed from the means of all channels.

Source: Hu et al., CVPR 2018, arXiv:1709.01507, section 3. Its linear layers are 1x1 convolutions here. DoubleU-Net's
copy has reduction 8 and no biases.
"""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Conv, GlobalAvgPool, Multiply, ReLU, Sigmoid
from search_spaces.parts import project

__all__ = ["channel_gate", "se"]


@rule("attention", reduction=16, bias=True)
def se(g: GraphBuilder, x: Node, width: int, *, reduction: int, bias: bool) -> Node:
    """Append the gate, after a 1x1 projection where C is not `width`. Shapes: x (C, H, W) -> (width, H, W).

    reduction: the gate is computed in width / reduction channels, at least one.
    Cost at C = width = 64: 580 parameters, 512 MACs at any H, W.
    """
    x = project(g, x, width)
    return g.add(Multiply(), x, channel_gate(g, x, reduction, bias))


def channel_gate(g: GraphBuilder, x: Node, reduction: int, bias: bool) -> Node:
    """Return the gate of the channels of `x`, from convolutions named fc1 and fc2. Shapes: (C, H, W) -> (C, 1, 1)."""
    squeezed = g.add(GlobalAvgPool(), x)
    hidden = g.add(Conv(max(1, x.channels // reduction), kernel=1, bias=bias), squeezed, name="fc1")
    return g.add(Sigmoid(), g.add(Conv(x.channels, kernel=1, bias=bias), g.add(ReLU(), hidden), name="fc2"))
