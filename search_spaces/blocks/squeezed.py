"""A block behind a 1x1 convolution that divides the channels (the way up of FC-HarDNet)."""

from nas.grammar import Block, rule
from nas.graph import GraphBuilder, Node
from nas.ops import Conv
from search_spaces.blocks.double_conv import double_conv
from search_spaces.parts import activate, normalise

__all__ = ["squeezed"]


@rule("block", divisor=2, norm="batch", activation="relu", block=double_conv)
def squeezed(g: GraphBuilder, x: Node, width: int, *, divisor: int, norm: str, activation: str, block: Block) -> Node:
    """Append the two. Shapes: x (C, H, W) -> (width, H, W); between them are C // divisor channels, at least one."""
    with g.scope("squeeze"):
        x = g.add(Conv(max(1, x.channels // divisor), kernel=1, bias=False), x, name="conv")
        x = activate(g, normalise(g, x, norm, name="norm"), activation)
    made: Node = block(g, x, width)
    return made
