"""Recorded blocks: what a block appends to an input of one shape, with all that follows from it, found once.

A block of one input and one output is appended the same way wherever it stands. So its operators, their sums of
parameters and MACs, their part of the key and their launches are kept per (rule, options, shape, width), and a graph
holds a `Stamp` of the block until somebody asks for its nodes.
"""

import math
from collections.abc import Callable, Sequence
from copy import copy
from functools import cached_property
from typing import NamedTuple

from nas.node import Node, names_of, words_of
from nas.ops import Shape
from nas.ops.base import Facts
from nas.schedule import Summary, summarise

__all__ = ["Fragment"]


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
        self.in_shape = nodes[0].facts.shape
        self.facts = facts[-1]
        self.first = frozenset([type(node.facts.op) for node in nodes[1:] if nodes[0] in node.inputs])  # on the input
        self.depth = nodes[-1].depth
        self.size = len(facts)
        self.params = sum([f.params for f in facts])
        self.macs = sum([f.macs for f in facts])
        self.matmul_macs = sum([f.matmul_macs for f in facts])
        self.cio_elements = sum([f.cio_elements for f in facts])
        self.stored = sum([f.stored for f in facts])
        self.words = words_of(nodes[1:])
        self.fused = summarise(nodes, fuse=True)
        self._again = again
        self.smaller: Fragment | None = None  # the same block on the small map that it was recorded on
        self.deployed: Fragment | None = None  # what is left of it after training, once it was asked for

    def nodes(self) -> Sequence[Node]:
        """Return new nodes: the input's stand-in, then the operators."""
        return self._again()

    def summary(self, fuse: bool) -> Summary:
        """Return the block's launches as the schedule of a whole graph needs them."""
        return self.fused if fuse else self._eager

    def at(self, shape: Shape, again: Callable[[], Sequence[Node]]) -> "Fragment":
        """Return this block, which keeps its input's height and width throughout, for an input of another size."""
        pixels, others = math.prod(self.in_shape[1:]), math.prod(shape[1:])
        scaled = copy(self)
        for name in ("operators", "_eager"):
            scaled.__dict__.pop(name, None)  # they are of the other size
        scaled.in_shape = shape
        scaled.facts = self.facts.op.facts(tuple([(x[0], *shape[1:]) for x in self.facts.in_shapes]))
        scaled.macs = self.macs // pixels * others
        scaled.cio_elements = self.cio_elements // pixels * others
        scaled.fused = self.fused.scaled(pixels, others)
        scaled._again = again
        scaled.smaller, scaled.deployed = self, None
        return scaled

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
        for index in range(1, self.size + 1):
            first, at = at + 2, at + 2 + self.words[at + 1]
            places += [i for i in range(first, at) if self.words[i] == index]
        return tuple(places)
