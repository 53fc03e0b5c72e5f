"""Bilinear x2 with aligned corners, zero-padded to the skip.

Source: the bilinear U-Net; AMSUnet and ConvUNeXt have BatchNorm before it. The padding does something only where a
side of the skip is odd.
"""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import PadTo, Upsample
from search_spaces.parts import normalise

__all__ = ["double_pad"]


@rule("upsample", norm="none")
def double_pad(g: GraphBuilder, x: Node, reference: Node, width: int, *, norm: str) -> Node:
    """Append norm, upsampling and padding; the channels stay. Shapes: (C, H, W), (D, h, w) -> (C, h, w)."""
    return g.add(PadTo(), g.add(Upsample(align_corners=True), normalise(g, x, norm, name="norm")), reference)
