"""No mixing: the identity. A block of it looks around with nothing but its feed-forward part.

Source: IdentityFormer, Yu et al., MetaFormer Baselines for Vision, TPAMI 2024, arXiv:2210.13452.
"""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from search_spaces.parts import project

__all__ = ["no_mixer"]


@rule("mixer")
def no_mixer(g: GraphBuilder, x: Node, width: int) -> Node:
    """Return `x`, after a 1x1 projection where C is not `width`. Shapes: x (C, H, W) -> (width, H, W).

    Cost at C = width: none.
    """
    return project(g, x, width)
