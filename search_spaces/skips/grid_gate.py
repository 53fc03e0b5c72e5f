"""The attention gate of Attention U-Net as its authors' code has it: compared on a grid of half the skip's size.

Source: Oktay et al., MIDL 2018, arXiv:1804.03999, figure 2; code ozan-oktay/Attention-Gated-Networks,
`models/layers/grid_attention_layer.py`, mode "concatenation", which is followed. There the gating feature comes from
the level below, which has the grid's size; here it is the upsampled one, brought to that size before its 1x1
convolution (the order of the two changes no value).
"""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, BatchNorm, Conv, Multiply, ReLU, ResizeTo, Sigmoid

__all__ = ["grid_gate"]


@rule("skip", reduction=2)
def grid_gate(g: GraphBuilder, x: Node, upsampled: Node, *, reduction: int) -> Node:
    """Append the gate. Shapes: (C, H, W), (D, H, W) -> (C, H, W); H, W at least 2.

    reduction: the two are compared in C / reduction channels, at least one.
    W(q x) with q = sigmoid(psi(ReLU(theta(x) + phi(upsampled)))) resized to x, W a 1x1 convolution and BatchNorm.
    Cost at C = D = 64: 14,593 parameters, 6,664 H W MACs where H and W are even.
    """
    between = max(1, x.channels // reduction)
    theta = g.add(Conv(between, kernel=2, stride=2, padding=0, bias=False), x, name="theta")
    phi = g.add(Conv(between, kernel=1), g.add(ResizeTo(), upsampled, theta), name="phi")
    grid = g.add(Sigmoid(), g.add(Conv(1, kernel=1), g.add(ReLU(), g.add(Add(), theta, phi)), name="psi"))
    gated = g.add(Multiply(), x, g.add(ResizeTo(), grid, x))
    with g.scope("W"):
        return g.add(BatchNorm(), g.add(Conv(x.channels, kernel=1), gated, name="0"), name="1")
