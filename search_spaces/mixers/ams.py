"""AMS: AMSUnet's multi-scale attention out of dilated and strip convolutions, between two 1x1 convolutions.

Source: AMSUnet (code llluochen/AMSUnet, `AMSUnet.py`, which is followed). It descends from SegNeXt's MSCA and differs
by a 3x3 and a dilated 3x3 in place of the 5x5, by its strips, and by the missing inner residual.
"""

from collections.abc import Mapping

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, Conv, Multiply
from search_spaces.parts import activate, project

__all__ = ["ams", "strip_gate"]


@rule("mixer", dilation=1, strip5=True, strip7=True, strip11=True, strip21=False, activation="gelu")
def ams(
    g: GraphBuilder,
    x: Node,
    width: int,
    *,
    dilation: int,
    strip5: bool,
    strip7: bool,
    strip11: bool,
    strip21: bool,
    activation: str,
) -> Node:
    """Append the attention, after a 1x1 projection where C is not `width`. Shapes: x (C, H, W) -> (width, H, W).

    dilation: of the second depthwise 3x3. strip5, strip7, strip11, strip21: which pairs (1, k), (k, 1) are summed.
    Without strips it is the two depthwise convolutions alone. The strips' published names are conv0_*, conv1_* and
    conv2_*; length 21, which is MSCA's, takes conv3_*.
    Cost at C = width = 32: 5,472 parameters, 5,120 H W MACs.
    """
    x = project(g, x, width)
    x = activate(g, g.add(Conv(width, kernel=1), x, name="conv1"), activation)
    with g.scope("ams"):
        near = g.add(Conv(width, kernel=3, groups=width), x, name="conv")
        wide = g.add(Conv(width, kernel=3, dilation=dilation, groups=width), near, name="conv0")
        summed = g.add(Add(), near, wide)
        x = strip_gate(g, x, wide, summed, {5: strip5, 7: strip7, 11: strip11, 21: strip21})
    return g.add(Conv(width, kernel=1), x, name="conv2")


def strip_gate(g: GraphBuilder, x: Node, wide: Node, summed: Node, lengths: Mapping[int, bool]) -> Node:
    """Add the strip pairs of `wide` to `summed`, mix channels, and multiply with `x`. Shapes: all (C, H, W).

    lengths: of the pairs (1, k), (k, 1), each with whether it is there; the i-th is named conv{i}_1, conv{i}_2.
    """
    width = x.channels
    for i, (k, on) in enumerate(lengths.items()):
        if on:
            strip = g.add(Conv(width, kernel=(1, k), groups=width), wide, name=f"conv{i}_1")
            strip = g.add(Conv(width, kernel=(k, 1), groups=width), strip, name=f"conv{i}_2")
            summed = g.add(Add(), summed, strip)
    return g.add(Multiply(), g.add(Conv(width, kernel=1), summed, name="conv3"), x)
