"""No decoder: the encoder's deepest feature, which classifiers read."""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from search_spaces.pyramid import Pyramid

__all__ = ["deepest"]


@rule("decoder")
def deepest(g: GraphBuilder, pyramid: Pyramid) -> list[Node]:
    """Return the feature. Shapes: pyramid -> [(C, h, w) of its last]."""
    return list(pyramid.features[-1:])
