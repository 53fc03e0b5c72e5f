"""A stage of several blocks: one block's decisions, applied `count` times with weights of their own."""

from nas.grammar import Block, rule
from nas.graph import GraphBuilder, Node
from search_spaces.blocks.double_conv import double_conv

__all__ = ["run"]


@rule("stage", count=1, block=double_conv)
def run(g: GraphBuilder, x: Node, width: int, *, count: int, block: Block) -> Node:
    """Append the blocks, named by their numbers from 0. Shapes: x (C, H, W) -> (width, H, W)."""
    for i in range(count):
        x = block(g, x, width, name=str(i))
    return x
