"""One convolution, normalisation and activation: half of a double convolution."""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Conv
from search_spaces.parts import activate, normalise

__all__ = ["conv_unit"]


@rule("block", kernel=3, norm="batch", activation="relu", bias=True)
def conv_unit(g: GraphBuilder, x: Node, width: int, *, kernel: int, norm: str, activation: str, bias: bool) -> Node:
    """Append the three. Shapes: x (C, H, W) -> (width, H, W)."""
    x = g.add(Conv(width, kernel=kernel, bias=bias), x, name="conv")
    return activate(g, normalise(g, x, norm, name="norm"), activation)
