"""PoolFormer's mixer: the mean of the neighbourhood, less the pixel itself. It has no weights.

Source: Yu et al., MetaFormer, CVPR 2022, arXiv:2111.11418, section 3.2; code sail-sg/poolformer, which is followed.
"""

from nas.errors import SpaceError
from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, AvgPool, Scale
from search_spaces.parts import project

__all__ = ["pooling"]


@rule("mixer", kernel=3)
def pooling(g: GraphBuilder, x: Node, width: int, *, kernel: int) -> Node:
    """Append pool(x) - x, after a 1x1 projection where C is not `width`. Shapes: x (C, H, W) -> (width, H, W).

    kernel: side of the window, odd, at least 3; where the window leaves the map, the mean is of what is inside.
    Cost at C = width: none.
    """
    if kernel < 3 or kernel % 2 == 0:
        raise SpaceError(f"pooling: kernel={kernel}; give an odd one of at least 3, so that the map keeps its size")
    x = project(g, x, width)
    mean = g.add(AvgPool(kernel, stride=1, padding=kernel // 2, count_padding=False), x)
    # -(x - mean) is the same number and one launch where fused; in mean - x the map -x would be a launch of its own.
    return g.add(Scale(-1.0), g.add(Add(), x, g.add(Scale(-1.0), mean)))
