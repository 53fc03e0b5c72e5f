"""The operator graph: an immutable list of nodes in one canonical order, and the builder that makes it.

Nodes are numbered depth first from the outputs, inputs in order (sorted where the operator is commutative). The key,
the schedule for peak memory and the stored form all use that order.
"""

import hashlib
import json
import sys
from array import array
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from nas.errors import GraphError, ShapeError
from nas.fragment import Fragment
from nas.node import Node, Scope, Stamp, comes_first, names_of, numbered, words_of
from nas.ops import OPERATORS, Image, Op, Shape, check_scheme
from nas.ops.base import Facts

if TYPE_CHECKING:
    import networkx

__all__ = ["Graph", "GraphBuilder", "Node", "Scope"]

_MASK = (1 << 64) - 1
_FORMAT = 2  # of graph.json


class GraphBuilder:
    """Appends operators; `freeze` checks and numbers them once. Every `emit` of a rule gets one."""

    recording: ClassVar[bool] = False  # whether this records a block: those inside of it are not recorded
    node_type: ClassVar[type[Node]] = Node

    def __init__(self, image_shape: Shape, classes: int):
        if classes < 1:
            raise ShapeError(f"classes={classes}; give 1 for a binary mask, else the number of classes")
        self._scope = Scope("", None, self)
        self._serial = 0
        self.classes = classes
        image = Image(image_shape[0])
        self.image = Node(image.facts((image_shape,)), (), self._scope, "image", 0, 0)
        self._scope.take("image")

    def add(self, op: Op, *inputs: Node, name: str | None = None) -> Node:
        """Append `op` applied to `inputs` and return its node. Raises ShapeError where shapes do not fit."""
        try:
            if len(inputs) == 1:  # by far the most
                x = inputs[0]
                shapes: tuple[Shape, ...] = (x.facts.shape,)
                depth = x.depth + 1
            else:
                shapes = tuple([x.facts.shape for x in inputs])
                depth = max([x.depth for x in inputs], default=0) + 1
        except AttributeError:
            wrong = next(x for x in inputs if not isinstance(x, Node))
            raise GraphError(f"{self._scope.path}: {op} takes nodes, {wrong!r} came") from None
        facts = op.facts_by_shapes.get(shapes)
        if facts is None:
            facts = self._first_use(op, shapes)
        if facts.commutative and len(inputs) == 2 and not comes_first(*inputs):
            return self.add(op, *inputs[::-1], name=name)
        scope = self._scope
        if name is not None:
            if name in scope.taken:
                scope.take(name)  # raises
            scope.taken.add(name)
        self._serial = serial = self._serial + 1
        return self.node_type(facts, inputs, scope, name, serial, depth)

    def scope(self, name: str) -> Scope:
        """Return a scope to enter: `with g.scope("level2"):`. Raises GraphError if the name was given before."""
        self._scope.take(name)
        return Scope(name, self._scope, self)

    def stamp(self, fragment: Fragment, x: Node, name: str) -> Node:
        """Append a recorded block to `x`; `name` is the scope it had."""
        self._serial += 1
        return Stamp(fragment, x, self._scope, name, self._serial)

    def _first_use(self, op: Op, shapes: tuple[Shape, ...]) -> Facts:
        try:
            return op.facts(shapes)
        except ShapeError as fault:
            raise ShapeError(f"{op}: {fault}") from None
        except ValueError:
            raise ShapeError(f"{op} cannot take {len(shapes)} inputs: {', '.join(map(str, shapes))}") from None

    def freeze(self, outputs: Sequence[Node], prediction: int | str = 0, initialisation: str = "torch") -> "Graph":
        """Return the graph of what `outputs` need, in canonical order; the builder must not be used after.

        prediction: the number of the output that counts, or "mean" for the mean of all.
        initialisation: the scheme of `nas.ops.SCHEMES` that draws the weights.
        """
        if not outputs:
            raise GraphError("a graph needs at least one output")
        if prediction != "mean" and prediction not in range(len(outputs)):
            raise GraphError(f"prediction={prediction!r}; give 'mean' or a number below {len(outputs)}")
        check_scheme(initialisation, "the network")
        parts = tuple(numbered(outputs))
        return Graph(parts, tuple(outputs), prediction, initialisation, self.image.shape, self.classes)


