"""ConvUNeXt's gated skip: the upsampled feature decides what passes, and adds something of its own.

Source: ConvUNeXt, code 1914669687/ConvUNeXt, `src/ConvUNeXt.py` (its linear layers are 1x1 convolutions here).
"""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, Conv, Multiply, Sigmoid, Slice, Tanh

__all__ = ["gated"]


@rule("skip")
def gated(g: GraphBuilder, x: Node, upsampled: Node) -> Node:
    """Append the gate. Shapes: (C, H, W), (D, H, W) -> (C, H, W).

    With (a, b, c) = gate(upsampled): linear2(sigmoid(linear1(a + x)) x + sigmoid(b) tanh(c)).
    Cost at C = D = 32: 5,280 parameters, 5,120 H W MACs.
    """
    width = x.channels
    gate = g.add(Conv(3 * width, kernel=1), upsampled, name="gate")
    a, b, c = (g.add(Slice(i * width, width), gate) for i in range(3))
    passes = g.add(Sigmoid(), g.add(Conv(width, kernel=1), g.add(Add(), a, x), name="linear1"))
    added = g.add(Multiply(), g.add(Sigmoid(), b), g.add(Tanh(), c))
    return g.add(Conv(width, kernel=1), g.add(Add(), g.add(Multiply(), passes, x), added), name="linear2")
