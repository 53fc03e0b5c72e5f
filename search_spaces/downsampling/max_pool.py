"""Max pooling 2x2: halves the map, keeps the channels (U-Net)."""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import MaxPool

__all__ = ["max_pool"]


@rule("downsample")
def max_pool(g: GraphBuilder, x: Node, width: int) -> Node:
    """Append the pool; `width` is left to the stage. Shapes: (C, H, W) -> (C, floor(H / 2), floor(W / 2))."""
    return g.add(MaxPool(), x)
