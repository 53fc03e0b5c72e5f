"""Context behind the encoder: a block on the deepest feature alone, as ASPP and pyramid pooling are used."""

from nas.grammar import Block, rule
from nas.graph import GraphBuilder
from search_spaces.contexts.aspp import aspp
from search_spaces.pyramid import Pyramid

__all__ = ["at_deepest"]


@rule("neck", context=aspp)
def at_deepest(g: GraphBuilder, pyramid: Pyramid, *, context: Block) -> Pyramid:
    """Append `context` to the deepest feature, whose width stays. Shapes: (C_i, h_i, w_i) -> the same."""
    *others, x = pyramid.features
    return Pyramid(pyramid.image, (*others, context(g, x, x.channels, name="context")))
