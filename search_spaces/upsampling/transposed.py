"""Transposed convolution 2x2 of stride 2 to the skip's width, zero-padded to its size (U-Net, UNet++)."""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import ConvTranspose, PadTo

__all__ = ["transposed"]


@rule("upsample", bias=True)
def transposed(g: GraphBuilder, x: Node, reference: Node, width: int, *, bias: bool) -> Node:
    """Append the two. Shapes: (C, H, W), (D, h, w) -> (width, h, w)."""
    return g.add(PadTo(), g.add(ConvTranspose(width, bias=bias), x, name="up"), reference)
