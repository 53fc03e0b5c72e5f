"""RFB: branches of strip and dilated convolutions that widen the receptive field.

Source: Liu et al., ECCV 2018, arXiv:1711.07767, in the form of PraNet and HarDNet-MSEG (arXiv:2101.07172, code
james128333/HarDNet-MSEG, `lib/HarDMSEG.py`), which is followed: no activation but the last ReLU.
"""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, BatchNorm, Concat, Conv, ReLU

__all__ = ["conv_bn", "rfb"]


@rule("context", reaches=(3, 5, 7))
def rfb(g: GraphBuilder, x: Node, width: int, *, reaches: tuple[int, ...]) -> Node:
    """Append the module. Shapes: (C, H, W) -> (width, H, W).

    reaches: of each branch beside the plain 1x1, the length of its strips (1, r), (r, 1) and the dilation of its 3x3.
    Cost at C = 320, width 32: 146,432 weights of convolutions.
    """
    with g.scope("branch0"):
        branches = [conv_bn(g, x, Conv(width, kernel=1, bias=False), "0")]
    for i, reach in enumerate(reaches, start=1):
        with g.scope(f"branch{i}"):
            branches.append(_branch(g, x, width, reach))
    joined = conv_bn(g, g.add(Concat(), *branches), Conv(width, kernel=3, bias=False), "conv_cat")
    passed = conv_bn(g, x, Conv(width, kernel=1, bias=False), "conv_res")
    return g.add(ReLU(), g.add(Add(), joined, passed))


def _branch(g: GraphBuilder, x: Node, width: int, reach: int) -> Node:
    layers = (
        Conv(width, kernel=1, bias=False),
        Conv(width, kernel=(1, reach), bias=False),
        Conv(width, kernel=(reach, 1), bias=False),
        Conv(width, kernel=3, dilation=reach, bias=False),
    )
    for i, conv in enumerate(layers):
        x = conv_bn(g, x, conv, str(i))
    return x


def conv_bn(g: GraphBuilder, x: Node, conv: Conv, name: str) -> Node:
    """Append `conv` and BatchNorm in a scope of that name; no activation, though the published module owns one."""
    with g.scope(name):
        return g.add(BatchNorm(), g.add(conv, x, name="conv"), name="bn")
