"""Any block with an attention module behind it (SE behind each unit in DoubleU-Net, SCSE in many U-Nets)."""

from nas.grammar import Block, rule
from nas.graph import GraphBuilder, Node
from search_spaces.attentions.se import se
from search_spaces.blocks.double_conv import double_conv

__all__ = ["attended"]


@rule("block", block=double_conv, attention=se)
def attended(g: GraphBuilder, x: Node, width: int, *, block: Block, attention: Block) -> Node:
    """Append the two. Shapes: x (C, H, W) -> (width, H, W)."""
    made: Node = attention(g, block(g, x, width), width)
    return made
