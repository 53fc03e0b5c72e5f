"""RFB as RFBNet has it: dilated branches of growing depth, a tenth of which is added to a 1x1 of the input.

Source: Liu et al., ECCV 2018, arXiv:1711.07767; code ruinmessi/RFBNet, `models/RFB_Net_vgg.py`, BasicRFB and
BasicRFB_a, which are followed but for their strides. `rfb` is the variant of PraNet and HarDNet-MSEG.
"""

from nas.errors import SpaceError
from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, BatchNorm, Concat, Conv, ReLU, Scale

__all__ = ["rfb_net"]


@rule("context", form="plain", visual=1, scale=0.1)
def rfb_net(g: GraphBuilder, x: Node, width: int, *, form: str, visual: int, scale: float) -> Node:
    """Append the module. Shapes: (C, H, W) -> (width, H, W).

    form: "plain" (BasicRFB, inner channels C / 8) or "strips" (BasicRFB_a, in other places RFB-s, C / 4).
    visual: of the plain form, where dilations are v, v + 1 and 2 v + 1. scale: of what the branches add.
    Cost at C = 64, width 64, plain: 19,872 weights of convolutions; strips: 23,392.
    """
    forms = {"plain": _plain(max(1, x.channels // 8), visual), "strips": _strips(max(1, x.channels // 4))}
    if form not in forms:
        raise SpaceError(f"rfb_net: form='{form}'; it is one of {', '.join(forms)}")
    branches = []
    for number, layers in enumerate(forms[form]):
        made = x
        with g.scope(f"branch{number}"):
            for i, conv in enumerate(layers, start=1):
                made = _unit(g, made, conv, str(i - 1), relu=i < len(layers))
        branches.append(made)
    joined = _unit(g, g.add(Concat(), *branches), Conv(width, kernel=1, bias=False), "ConvLinear", relu=False)
    passed = _unit(g, x, Conv(width, kernel=1, bias=False), "shortcut", relu=False)
    return g.add(ReLU(), g.add(Add(), g.add(Scale(scale), joined), passed))


def _plain(n: int, v: int) -> list[list[Conv]]:
    """Return the branches of BasicRFB, which make 2 n channels each."""
    return [
        [_conv(2 * n, 1), _conv(2 * n, 3, v)],
        [_conv(n, 1), _conv(2 * n, 3), _conv(2 * n, 3, v + 1)],
        [_conv(n, 1), _conv(max(1, n // 2 * 3), 3), _conv(2 * n, 3), _conv(2 * n, 3, 2 * v + 1)],
    ]


def _strips(n: int) -> list[list[Conv]]:
    """Return the branches of BasicRFB_a, which make n channels each."""
    narrow, between = max(1, n // 2), max(1, n // 4 * 3)
    return [
        [_conv(n, 1), _conv(n, 3)],
        [_conv(n, 1), _conv(n, (3, 1)), _conv(n, 3, 3)],
        [_conv(n, 1), _conv(n, (1, 3)), _conv(n, 3, 3)],
        [_conv(narrow, 1), _conv(between, (1, 3)), _conv(n, (3, 1)), _conv(n, 3, 5)],
    ]


def _conv(channels: int, kernel: int | tuple[int, int], dilation: int = 1) -> Conv:
    return Conv(channels, kernel=kernel, dilation=dilation, bias=False)


def _unit(g: GraphBuilder, x: Node, conv: Conv, name: str, *, relu: bool) -> Node:
    with g.scope(name):
        x = g.add(BatchNorm(momentum=0.01), g.add(conv, x, name="conv"), name="bn")
        return g.add(ReLU(), x) if relu else x
