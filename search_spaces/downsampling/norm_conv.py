"""Normalisation, then a 2x2 convolution of stride 2 (AMSUnet, ConvUNeXt)."""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Conv
from search_spaces.parts import normalise

__all__ = ["norm_conv"]


@rule("downsample", norm="batch")
def norm_conv(g: GraphBuilder, x: Node, width: int, *, norm: str) -> Node:
    """Append norm and convolution with bias. Shapes: (C, H, W) -> (width, floor(H / 2), floor(W / 2))."""
    return g.add(Conv(width, kernel=2, stride=2, padding=0), normalise(g, x, norm, name="norm"), name="conv")
