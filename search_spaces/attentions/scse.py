"""SCSE: squeeze and excitation of channels beside a gate of places.

Source: Roy et al., MICCAI 2018, arXiv:1803.02579. The defaults are the authors' package, ai-med/squeeze_and_excitation:
the larger of the two. segmentation_models.pytorch has reduction 16 and adds them.
"""

from nas.errors import SpaceError
from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, Conv, Maximum, Multiply, Op, Sigmoid
from search_spaces.attentions.se import channel_gate
from search_spaces.parts import project

__all__ = ["scse"]

_JOINS: dict[str, Op] = {"max": Maximum(), "add": Add()}


@rule("attention", reduction=2, combine="max")
def scse(g: GraphBuilder, x: Node, width: int, *, reduction: int, combine: str) -> Node:
    """Append both gates, after a 1x1 projection where C is not `width`. Shapes: x (C, H, W) -> (width, H, W).

    reduction: of the channels' gate, as in `se`. combine: "max" or "add", of x c and x s.
    Cost at C = width = 64: 4,257 parameters, 4,096 + 64 H W MACs.
    """
    if combine not in _JOINS:
        raise SpaceError(f"scse: combine='{combine}'; it is one of {', '.join(_JOINS)}")
    x = project(g, x, width)
    with g.scope("cSE"):
        by_channel = g.add(Multiply(), x, channel_gate(g, x, reduction, bias=True))
    with g.scope("sSE"):
        by_place = g.add(Multiply(), x, g.add(Sigmoid(), g.add(Conv(1, kernel=1), x, name="conv")))
    return g.add(_JOINS[combine], by_channel, by_place)
