"""Resize to the size of the skip, bilinear or nearest: right at every input size."""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import ResizeTo

__all__ = ["resize"]


@rule("upsample", mode="linear", align_corners=False)
def resize(g: GraphBuilder, x: Node, reference: Node, width: int, *, mode: str, align_corners: bool) -> Node:
    """Append the resize; the channels stay. Shapes: (C, H, W), (D, h, w) -> (C, h, w).

    mode: "linear" (bilinear) or "nearest", which leaves align_corners without effect.
    """
    return g.add(ResizeTo(mode=mode, align_corners=align_corners), x, reference)
