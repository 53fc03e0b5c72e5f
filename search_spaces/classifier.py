"""The network that encoders are pretrained in: encoder and head, one answer for the whole image."""

from nas.grammar import Block, rule
from nas.graph import GraphBuilder, Node
from search_spaces.encoders.staged import staged
from search_spaces.heads.linear_head import linear_head

__all__ = ["classifier"]


@rule("network", encoder=staged, head=linear_head)
def classifier(g: GraphBuilder, *, encoder: Block, head: Block) -> list[Node]:
    """Append the two; the head gets the deepest feature. Shapes: the image (C, H, W) -> logits (classes,)."""
    logits: list[Node] = head(g, encoder(g, g.image).features[-1:])
    return logits
