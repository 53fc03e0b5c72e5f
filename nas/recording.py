"""Recording blocks: emitting one on a stand-in for its input, once per (rule, options, shape, width).

A block that keeps its input's height and width and never asks for them is recorded once, on a small map, for all larger
ones.
"""

from collections.abc import Callable, Hashable
from typing import Any

from nas.errors import NasError, ShapeError
from nas.fragment import Fragment
from nas.graph import GraphBuilder
from nas.node import Node, Scope, numbered
from nas.ops import Image, Shape

__all__ = ["RECORDED_KINDS", "Recordings", "recordings_of"]

RECORDED_KINDS = frozenset({"attention", "block", "context", "downsample", "mixer", "stem"})
"""Kinds of rules that take one node and a width. Their `emit` must depend on nothing but shape, width and options."""

_SMALL = 8  # pixels a side
_MOST_OPERATORS = 2_000_000  # kept in recorded blocks, about 300 MB

Emission = Callable[[GraphBuilder, Node], object]


class _ReadsMore(NasError):
    """The block asks for something else than its input. A NasError, which whoever guards an `emit` lets pass."""


class _Watched(Node):
    """A node that tells its builder when its shape is asked for; the number of channels alone is no secret."""

    __slots__ = ()

    @property
    def shape(self) -> Shape:
        """(C, *spatial) of the output."""
        assert self.scope is not None and isinstance(self.scope.builder, _Recorder)
        self.scope.builder.knows_size = True
        return self.facts.shape


class _Recorder(GraphBuilder):
    """A builder that knows neither image nor classes: whatever asks for them is no block to be recorded."""

    recording = True
    node_type = _Watched

    def __init__(self, shape: Shape) -> None:
        self._scope = Scope("", None, self)
        self._serial = 0
        self.knows_size = False
        self.source = _Watched(Image(shape[0]).facts((shape,)), (), self._scope, "x", 0, 0)
        self.source.index = self.source.place = 0

    def __getattr__(self, name: str) -> Any:
        raise _ReadsMore(name)


class Recordings:
    """What was recorded of one block, by shape and width."""

    def __init__(self) -> None:
        self._exact: dict[tuple[Shape, int], Fragment | None] = {}
        self._any_size: dict[tuple[int, int, int], Fragment | None] = {}

    def on(self, shape: Shape, width: int, emission: Emission) -> Fragment | None:
        """Return the block on an input of this shape; None if it cannot be recorded.

        A block cannot that does nothing, that reads something else than its input, or that begins or ends with an
        operator without a kernel of its own. Raises ShapeError where the block cannot take the shape.
        """
        key = (shape, width)
        if key not in self._exact:
            small = self._small(shape, width, emission) if min(shape[1:], default=0) >= _SMALL else None
            if small:
                self._exact[key] = small.at(shape, lambda: _operators(emission, shape)[1])
            else:
                self._exact[key] = _record(emission, shape)[0]
        return self._exact[key]

    def _small(self, shape: Shape, width: int, emission: Emission) -> Fragment | None:
        """Return the block on a small map if it is the same on every larger one."""
        key = (shape[0], len(shape), width)
        if key not in self._any_size:
            try:
                found, any_size = _record(emission, (shape[0], *(_SMALL,) * (len(shape) - 1)))
            except ShapeError:
                found, any_size = None, False
            self._any_size[key] = found if any_size else None
        return self._any_size[key]


_recordings: dict[Hashable, Recordings] = {}
_operators_kept = 0


def recordings_of(token: Hashable) -> Recordings:
    """Return what was recorded of the block with this token; new recordings go into it."""
    found = _recordings.get(token)
    if found is None:
        found = _recordings[token] = Recordings()
    return found


def _record(emission: Emission, shape: Shape) -> tuple[Fragment | None, bool]:
    """Return the recorded block, and whether it is the same for any larger size."""
    recorder, nodes = _operators(emission, shape)
    if len(nodes) < 2:
        return None, False
    _make_room(len(nodes))
    keeps_size = all([node.facts.shape[1:] == shape[1:] for node in nodes])
    return Fragment(nodes, lambda: _operators(emission, shape)[1]), keeps_size and not recorder.knows_size


def _operators(emission: Emission, shape: Shape) -> tuple[_Recorder, list[Node]]:
    """Return the stand-in and the operators appended to it, none if the block cannot be recorded."""
    recorder = _Recorder(shape)
    source = recorder.source
    try:
        output = emission(recorder, source)
    except _ReadsMore:
        return recorder, []
    if not isinstance(output, Node) or output is source or output.facts.idle:
        return recorder, []
    nodes = numbered([output], [source])
    if any([not node.inputs or (node.facts.idle and source in node.inputs) for node in nodes[1:]]):
        return recorder, []
    return recorder, nodes


def _make_room(operators: int) -> None:
    """Forget every block when too many operators are kept: they are recorded again when needed."""
    global _operators_kept
    _operators_kept += operators
    if _operators_kept > _MOST_OPERATORS:
        _recordings.clear()
        _operators_kept = operators
