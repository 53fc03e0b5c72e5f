"""A convolution, norm, max pooling and activation: a stage of UNeXt's convolutional half, which halves the map."""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Conv, MaxPool
from search_spaces.parts import activate, normalise

__all__ = ["conv_pool"]


@rule("block", norm="batch", activation="relu")
def conv_pool(g: GraphBuilder, x: Node, width: int, *, norm: str, activation: str) -> Node:
    """Append the four. Shapes: x (C, H, W) -> (width, floor(H / 2), floor(W / 2))."""
    x = normalise(g, g.add(Conv(width), x, name="conv"), norm, name="norm")
    return activate(g, g.add(MaxPool(), x), activation)
