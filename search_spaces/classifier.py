"""The network that encoders are pretrained in: encoder, decoder and head, one answer for the whole image."""

from nas.build import Outputs
from nas.grammar import Block, rule
from nas.graph import GraphBuilder
from search_spaces.decoders.deepest import deepest
from search_spaces.encoders.staged import staged
from search_spaces.heads.linear_head import linear_head

__all__ = ["classifier"]


@rule("network", encoder=staged, decoder=deepest, head=linear_head, initialisation="torch")
def classifier(g: GraphBuilder, *, encoder: Block, decoder: Block, head: Block, initialisation: str) -> Outputs:
    """Append the three; by default the head gets the deepest feature. Shapes: the image (C, H, W) -> logits (classes,).

    initialisation: the scheme that draws all weights, of `nas.ops.SCHEMES`.
    """
    return Outputs(head(g, decoder(g, encoder(g, g.image))), initialisation=initialisation)
