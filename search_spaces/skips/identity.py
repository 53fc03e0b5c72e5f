"""The plain skip: the encoder's feature as it is."""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node

__all__ = ["identity"]


@rule("skip")
def identity(g: GraphBuilder, x: Node, upsampled: Node) -> Node:
    """Return the encoder's feature. Shapes: (C, H, W), any -> (C, H, W)."""
    return x
