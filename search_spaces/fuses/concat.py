"""Concatenation on channels, in the order in which a decoder lists its features (U-Net and its kin)."""

from collections.abc import Sequence

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Concat

__all__ = ["concat"]


@rule("fuse")
def concat(g: GraphBuilder, features: Sequence[Node]) -> Node:
    """Append the concatenation. Shapes: (C_i, H, W) -> (sum of C_i, H, W)."""
    return g.add(Concat(), *features) if len(features) > 1 else features[0]
