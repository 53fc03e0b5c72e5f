"""Parts that several rules share: projection to a width; normalisation, activation and initialisation by name."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from nas.errors import SpaceError
from nas.graph import GraphBuilder, Node
from nas.ops import (
    GELU,
    SCHEMES,
    BatchNorm,
    Conv,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    LeakyReLU,
    Op,
    ReLU,
    ReLU6,
    Weighted,
)

__all__ = ["ACTIVATIONS", "NORMS", "activate", "initialised", "normalise", "project", "shortcut"]

NORMS = ("batch", "group", "group1", "instance", "layer", "none")
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
    """Return `x` normalised by "batch", "group", "group1", "instance", "layer" or "none".

    "group" takes 8 groups, or the most up to 8 that divide the channels; "group1" takes one (PoolFormer).
    """
    if norm == "none":
        return x
    known: dict[str, Op] = {
        "batch": BatchNorm(),
        "group": GroupNorm(groups=math.gcd(8, x.channels)),
        "group1": GroupNorm(groups=1),
        "instance": InstanceNorm(),
        "layer": LayerNorm(),
    }
    if norm not in known:
        raise SpaceError(f"unknown norm '{norm}'; known: {', '.join(NORMS)}")
    return g.add(known[norm], x, name=name)


def activate(g: GraphBuilder, x: Node, activation: str) -> Node:
    """Return `x` through the activation of that name: "relu", "relu6", "leaky_relu" (slope 0.01) or "gelu"."""
    if activation not in ACTIVATIONS:
        raise SpaceError(f"unknown activation '{activation}'; known: {', '.join(ACTIVATIONS)}")
    return g.add(ACTIVATIONS[activation], x)


def initialised(outputs: Sequence[Node], scheme: str) -> list[Node]:
    """Return `outputs` with all that they need drawn by a scheme of `nas.ops.SCHEMES`; "torch" leaves them as they are.

    What changes is copied, names included: a node is what others built on, so it stays as it is.
    """
    if scheme not in SCHEMES:
        raise SpaceError(f"unknown initialisation '{scheme}'; known: {', '.join(SCHEMES)}")
    if scheme == "torch":
        return list(outputs)
    made: dict[Node, Node] = {}
    stack = list(outputs)
    while stack:
        node = stack[-1]
        waiting = [x for x in node.inputs if x not in made]
        stack += waiting
        if not waiting:
            stack.pop()
            if node not in made:  # it may have been pushed by several of its users
                made[node] = _redrawn(node, tuple(made[x] for x in node.inputs), scheme)
    return [made[x] for x in outputs]


def _redrawn(node: Node, inputs: tuple[Node, ...], scheme: str) -> Node:
    op = _with_scheme(node.op, scheme)
    if op is node.op and inputs == node.inputs:
        return node
    facts = op.facts(node.facts.in_shapes)
    return Node(facts, inputs, node.scope, node.given_name, node.serial, node.term)


@cache
def _with_scheme(op: Op, scheme: str) -> Op:
    return replace(op, initialisation=scheme) if isinstance(op, Weighted) else op
