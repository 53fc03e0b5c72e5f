"""A context module on the deepest level alone, where a map is smallest and its places see most (DoubleU-Net)."""

from nas.grammar import Block, rule
from nas.graph import GraphBuilder
from search_spaces.contexts.aspp import aspp
from search_spaces.pyramid import Pyramid

__all__ = ["deepest_context"]


@rule("neck", context=aspp, width=0)
def deepest_context(g: GraphBuilder, pyramid: Pyramid, *, context: Block, width: int) -> Pyramid:
    """Append `context` to the last feature. Shapes: its (C, h, w) -> (width, h, w); all others stay.

    width: 0 keeps C.
    """
    *finer, x = pyramid.features
    return Pyramid(pyramid.image, (*finer, context(g, x, width or x.channels)))
