"""Convolution and norm, then resize to the skip's size, then activation: cheaper than the convolution behind it.

Source: UNeXt, code jeya-maria-jose/UNeXt-pytorch, `archs.py`, which doubles; the same wherever sides are even.
"""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Conv, ResizeTo
from search_spaces.parts import activate, normalise

__all__ = ["conv_resize"]


@rule("upsample", kernel=3, mode="linear", norm="batch", activation="relu")
def conv_resize(
    g: GraphBuilder, x: Node, reference: Node, width: int, *, kernel: int, mode: str, norm: str, activation: str
) -> Node:
    """Append the four. Shapes: (C, H, W), (D, h, w) -> (width, h, w).

    mode: "linear" (published: bilinear, align_corners false) or "nearest".
    """
    x = normalise(g, g.add(Conv(width, kernel=kernel), x, name="conv"), norm, name="norm")
    return activate(g, g.add(ResizeTo(mode=mode), x, reference), activation)
