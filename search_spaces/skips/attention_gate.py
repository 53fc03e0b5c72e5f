"""The additive attention gate of Attention U-Net in its common 2-D form: the upsampled feature says where to look.

Source: Oktay et al., MIDL 2018, arXiv:1804.03999; code LeeJunHyun/Image_Segmentation, `network.py`, which is followed:
the gate has the skip's size, each 1x1 convolution a BatchNorm. The authors' own form is `grid_gate`.
"""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, BatchNorm, Conv, Multiply, ReLU, Sigmoid

__all__ = ["attention_gate"]


@rule("skip", reduction=2)
def attention_gate(g: GraphBuilder, x: Node, upsampled: Node, *, reduction: int) -> Node:
    """Append the gate. Shapes: (C, H, W), (D, H, W) -> (C, H, W).

    reduction: the two are compared in C / reduction channels, at least one.
    x sigmoid(psi(ReLU(W_g(upsampled) + W_x(x)))), psi to one channel.
    Cost at C = D = 64: 4,323 parameters, 4,128 H W MACs.
    """
    between = max(1, x.channels // reduction)
    gate = _conv_norm(g, upsampled, between, "W_g")
    compared = g.add(ReLU(), g.add(Add(), gate, _conv_norm(g, x, between, "W_x")))
    return g.add(Multiply(), x, g.add(Sigmoid(), _conv_norm(g, compared, 1, "psi")))


def _conv_norm(g: GraphBuilder, x: Node, channels: int, name: str) -> Node:
    with g.scope(name):
        return g.add(BatchNorm(), g.add(Conv(channels, kernel=1), x, name="0"), name="1")
