"""The launches of a graph one by one: which operators run in each, what it reads, and a key that tells launches apart.

No torch. `Launch.to_graph` makes a launch a network of its own, to be run and timed apart from the rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

from nas.graph import Graph, GraphBuilder
from nas.node import Node
from nas.ops import Image, Op, Shape
from nas.schedule import kernels_of

__all__ = ["Launch", "Part", "launches_of", "members_of"]


class Part(NamedTuple):
    """An operator of a launch. inputs: numbers of earlier parts, and ~number of values that the launch reads."""

    op: Op
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class Launch:
    """What runs as one, for one image.

    name: address of its first operator, to which `nas.profile` counts it. op: that operator; the others are pointwise.
    reads: shapes of what it reads from memory; of a map that only gives its size, one channel.
    parts: operators in order, views of what is read (slices) among them.
    macs: multiply-accumulates, those of products of maps too.
    elements: numbers that it reads and writes, weights among them, as `nas.cost` counts them.
    """

    name: str
    op: Op
    reads: tuple[Shape, ...]
    parts: tuple[Part, ...]
    macs: int
    elements: int

    @cached_property
    def key(self) -> str:
        """Operators, shapes and wiring as text: equal for launches that compute the same on the same shapes."""
        read = ", ".join("x".join(map(str, shape)) for shape in self.reads)
        return f"{read}: {'; '.join(f'{_told(op)}({_wires(inputs)})' for op, inputs in self.parts)}"

    def to_graph(self) -> Graph:
        """Return the launch as a graph. What it reads are its nodes without inputs, in the graph's own order."""
        first, *others = self.reads
        g = GraphBuilder(first, classes=1)
        scope = g.image.scope
        read = [g.image]
        for number, shape in enumerate(others, 1):
            read.append(Node(Image(shape[0]).facts((shape,)), (), scope, f"read{number}", 0, 0))
        made: list[Node] = []
        for op, inputs in self.parts:
            made.append(g.add(op, *[read[~i] if i < 0 else made[i] for i in inputs]))
        return g.freeze([made[-1]])


def launches_of(graph: Graph, *, fuse: bool = True) -> Iterator[Launch]:
    """Yield the launches of `graph` in order. fuse: as in `nas.schedule.kernels_of`."""
    nodes, names = graph.nodes(), graph.names
    kernels, _ = kernels_of(graph, fuse=fuse)
    written = {kernel.last for kernel in kernels}
    for kernel in kernels:
        members = members_of(nodes[kernel.last], written)[::-1]
        reads, parts = _Wiring(members).found()
        yield Launch(
            name=names[members[0].index],
            op=members[0].op,
            reads=reads,
            parts=parts,
            macs=sum([node.facts.macs + node.facts.matmul_macs for node in members]),
            elements=members[-1].facts.out_elements
            + sum(kernel.reads.values())
            + sum([node.facts.stored for node in members]),
        )


def members_of(last: Node, written: set[int]) -> list[Node]:
    """Return the operators of the launch that writes `last`, from the last to the first.

    written: the values that launches write. Of the values that an operator reads, only the one that was computed in
    the same launch is never written.
    """
    members = [last]
    while inner := [x for x in map(_computed, _values(members[-1])) if x.index not in written and not x.facts.idle]:
        members.append(inner[0])
    return members


class _Wiring:
    """Numbers what the operators of one launch take: parts from 0 on, values from memory from ~0 down."""

    def __init__(self, members: list[Node]):
        self._members = members
        self._inside = {node.index for node in members}
        self._places: dict[int, int] = {}
        self._sizes: dict[Shape, int] = {}
        self._reads: list[Shape] = []
        self._parts: list[Part] = []

    def found(self) -> tuple[tuple[Shape, ...], tuple[Part, ...]]:
        """Return the shapes that are read, and the parts."""
        for node in self._members:
            self._place(node)
        return tuple(self._reads), tuple(self._parts)

    def _place(self, node: Node) -> int:
        """Return the number of a value, taking in what computes it where that is inside, or a mere view."""
        if node.index not in self._places:
            if node.inputs and (node.index in self._inside or node.facts.idle):
                values = _values(node)
                inputs = [self._place(x) for x in values]
                inputs += [self._size(x.shape[1:]) for x in node.inputs[len(values) :]]
                self._parts.append(Part(node.op, tuple(inputs)))
                self._places[node.index] = len(self._parts) - 1
            else:
                self._places[node.index] = self._read(node.shape)
        return self._places[node.index]

    def _size(self, spatial: Shape) -> int:
        if spatial not in self._sizes:
            self._sizes[spatial] = self._read((1, *spatial))
        return self._sizes[spatial]

    def _read(self, shape: Shape) -> int:
        self._reads.append(shape)
        return ~(len(self._reads) - 1)


def _values(node: Node) -> tuple[Node, ...]:
    return node.inputs[: node.facts.value_inputs]


def _computed(node: Node) -> Node:
    """Return the operator that computes what `node` passes on, or the image."""
    while node.facts.idle and node.inputs:
        node = node.inputs[0]
    return node


def _wires(inputs: tuple[int, ...]) -> str:
    return ", ".join(f"x{~i}" if i < 0 else str(i) for i in inputs)


@cache
def _told(op: Op) -> str:
    return str(op)
