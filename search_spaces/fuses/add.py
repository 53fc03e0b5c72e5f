"""Sum of features, as feature pyramids, LinkNet and UNeXt join what comes up with the skip.

Source: Chaurasia and Culurciello, LinkNet, VCIP 2017, arXiv:1707.03718; Valanarasu and Patel, UNeXt, MICCAI 2022.
"""

from collections.abc import Sequence

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, Conv

__all__ = ["add"]


@rule("fuse")
def add(g: GraphBuilder, features: Sequence[Node]) -> Node:
    """Append the sums. Shapes: (C_i, H, W) -> (C_0, H, W); what has another width goes through a 1x1 first."""
    total, *others = features
    for i, x in enumerate(others, start=1):
        fits = x if x.channels == total.channels else g.add(Conv(total.channels, kernel=1), x, name=f"project{i}")
        total = g.add(Add(), total, fits)
    return total
