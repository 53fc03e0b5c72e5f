"""One convolution, norm and activation before a stage: AMSUnet's stem, or strided as nnU-Net goes down."""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Conv
from search_spaces.parts import activate, normalise

__all__ = ["conv_stem"]


@rule("stem", kernel=3, stride=1, padding_mode="reflect", norm="batch", activation="gelu")
def conv_stem(
    g: GraphBuilder, x: Node, width: int, *, kernel: int, stride: int, padding_mode: str, norm: str, activation: str
) -> Node:
    """Append the three. Shapes: (C, H, W) -> (width, ceil(H / stride), ceil(W / stride)).

    padding_mode: "reflect" (published) or "zeros".
    """
    x = g.add(Conv(width, kernel=kernel, stride=stride, padding_mode=padding_mode), x, name="conv")
    return activate(g, normalise(g, x, norm, name="norm"), activation)
