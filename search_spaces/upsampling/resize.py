"""Bilinear resize to the size of the skip: right at every input size."""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import ResizeTo

__all__ = ["resize"]


@rule("upsample", align_corners=False)
def resize(g: GraphBuilder, x: Node, reference: Node, width: int, *, align_corners: bool) -> Node:
    """Append the resize; the channels stay. Shapes: (C, H, W), (D, h, w) -> (C, h, w)."""
    return g.add(ResizeTo(align_corners=align_corners), x, reference)
