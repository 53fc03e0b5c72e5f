"""ASPP: atrous convolutions of several rates side by side, and the mean of the whole map.

Source: Chen et al., DeepLabv3, arXiv:1706.05587, section 3.3 (rates for an output stride of 16; at 8 they double).
DoubleU-Net's copy is 64 wide, its pooled branch has a bias and comes first, and nothing is dropped.
"""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Concat, Conv, Dropout, GlobalAvgPool, ResizeTo
from search_spaces.parts import activate, normalise

__all__ = ["aspp"]


@rule(
    "context",
    rates=(6, 12, 18),
    norm="batch",
    pooled_norm="batch",
    pooled_bias=False,
    pooled_first=False,
    activation="relu",
    dropout=0.5,
)
def aspp(
    g: GraphBuilder,
    x: Node,
    width: int,
    *,
    rates: tuple[int, ...],
    norm: str,
    pooled_norm: str,
    pooled_bias: bool,
    pooled_first: bool,
    activation: str,
    dropout: float,
) -> Node:
    """Append the module. Shapes: (C, H, W) -> (width, H, W).

    rates: of the dilated 3x3 convolutions beside the 1x1; every branch has `width` channels (256 where published).
    pooled_norm: of the pooled branch, a map of one pixel: torch cannot train "batch" there on a batch of one image.
    pooled_first: where that branch is in the concatenation, else last. dropout: of the output, 0 for none.
    Cost at C = 320, width 256: 2,703,360 weights of convolutions.
    """
    kernels = [Conv(width, kernel=1, bias=False)] + [Conv(width, dilation=rate, bias=False) for rate in rates]
    branches = [_unit(g, x, conv, norm, activation, f"branch{i}") for i, conv in enumerate(kernels)]
    pooled = g.add(GlobalAvgPool(), x)
    pooled = _unit(g, pooled, Conv(width, kernel=1, bias=pooled_bias), pooled_norm, activation, "pooled")
    pooled = g.add(ResizeTo(), pooled, x)
    joined = g.add(Concat(), *((pooled, *branches) if pooled_first else (*branches, pooled)))
    made = _unit(g, joined, Conv(width, kernel=1, bias=False), norm, activation, "project")
    return g.add(Dropout(dropout), made) if dropout else made


def _unit(g: GraphBuilder, x: Node, conv: Conv, norm: str, activation: str, name: str) -> Node:
    with g.scope(name):
        return activate(g, normalise(g, g.add(conv, x, name="conv"), norm, name="norm"), activation)
