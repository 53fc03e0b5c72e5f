"""The same context module on every level, which also makes their widths equal (HarDNet-MSEG)."""

from nas.grammar import Block, rule
from nas.graph import GraphBuilder
from search_spaces.contexts.rfb import rfb
from search_spaces.pyramid import Pyramid

__all__ = ["every"]


@rule("neck", context=rfb, width=32)
def every(g: GraphBuilder, pyramid: Pyramid, *, context: Block, width: int) -> Pyramid:
    """Append `context` to each feature, with weights of its own. Shapes: (C_i, h_i, w_i) -> (width, h_i, w_i)."""
    features = (context(g, x, width, name=f"level{i}") for i, x in enumerate(pyramid.features))
    return Pyramid(pyramid.image, tuple(features))
