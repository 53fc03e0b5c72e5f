"""Resize to the skip's size, then convolution, norm and activation to its width.

Source: the 64-wide U-Net of LeeJunHyun/Image_Segmentation, which doubles (nearest); the same wherever sides are even.
"""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Conv, ResizeTo
from search_spaces.parts import activate, normalise

__all__ = ["resize_conv"]


@rule("upsample", mode="nearest", kernel=3, norm="batch", activation="relu")
def resize_conv(
    g: GraphBuilder, x: Node, reference: Node, width: int, *, mode: str, kernel: int, norm: str, activation: str
) -> Node:
    """Append the four. Shapes: (C, H, W), (D, h, w) -> (width, h, w).

    mode: "nearest" (published) or "linear" (bilinear, align_corners false).
    """
    x = g.add(Conv(width, kernel=kernel), g.add(ResizeTo(mode=mode), x, reference), name="conv")
    return activate(g, normalise(g, x, norm, name="norm"), activation)
