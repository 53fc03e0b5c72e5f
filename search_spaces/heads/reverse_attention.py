"""Reverse attention: a coarse map is refined level by level where it does not see the object yet.

Source: Fan et al., PraNet, MICCAI 2020, arXiv:2006.11392, section 2.3; code DengPingFan/PraNet,
`lib/PraNet_Res2Net.py`, which is followed: no activation behind the first convolution, BatchNorm behind the last.
"""

from collections.abc import Sequence

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, ChannelMax, Conv, Multiply, ReLU, ResizeTo, Scale, Sigmoid
from search_spaces.contexts.rfb import conv_bn

__all__ = ["reverse_attention"]


@rule("head", width=64, kernel=3, count=2, deep_width=256, deep_kernel=5, deep_count=3, full_size=True)
def reverse_attention(
    g: GraphBuilder,
    features: Sequence[Node],
    *,
    width: int,
    kernel: int,
    count: int,
    deep_width: int,
    deep_kernel: int,
    deep_count: int,
    full_size: bool,
) -> list[Node]:
    """Append a 1x1 to the classes on the first feature, then a refinement per further one. Shapes: (C, h, w) -> logits.

    A refinement brings the logits p before it to its feature x and gives p + f(x (1 - sigmoid(p))); of several classes
    the largest sigmoid counts. f: 1x1 to `width`, `count` convolutions, one to the classes.
    deep_width, deep_kernel, deep_count: those of the first refinement, which ends in a 1x1.
    full_size: all logits are resized to the image (bilinear, align_corners false).
    """
    coarse, *levels = features
    logits = [g.add(Conv(g.classes, kernel=1), coarse, name="conv")]
    for i, x in enumerate(levels):
        with g.scope(f"level{i}"):
            before = g.add(ResizeTo(), logits[-1], x)
            unseen = g.add(Sigmoid(), g.add(Scale(-1.0), _largest(g, before)))
            inside = g.add(Multiply(), x, unseen)
            shape = (width, kernel, count, kernel) if i else (deep_width, deep_kernel, deep_count, 1)
            logits.append(g.add(Add(), _refined(g, inside, *shape), before))
    return [g.add(ResizeTo(), x, g.image) for x in logits] if full_size else logits


def _largest(g: GraphBuilder, logits: Node) -> Node:
    return g.add(ChannelMax(), logits) if logits.channels > 1 else logits


def _refined(g: GraphBuilder, x: Node, width: int, kernel: int, count: int, last: int) -> Node:
    x = conv_bn(g, x, Conv(width, kernel=1, bias=False), "conv1")
    for i in range(count):
        x = g.add(ReLU(), conv_bn(g, x, Conv(width, kernel=kernel, bias=False), f"conv{i + 2}"))
    return conv_bn(g, x, Conv(g.classes, kernel=last, bias=False), f"conv{count + 2}")
