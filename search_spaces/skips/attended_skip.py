"""The encoder's feature through an attention module; what comes from below has no say."""

from nas.grammar import Block, rule
from nas.graph import GraphBuilder, Node
from search_spaces.attentions.se import se

__all__ = ["attended_skip"]


@rule("skip", attention=se)
def attended_skip(g: GraphBuilder, x: Node, upsampled: Node, *, attention: Block) -> Node:
    """Append the module. Shapes: (C, H, W), any -> (C, H, W)."""
    made: Node = attention(g, x, x.channels)
    return made
