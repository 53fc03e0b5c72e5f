"""CBAM: a gate of channels from their means and maxima, then a gate of places from those over channels.

Source: Woo et al., ECCV 2018, arXiv:1807.06521; code Jongchan/attention-module, `MODELS/cbam.py`, which is followed:
the maximum comes first in the places' gate, and a BatchNorm behind its convolution. Linear layers are 1x1 convolutions;
the one pair for means and maxima reads them as a map of two places.
"""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import (
    BatchNorm,
    ChannelMax,
    ChannelMean,
    Concat,
    Conv,
    GlobalAvgPool,
    GlobalMaxPool,
    Multiply,
    ReLU,
    Scale,
    Sigmoid,
)
from search_spaces.parts import project

__all__ = ["cbam"]


@rule("attention", reduction=16, kernel=7)
def cbam(g: GraphBuilder, x: Node, width: int, *, reduction: int, kernel: int) -> Node:
    """Append both gates, after a 1x1 projection where C is not `width`. Shapes: x (C, H, W) -> (width, H, W).

    reduction: the channels' gate is computed in width / reduction channels, at least one.
    kernel: of the places' gate, odd.
    Cost at C = width = 64: 680 parameters, 1,024 + 98 H W MACs.
    """
    x = project(g, x, width)
    with g.scope("ChannelGate"), g.scope("mlp"):
        both = g.add(Concat(axis=1), g.add(GlobalAvgPool(), x), g.add(GlobalMaxPool(), x))
        hidden = g.add(ReLU(), g.add(Conv(max(1, width // reduction), kernel=1), both, name="1"))
        summed = g.add(Scale(2.0), g.add(GlobalAvgPool(), g.add(Conv(width, kernel=1), hidden, name="3")))
    x = g.add(Multiply(), x, g.add(Sigmoid(), summed))
    with g.scope("SpatialGate"), g.scope("spatial"):
        pooled = g.add(Concat(), g.add(ChannelMax(), x), g.add(ChannelMean(), x))
        places = g.add(Conv(1, kernel=kernel, bias=False), pooled, name="conv")
        places = g.add(BatchNorm(momentum=0.01), places, name="bn")
    return g.add(Multiply(), x, g.add(Sigmoid(), places))
