"""Second ways of finding out what `nas` states: hooks on torch, live sets of tensors.

Each is written from the definition in the docstring of what it checks, not from its code.
"""

import math
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

import nas
from nas.architecture import Architecture
from nas.graph import Graph, GraphBuilder, Node
from nas.node import comes_first
from nas.ops import (
    Add,
    BatchNorm,
    Concat,
    Conv,
    Dropout,
    GlobalAvgPool,
    Image,
    MaxPool,
    Multiply,
    Op,
    ReLU,
    ResizeTo,
    Scale,
    Sigmoid,
    Slice,
)
from nas.space import SearchSpace

STEPS = (
    *(Conv(4), Conv(6, kernel=1, bias=False), BatchNorm(), ReLU(), Sigmoid(), Dropout(0.5), Scale(2.0)),
    *(MaxPool(), Slice(1, 2), Add(), Add(), Multiply(), Concat(), Concat(), ResizeTo()),
)
CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


@st.composite
def members(draw: st.DrawFn, space: SearchSpace) -> Architecture:
    """A member of the space, one draw per decision."""
    return space.derive(lambda path, options: draw(st.sampled_from(options)))


@st.composite
def dags(draw: st.DrawFn, steps: int = 9) -> Graph:
    """Any graph of a few operators: maps of two sizes, sums, products, concatenations, slices, one or two outputs."""
    g = GraphBuilder((4, draw(st.integers(4, 9)), draw(st.integers(4, 9))), 1)
    made = [g.image]
    for _ in range(draw(st.integers(1, steps))):
        x, y = (made[draw(st.integers(0, len(made) - 1))] for _ in range(2))
        op = draw(st.sampled_from(STEPS))
        if isinstance(op, Add | Multiply) and x.channels != y.channels:
            y = g.add(Conv(x.channels, kernel=1), y)
        if isinstance(op, Add | Multiply | Concat) and x.shape[1:] != y.shape[1:]:
            y = g.add(ResizeTo(), y, x)
        if isinstance(op, MaxPool) and min(x.shape[1:]) < 2:
            op = GlobalAvgPool()
        if isinstance(op, Slice) and x.channels < 3:
            op = Conv(4)
        made.append(g.add(op, x, y) if isinstance(op, Add | Multiply | Concat | ResizeTo) else g.add(op, x))
    outputs = [made[-1], made[draw(st.integers(1, len(made) - 1))]][: draw(st.integers(1, 2))]
    return g.freeze(outputs, draw(st.sampled_from([0, "mean"])))


def sizes(side: int) -> st.SearchStrategy[tuple[int, int]]:
    """Square, oblong and odd image sizes from `side` on."""
    return st.tuples(st.integers(0, 40), st.integers(0, 40)).map(
        lambda more: (side + more[0], side + more[1])
    ) | st.just((side, side))


def as_list(output: Any) -> list[Tensor]:
    return output if isinstance(output, list) else [output]


class Measured(NamedTuple):
    """What one forward pass of one image did, seen from outside of the graph."""

    shapes: list[tuple[int, ...]]
    params: int
    macs: int
    cio_elements: int


def measured(module: nn.Module, image: Tensor) -> Measured:
    """Run `module` on one image and count by hooks, from the attributes of layers and the tensors that pass them."""
    macs, cio = [], []

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        (x,) = inputs
        cio.append(x.numel() + output.numel())
        if isinstance(layer, nn.Linear):
            macs.append(layer.in_features * layer.out_features)
        else:
            assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
            pairs = layer.in_channels * layer.out_channels // layer.groups * math.prod(layer.kernel_size)
            places = x if isinstance(layer, nn.ConvTranspose2d) else output
            macs.append(pairs * math.prod(places.shape[2:]))

    handles = [x.register_forward_hook(count) for x in module.modules() if isinstance(x, CONVOLUTIONS)]
    with torch.no_grad():
        outputs = as_list(module.eval()(image))
    for handle in handles:
        handle.remove()
    params = sum(p.numel() for p in module.parameters())
    return Measured([tuple(x.shape[1:]) for x in outputs], params, sum(macs), sum(cio))


