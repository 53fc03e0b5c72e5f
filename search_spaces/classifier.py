"""The network that encoders are pretrained in: encoder and head, one answer for the whole image."""

from nas.build import Outputs
from nas.grammar import Block, rule
from nas.graph import GraphBuilder
from search_spaces.encoders.staged import staged
from search_spaces.heads.linear_head import linear_head

__all__ = ["classifier"]


@rule("network", encoder=staged, head=linear_head, initialisation="torch")
def classifier(g: GraphBuilder, *, encoder: Block, head: Block, initialisation: str) -> Outputs:
    """Append the two; the head gets the deepest feature. Shapes: the image (C, H, W) -> logits (classes,).

    initialisation: the scheme that draws all weights, of `nas.ops.SCHEMES`.
    """
    return Outputs(head(g, encoder(g, g.image).features[-1:]), initialisation=initialisation)
