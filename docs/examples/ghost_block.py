"""The Ghost bottleneck of GhostNet: half of the maps are computed, the others made of them cheaply.

Source: Han et al., GhostNet, CVPR 2020, arXiv:1911.11907, sections 3.1 (module) and 3.2
(bottleneck); names and form as in the code huawei-noah/Efficient-AI-Backbones, `ghostnet_pytorch`.
The code's squeeze and excitation has a hard sigmoid and rounds its channels to multiples of 4; here
it is that of `se`, with the logistic function.
"""

from math import ceil

from nas.grammar import Choice, rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, Concat, Conv, Multiply, Slice
from search_spaces.attentions.se import channel_gate
from search_spaces.parts import activate, normalise

__all__ = ["ghost_block"]


@rule(
    "block",
    expansion=Choice((2, 3, 6)),
    ratio=Choice((2, 4)),
    kernel=3,
    squeeze=Choice((False, True)),
)
def ghost_block(
    g: GraphBuilder, x: Node, width: int, *, expansion: int, ratio: int, kernel: int, squeeze: bool
) -> Node:
    """Append the bottleneck of stride 1. Shapes: x (C, H, W) -> (width, H, W).

    expansion: channels between the two modules per channel of the block.
    ratio: the paper's s; one map in so many is computed by a 1x1 convolution.
    kernel: of the depthwise convolutions.
    squeeze: a gate on the channels between the two modules, computed in a quarter of them.
    """
    inside = _module(g, x, expansion * width, ratio, kernel, "relu", name="ghost1")
    if squeeze:
        with g.scope("se"):
            inside = g.add(Multiply(), inside, channel_gate(g, inside, reduction=4, bias=True))
    inside = _module(g, inside, width, ratio, kernel, "none", name="ghost2")
    return g.add(Add(), inside, _shortcut(g, x, width, kernel))


def _module(
    g: GraphBuilder, x: Node, width: int, ratio: int, kernel: int, activation: str, name: str
) -> Node:
    computed = ceil(width / ratio)
    copies = Conv((ratio - 1) * computed, kernel=kernel, groups=computed, bias=False)
    with g.scope(name):
        own = _unit(g, x, Conv(computed, kernel=1, bias=False), activation, name="primary_conv")
        both = g.add(Concat(), own, _unit(g, own, copies, activation, name="cheap_operation"))
        return both if both.channels == width else g.add(Slice(0, width), both)


def _unit(g: GraphBuilder, x: Node, conv: Conv, activation: str, name: str) -> Node:
    with g.scope(name):
        return activate(g, normalise(g, g.add(conv, x, name="0"), "batch", name="1"), activation)


def _shortcut(g: GraphBuilder, x: Node, width: int, kernel: int) -> Node:
    if x.channels == width:
        return x
    depthwise = Conv(x.channels, kernel=kernel, groups=x.channels, bias=False)
    with g.scope("shortcut"):
        x = normalise(g, g.add(depthwise, x, name="0"), "batch", name="1")
        return normalise(
            g, g.add(Conv(width, kernel=1, bias=False), x, name="2"), "batch", name="3"
        )