def rebuilt(
    graph: Graph,
    *,
    op: Callable[[Node], Op] = lambda node: node.op,
    inputs: Callable[[Node], list[Node]] = lambda node: list(node.inputs),
    name: Callable[[Node], str | None] = lambda node: None,
    outputs: Callable[[list[Node]], list[Node]] = lambda outputs: outputs,
    order: Random | None = None,
) -> Graph:
    """The graph built anew with other operators, inputs (earlier nodes), names or outputs, or appended in any order."""
    g = GraphBuilder(graph.image_shape, graph.classes)
    made = {graph.nodes()[0]: g.image}
    for node in graph.nodes()[1:] if order is None else shuffled(graph, order):
        made[node] = g.add(op(node), *(made[x] for x in inputs(node)), name=name(node))
    return g.freeze(outputs([made[x] for x in graph.outputs]), graph.prediction)


def shuffled(graph: Graph, rng: Random) -> list[Node]:
    """The nodes behind the image in a random order, inputs first."""
    users, missing = graph.users(), {node: len(set(node.inputs)) for node in graph}
    ready, found = [graph.nodes()[0]], []
    while ready:
        found.append(ready.pop(rng.randrange(len(ready))))
        for user in users[found[-1].index]:
            missing[user] -= 1
            if not missing[user]:
                ready.append(user)
    return found[1:]


def has_twins(graph: Graph) -> bool:
    """Whether a sum or product takes two results that were computed alike, but apart.

    Their order in the key is the builder's: the only case where one expression may have two keys.
    """
    return any(
        node.op.commutative and len({*node.inputs}) == 2 and all(map(comes_first, node.inputs, node.inputs[::-1]))
        for node in graph
    )


class Inference(NamedTuple):
    """What one inference moves and holds, in elements of maps."""

    launches: int
    moved: int
    peak: int


def inference(graph: Graph, *, fused: bool) -> Inference:
    """Go through one inference of one image launch by launch, with a set of the values that are alive."""
    nodes = graph.nodes()
    value: dict[Node, Node] = {}  # node -> the node whose value it hands on
    for node in nodes:
        value[node] = value[node.inputs[0]] if node.facts.idle and node.inputs else node
    read = {node: {value[x] for x in node.inputs[: node.op.value_inputs]} for node in nodes if value[node] is node}
    kept = {value[x] for x in graph.outputs}
    launch = {node: node for node in read}  # node -> the last node of the launch it runs in
    for node in nodes if fused else ():
        hosts = [x for x in read.get(node, ()) if _may_host(x, node, read, kept)]
        if node in read and node.op.pointwise and hosts:
            host = max(hosts, key=lambda x: x.index)
            launch = {x: node if last is host else last for x, last in launch.items()}
    launches = sorted({last for last in launch.values() if last.inputs}, key=lambda x: x.index)
    needs = {
        last: {x for n in read if launch[n] is last for x in read[n] if launch[x] is not last} for last in launches
    }
    live, most, moved = {nodes[0]}, math.prod(graph.image_shape), 0
    for step, last in enumerate(launches):
        live.add(last)
        most = max(most, sum(math.prod(x.shape) for x in live))
        later = set().union(*(needs[x] for x in launches[step + 1 :])) | kept
        live &= later
        inside = [n for n in read if launch[n] is last]
        moved += math.prod(last.shape) + sum(_elements_read(x, inside, value) for x in needs[last])
    return Inference(len(launches), moved, most)


def check_inference(graph: Graph, schedule: str) -> None:
    """The costs of the schedule against going through it, weights added."""
    found, cost = inference(graph, fused=schedule == "fused"), nas.cost(graph, schedule)
    weights = sum(node.facts.params + node.facts.buffers for node in graph)
    assert cost.kernels == found.launches
    assert cost.traffic_bytes == 4 * (found.moved + weights)
    assert cost.peak_memory_bytes == 4 * (found.peak + weights)


def _elements_read(x: Node, inside: list[Node], value: dict[Node, Node]) -> int:
    """Elements of `x` that the operators of one launch read: each reads the slices it needs, all together at most x."""
    parts = [part for n in inside for part in set(n.inputs[: n.op.value_inputs]) if value[part] is x]
    return min(math.prod(x.shape), sum(math.prod(part.shape) for part in parts))


def _may_host(x: Node, node: Node, read: dict[Node, set[Node]], kept: set[Node]) -> bool:
    only_reader = [n for n in read if x in read[n]] == [node]
    return only_reader and x not in kept and x.shape == node.shape and not isinstance(x.op, Concat | Image)