class Graph:
    """A network as data: what is computed from what. Immutable; knows no rule, no space and no torch.

    Inside, a recorded block is one part, a `Stamp`; `nodes()` has every operator.
    """

    def __init__(
        self,
        parts: tuple[Node, ...],
        part_outputs: tuple[Node, ...],
        prediction: int | str,
        initialisation: str,
        image_shape: Shape,
        classes: int,
    ):
        self.parts = parts
        self.part_outputs = part_outputs
        self.prediction = prediction
        self.initialisation = initialisation
        self.image_shape = image_shape
        self.classes = classes

    def nodes(self) -> tuple[Node, ...]:
        """Return the nodes, inputs before users."""
        return self._nodes

    @cached_property
    def _nodes(self) -> tuple[Node, ...]:
        if not any(isinstance(part, Stamp) for part in self.parts):
            return self.parts
        nodes: list[Node] = []
        for part in self.parts:
            if not isinstance(part, Stamp):
                inputs = tuple([nodes[x.index] for x in part.inputs])
                nodes.append(Node(part.facts, inputs, part.scope, part.given_name, part.serial, part.depth))
            else:
                nodes += _operators(part, nodes[part.inputs[0].index])
        for index, node in enumerate(nodes):
            node.index = node.place = index
        return tuple(nodes)

    @cached_property
    def outputs(self) -> tuple[Node, ...]:
        """The nodes whose values are returned, in order."""
        return tuple(self.nodes()[part.index] for part in self.part_outputs)

    def key(self) -> str:
        """Return the identity of the architecture, stable across processes and machines (32 hex digits).

        Names, the order of independent nodes, unused nodes, how weights are drawn and the image's height and width do
        not count. Computing something twice differs from using it twice. Where a sum takes two results computed alike,
        but apart, and one is used elsewhere too, equal graphs may get two keys (never different ones the same).
        """
        words = array("Q")
        for part in self.parts:
            fragment = part.fragment
            if fragment is None:
                words.extend(words_of((part,)))
            else:
                start, between = len(words), part.index - fragment.size - part.inputs[0].index
                words.extend(fragment.words)
                if between:
                    for at in fragment.loose:
                        words[start + at] += between
        words.extend([x.index for x in self.part_outputs])
        words.append(_MASK if self.prediction == "mean" else int(self.prediction))
        if sys.byteorder == "big":
            words.byteswap()
        return hashlib.blake2b(words.tobytes(), digest_size=16).hexdigest()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Dotted address of each node; automatic ones are the operator's name and a number in its scope."""
        return names_of(self.nodes())

    def users(self) -> list[list[Node]]:
        """Return for each node the nodes that take it as an input."""
        users: list[list[Node]] = [[] for _ in self._nodes]
        for node in self._nodes:
            for x in set(node.inputs):
                users[x.index].append(node)
        return users

    def to_json(self) -> str:
        """Return the stored form: operators, arguments, inputs and names. No rule is needed to read it."""
        nodes = [
            {"op": type(n.op).__name__, "args": n.op.arguments(), "inputs": [x.index for x in n.inputs], "name": name}
            for n, name in zip(self._nodes, self.names, strict=True)
        ]
        head = {"format": _FORMAT, "key": self.key(), "image": self.image_shape, "classes": self.classes}
        tail = {
            "prediction": self.prediction,
            "initialisation": self.initialisation,
            "outputs": [x.index for x in self.outputs],
            "nodes": nodes,
        }
        return json.dumps(head | tail)

    @classmethod
    def from_json(cls, text: str) -> "Graph":
        """Rebuild a stored graph. Raises GraphError if it is damaged or its key does not fit its nodes."""
        try:
            stored = json.loads(text)
            graph = _rebuild(stored)
        except (KeyError, TypeError, IndexError, ValueError) as fault:
            raise GraphError(
                f"graph.json cannot be read: {type(fault).__name__}: {fault}; write it again with to_json()"
            ) from None
        if graph.key() != stored["key"]:
            raise GraphError(
                f"graph.json: its nodes have the key {graph.key()}, it says {stored['key']}; the file was changed"
            )
        return graph

    def to_networkx(self) -> "networkx.DiGraph[int]":
        """Return a DiGraph of node numbers with `name, op, shape`; parallel edges carry `positions` (input numbers)."""
        import networkx

        graph: networkx.DiGraph[int] = networkx.DiGraph()
        for node, name in zip(self._nodes, self.names, strict=True):
            graph.add_node(node.index, name=name, op=str(node.op), shape=node.shape)
            for position, x in enumerate(node.inputs):
                if graph.has_edge(x.index, node.index):
                    graph.edges[x.index, node.index]["positions"] += (position,)
                else:
                    graph.add_edge(x.index, node.index, positions=(position,))
        return graph

    def __len__(self) -> int:
        return self.parts[-1].index + 1

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes())


def _operators(stamp: Stamp, x: Node) -> list[Node]:
    """Return the nodes of a recorded block on `x`."""
    made, prefix = [x], stamp.prefix
    for facts, inputs, depth, name in stamp.fragment.operators:
        made.append(Node(facts, tuple([made[i] for i in inputs]), None, f"{prefix}.{name}", 0, x.depth + depth))
    return made[1:]


def _rebuild(stored: dict[str, Any]) -> Graph:
    if stored["format"] != _FORMAT:
        raise GraphError(f"graph.json has format {stored['format']}, this version reads {_FORMAT}; update the package")
    builder = GraphBuilder(tuple(stored["image"]), stored["classes"])
    made: list[Node] = []
    for row in stored["nodes"]:
        if row["op"] not in OPERATORS:
            raise GraphError(f"{row['name']}: unknown operator '{row['op']}'; known: {', '.join(OPERATORS)}")
        arguments = {name: tuple(v) if isinstance(v, list) else v for name, v in row["args"].items()}
        op = OPERATORS[row["op"]](**arguments)
        inputs = [made[i] for i in row["inputs"]]
        node = builder.add(op, *inputs) if inputs else builder.image
        node.scope, node.given_name = None, row["name"]
        made.append(node)
    return builder.freeze([made[i] for i in stored["outputs"]], stored["prediction"], stored["initialisation"])
