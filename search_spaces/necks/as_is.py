"""No neck: the decoder gets the encoder's features."""

from nas.grammar import rule
from nas.graph import GraphBuilder
from search_spaces.pyramid import Pyramid

__all__ = ["as_is"]


@rule("neck")
def as_is(g: GraphBuilder, pyramid: Pyramid) -> Pyramid:
    """Return the pyramid."""
    return pyramid
