"""Parts that several rules share: projection to a width, normalisation and activation by name."""

import math

from nas.errors import SpaceError
from nas.graph import GraphBuilder, Node
from nas.ops import GELU, BatchNorm, Conv, GroupNorm, InstanceNorm, LayerNorm, LeakyReLU, Op, ReLU, ReLU6

__all__ = ["ACTIVATIONS", "NORMS", "activate", "normalise", "project", "shortcut"]

NORMS = ("batch", "keras_batch", "group", "group1", "instance", "layer", "none")
ACTIVATIONS: dict[str, Op] = {"relu": ReLU(), "relu6": ReLU6(), "leaky_relu": LeakyReLU(), "gelu": GELU()}


def project(g: GraphBuilder, x: Node, width: int) -> Node:
    """Return `x` with `width` channels: itself, or through a 1x1 convolution with bias named `project`.

    Blocks that keep their width start with it, as AMSUnet's and ConvUNeXt's decoders do.
    """
    return x if x.channels == width else g.add(Conv(width, kernel=1), x, name="project")


def shortcut(g: GraphBuilder, x: Node, width: int, norm: str) -> Node:
    """Return what a residual block adds: `x`, or `x` through a 1x1 convolution and norm where C is not `width`."""
    if x.channels == width:
        return x
    with g.scope("downsample"):
        return normalise(g, g.add(Conv(width, kernel=1, bias=False), x, name="0"), norm, name="1")


def normalise(g: GraphBuilder, x: Node, norm: str, name: str | None = None) -> Node:
    """Return `x` normalised by "batch", "keras_batch", "group", "group1", "instance", "layer" or "none".

    "group" takes 8 groups, or the most up to 8 that divide the channels; "group1" takes one (PoolFormer).
    """
    if norm == "none":
        return x
    known: dict[str, Op] = {
        "batch": BatchNorm(),
        "keras_batch": BatchNorm(eps=1e-3, momentum=0.01),
        "group": GroupNorm(groups=math.gcd(8, x.channels)),
        "group1": GroupNorm(groups=1),
        "instance": InstanceNorm(),
        "layer": LayerNorm(),
    }
    if norm not in known:
        raise SpaceError(f"unknown norm '{norm}'; known: {', '.join(NORMS)}")
    return g.add(known[norm], x, name=name)


def activate(g: GraphBuilder, x: Node, activation: str) -> Node:
    """Return `x` through "relu", "relu6", "leaky_relu" (slope 0.01) or "gelu", or with "none" as it is."""
    if activation == "none":
        return x
    if activation not in ACTIVATIONS:
        raise SpaceError(f"unknown activation '{activation}'; known: {', '.join(ACTIVATIONS)}, none")
    return g.add(ACTIVATIONS[activation], x)
