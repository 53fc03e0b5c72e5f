"""No stem: the first stage reads the image."""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node

__all__ = ["no_stem"]


@rule("stem")
def no_stem(g: GraphBuilder, x: Node, width: int) -> Node:
    """Return the image. Shapes: (C, H, W) -> same."""
    return x
