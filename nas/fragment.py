"""Recorded blocks: what a block appends to an input of one shape, with all that follows from it, found once.

A block of one input and one output is appended the same way wherever it stands. So its operators, their sums of
parameters and MACs, their part of the key and their launches are kept per (rule, options, shape, width), and a graph
holds a `Stamp` of the block until somebody asks for its nodes.
"""

from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from typing import NamedTuple

from nas.node import Node, names_of, numbered, words_of
from nas.ops import Image, Shape
from nas.ops.base import Facts
from nas.schedule import Summary, summarise

__all__ = ["RECORDED_KINDS", "Emission", "Fragment", "NotRecordable", "record", "recorded"]

RECORDED_KINDS = frozenset({"block", "context", "downsample", "mixer", "stem"})
"""Kinds of rules that take one node and a width. Their `emit` must depend on nothing but shape, width and options."""

_MOST_OPERATORS = 2_000_000  # kept in recorded blocks

Emission = Callable[[Node], object]
"""Appends the block to a node, in an empty scope without a name, and returns what it returns."""


class NotRecordable(Exception):
    """The block reads something else than its input."""


Recorded = dict[tuple[Shape, int], "Fragment | None"]
_blocks: dict[Hashable, Recorded] = {}
_operators = 0


class Operator(NamedTuple):
    """An operator of a block: its inputs' indexes, its depth below the block's input, its address in the block."""

    facts: Facts
    inputs: tuple[int, ...]
    depth: int
    name: str


class Fragment:
    """A block's operators in canonical order; their input has index 0, they have 1 to `size`.

    Numbers are kept, no nodes: thousands of blocks would keep the garbage collector busy. The operators, which few ask
    for, come from emitting the block once more.
    """

    def __init__(self, nodes: Sequence[Node], again: Callable[[], Sequence[Node]]):
        """nodes: the input's stand-in, then the operators. again: makes them once more, without effect on anything."""
        facts = [node.facts for node in nodes[1:]]
        self.facts = facts[-1]
        self.depth = nodes[-1].depth
        self.size = len(facts)
        self.params = sum([f.params for f in facts])
        self.macs = sum([f.macs for f in facts])
        self.cio_elements = sum([f.cio_elements for f in facts])
        self.stored = sum([f.stored for f in facts])
        self.words = words_of(nodes[1:])
        self.fused = summarise(nodes, fuse=True)
        self._again = again

    def summary(self, fuse: bool) -> Summary:
        """Return the block's launches as the schedule of a whole graph needs them."""
        return self.fused if fuse else self._eager

    @cached_property
    def _eager(self) -> Summary:
        return summarise(self._again(), fuse=False)

    @cached_property
    def operators(self) -> tuple[Operator, ...]:
        """What each node is made of again."""
        nodes = self._again()[1:]
        return tuple(
            Operator(node.facts, tuple([x.index for x in node.inputs]), node.depth, name)
            for node, name in zip(nodes, names_of(nodes), strict=True)
        )

    @cached_property
    def loose(self) -> tuple[int, ...]:
        """Places in `words` that hold a distance to the block's input."""
        places, at = [], 0
        for index, operator in enumerate(self.operators, 1):
            at += 2 + len(operator.inputs)
            places += [i for i in range(at - len(operator.inputs), at) if self.words[i] == index]
        return tuple(places)


def record(emission: Emission, shape: Shape) -> Fragment | None:
    """Return what `emission` appends to a map of this shape, or None if it cannot be stamped.

    A block cannot that does nothing, that reads something else than its input, or that begins or ends with an
    operator without a kernel of its own. Raises ShapeError where the block cannot take the shape.
    """
    nodes = _operators_of(emission, shape)
    if nodes is None:
        return None
    _make_room(len(nodes))
    return Fragment(nodes, lambda: _operators_of(emission, shape) or ())


def _operators_of(emission: Emission, shape: Shape) -> list[Node] | None:
    source = _stand_in(shape)
    try:
        output = emission(source)
    except NotRecordable:
        return None
    if not isinstance(output, Node) or output is source or output.facts.idle:
        return None
    nodes = numbered([output], [source])
    for node in nodes[1:]:
        if not node.inputs or (node.facts.idle and source in node.inputs):
            return None
    return nodes


def _stand_in(shape: Shape) -> Node:
    """Return the node that a block is recorded on in place of its input."""
    node = Node(Image(shape[0]).facts((shape,)), (), None, "x", 0, 0)
    node.index = node.place = 0
    return node


def recorded(token: Hashable) -> Recorded:
    """Return what was recorded of the block with this token, by shape and width; new recordings go into it."""
    return _blocks.setdefault(token, {})


def _make_room(operators: int) -> None:
    """Forget every block when too many operators are kept: they are recorded again when needed."""
    global _operators
    _operators += operators
    if _operators > _MOST_OPERATORS:
        _blocks.clear()
        _operators = operators
