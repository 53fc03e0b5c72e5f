"""From an architecture to its graph: apply each rule's `emit`, slots bound to what fills them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from nas.architecture import Architecture
from nas.errors import GraphError, NasError
from nas.fragment import Fragment
from nas.grammar import Block
from nas.graph import Graph, GraphBuilder
from nas.node import Node
from nas.ops import Shape
from nas.recording import RECORDED_KINDS, recordings_of

__all__ = ["Outputs", "as_block", "build"]


class Outputs(NamedTuple):
    """Maps in their published order, and the number of the one that counts (or "mean").

    initialisation: the scheme of `nas.ops.SCHEMES` that draws the network's weights.
    A network or a decoder of which the first map counts may return a plain list.
    """

    nodes: Sequence[Node]
    prediction: int | str = 0
    initialisation: str = "torch"


def build(architecture: Architecture, image_shape: Shape, classes: int = 1) -> Graph:
    """Return the operator graph of an architecture.

    image_shape: (C, H, W) of the input. classes: channels of the logits, 1 for a binary mask.
    Raises ShapeError, with the address of the operator, where the input is too small or the wrong multiple.
    """
    if architecture.rule.kind != "network":
        raise GraphError(f"only a network can be built; {architecture.rule.name} is a {architecture.rule.kind}")
    g = GraphBuilder(image_shape, classes)
    found = architecture.rule.emit(g, **_bound(architecture))
    return g.freeze(*(found if isinstance(found, Outputs) else Outputs(found)))


def as_block(architecture: Architecture, name: str, *, recorded: bool = True) -> Block:
    """Return what `emit` gets where `architecture` fills a slot of this name. recorded: False to emit it each time."""
    return _Bound(architecture, name, recorded)


class _Bound:
    """A slot's content, ready to be applied to nodes in a scope of its own."""

    __slots__ = ("_architecture", "_name", "_options", "_recordings")

    def __init__(self, architecture: Architecture, name: str, recorded: bool = True):
        self._architecture = architecture
        self._name = name
        self._options: dict[str, Any] | None = None
        recorded = recorded and architecture.rule.kind in RECORDED_KINDS
        self._recordings = recordings_of(architecture.token) if recorded else None

    def __call__(self, g: GraphBuilder, *inputs: Any, name: str | None = None) -> Any:
        name = name or self._name
        if self._recordings is not None and len(inputs) == 2 and not g.recording:
            fragment = self._fragment(*inputs)
            if fragment is not None:
                return g.stamp(fragment, inputs[0], name)
        with g.scope(name):
            return self._emit(g, *inputs)

    def _emit(self, g: GraphBuilder, *inputs: Any) -> Any:
        if self._options is None:
            self._options = _bound(self._architecture)
        return self._architecture.rule.emit(g, *inputs, **self._options)

    def _fragment(self, x: Node, width: int) -> Fragment | None:
        """Return the block as recorded on an input of this shape, recording it if it is the first."""
        assert self._recordings is not None
        try:
            return self._recordings.on(x.facts.shape, width, lambda g, x: self._emit(g, x, width))
        except NasError:
            return None  # appended in its own place the fault gets its address


def _bound(architecture: Architecture) -> dict[str, Any]:
    return {name: _bind(value, name) for name, value in architecture.options.items()}


def _bind(value: Any, name: str) -> Any:
    if isinstance(value, Architecture):
        return _Bound(value, name)
    if isinstance(value, tuple):
        return tuple(_bind(part, f"{name}{i}") for i, part in enumerate(value))
    return value
