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
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING, Any

from nas.errors import GraphError, ShapeError
from nas.ops import OPERATORS, Image, Op, Shape
from nas.ops.base import Facts

if TYPE_CHECKING:
    import networkx

__all__ = ["Graph", "GraphBuilder", "Node", "Scope"]

_MASK = (1 << 64) - 1
_SPREAD, _SHIFT = 0x9E3779B97F4A7C15, 0x632BE59BD9B4E019  # odd, without a pattern: they mix 64-bit terms


class Scope:
    """One level of names: `encoder`, then `stage2` inside it. Entering it makes it the builder's current scope."""

    __slots__ = ("_builder", "name", "parent", "taken")

    def __init__(self, name: str, parent: "Scope | None", builder: "GraphBuilder"):
        self.name = name
        self.parent = parent
        self.taken: set[str] = set()
        self._builder = builder

    @property
    def path(self) -> str:
        """The dotted address, empty at the top."""
        if self.parent is None:
            return self.name
        above = self.parent.path
        return f"{above}.{self.name}" if above else self.name

    def take(self, name: str) -> None:
        """Reserve a name. Raises GraphError if it was given before in this scope."""
        if name in self.taken:
            raise GraphError(f"{self.path or 'the top scope'}: the name '{name}' is given twice")
        self.taken.add(name)

    def __enter__(self) -> "Scope":
        self._builder._scope = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(fault, ShapeError):
            fault.locate(self.path)
        assert self.parent is not None
        self._builder._scope = self.parent


class Node:
    """One operator applied to earlier nodes. Its shape is (C, *spatial); its index is the canonical number."""

    __slots__ = ("facts", "given_name", "index", "inputs", "scope", "serial", "term")

    def __init__(
        self, facts: Facts, inputs: "tuple[Node, ...]", scope: Scope | None, name: str | None, serial: int, term: int
    ):
        self.facts = facts
        self.inputs = inputs
        self.scope = scope
        self.given_name = name
        self.serial = serial  # order of creation: automatic names count in it
        self.term = term  # hash of the expression below; sorts the inputs of commutative operators
        self.index = -1

    @property
    def op(self) -> Op:
        """The operator."""
        return self.facts.op

    @property
    def shape(self) -> Shape:
        """(C, *spatial) of the output."""
        return self.facts.shape

    @property
    def channels(self) -> int:
        """C of the output."""
        return self.facts.shape[0]

    def __repr__(self) -> str:
        return f"<{self.op} -> {self.shape}>"


def _term(code: int, inputs: tuple[Node, ...], commutative: bool) -> int:
    terms = [node.term for node in inputs]
    if commutative:
        terms.sort()
    for term in terms:
        code = ((code ^ term) * _SPREAD + _SHIFT) & _MASK
        code ^= code >> 29
    return code


def _in_order(node: Node) -> Sequence[Node]:
    """The inputs in canonical order."""
    inputs = node.inputs
    if len(inputs) > 1 and node.facts.commutative:
        return sorted(inputs, key=lambda x: x.term)
    return inputs


class GraphBuilder:
    """Appends operators; `freeze` checks and numbers them once. Every `emit` of a rule gets one."""

    def __init__(self, image_shape: Shape, classes: int):
        if classes < 1:
            raise ShapeError(f"classes={classes}; give 1 for a binary mask, else the number of classes")
        self._scope = Scope("", None, self)
        self._serial = 0
        self.classes = classes
        image = Image(image_shape[0])
        self.image = Node(image.facts((image_shape,)), (), self._scope, "image", 0, image.code)
        self._scope.take("image")

    def add(self, op: Op, *inputs: Node, name: str | None = None) -> Node:
        """Append `op` applied to `inputs` and return its node. Raises ShapeError where shapes do not fit."""
        try:
            shapes = tuple([x.facts.shape for x in inputs])
        except AttributeError:
            wrong = next(x for x in inputs if not isinstance(x, Node))
            raise GraphError(f"{self._scope.path}: {op} takes nodes, {wrong!r} came") from None
        facts = op.facts_by_shapes.get(shapes)
        if facts is None:
            facts = self._first_use(op, shapes)
        if name is not None:
            self._scope.take(name)
        self._serial += 1
        if len(inputs) == 1:
            term = ((facts.code ^ inputs[0].term) * _SPREAD + _SHIFT) & _MASK
            term ^= term >> 29
        else:
            term = _term(facts.code, inputs, facts.commutative)
        return Node(facts, inputs, self._scope, name, self._serial, term)

    def scope(self, name: str) -> Scope:
        """Return a scope to enter: `with g.scope("level2"):`. Raises GraphError if the name was given before."""
        self._scope.take(name)
        return Scope(name, self._scope, self)

    def _first_use(self, op: Op, shapes: tuple[Shape, ...]) -> Facts:
        try:
            return op.facts(shapes)
        except ShapeError as fault:
            raise ShapeError(f"{op}: {fault}") from None
        except ValueError:
            raise ShapeError(f"{op} cannot take {len(shapes)} inputs: {', '.join(map(str, shapes))}") from None

    def freeze(self, outputs: Sequence[Node], prediction: int | str = 0) -> "Graph":
        """Return the graph of what `outputs` need, in canonical order; the builder must not be used after.

        prediction: the number of the output that counts, or "mean" for the mean of all.
        """
        if not outputs:
            raise GraphError("a graph needs at least one output")
        if prediction != "mean" and prediction not in range(len(outputs)):
            raise GraphError(f"prediction={prediction!r}; give 'mean' or a number below {len(outputs)}")
        return Graph(_number(outputs), tuple(outputs), prediction, self.image.shape, self.classes)


def _number(outputs: Sequence[Node]) -> tuple[Node, ...]:
    """Number everything that the outputs need, inputs before users, and return it in that order."""
    order: list[Node] = []
    stack = list(reversed(outputs))
    while stack:
        node = stack[-1]
        if node.index < 0:
            inputs = node.inputs
            if len(inputs) == 1:  # by far the most
                if inputs[0].index < 0:
                    stack.append(inputs[0])
                    continue
            elif pending := [x for x in _in_order(node) if x.index < 0]:
                pending.reverse()
                stack.extend(pending)
                continue
            node.index = len(order)
            order.append(node)
        stack.pop()
    return tuple(order)


class Graph:
    """A network as data: what is computed from what. Immutable; knows no rule, no space and no torch."""

    def __init__(
        self,
        nodes: tuple[Node, ...],
        outputs: tuple[Node, ...],
        prediction: int | str,
        image_shape: Shape,
        classes: int,
    ):
        self._nodes = nodes
        self.outputs = outputs
        self.prediction = prediction
        self.image_shape = image_shape
        self.classes = classes

    def nodes(self) -> tuple[Node, ...]:
        """Return the nodes, inputs before users."""
        return self._nodes

    def key(self) -> str:
        """Return the identity of the architecture, stable across processes and machines (32 hex digits).

        Names, the order of independent nodes, unused nodes and the image's height and width do not count. Computing
        something twice differs from using it twice.
        """
        numbers: list[int] = []
        for node in self._nodes:
            facts, inputs = node.facts, node.inputs
            if len(inputs) == 1:  # by far the most
                numbers += (facts.code, 1, inputs[0].index)
            else:
                indexes = [x.index for x in inputs]
                numbers += (facts.code, len(indexes), *(sorted(indexes) if facts.commutative else indexes))
        numbers += [x.index for x in self.outputs]
        numbers.append(_MASK if self.prediction == "mean" else int(self.prediction))
        words = array("Q", numbers)
        if sys.byteorder == "big":
            words.byteswap()
        return hashlib.blake2b(words.tobytes(), digest_size=16).hexdigest()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Dotted address of each node; automatic ones are the operator's name and a number in its scope."""
        names = [""] * len(self._nodes)
        taken: dict[int, set[str]] = {}
        for node in sorted(self._nodes, key=lambda n: n.serial):
            names[node.index] = _name(node, taken)
        return tuple(names)

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
        head = {"format": 1, "key": self.key(), "image": self.image_shape, "classes": self.classes}
        tail = {"prediction": self.prediction, "outputs": [x.index for x in self.outputs], "nodes": nodes}
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
        return len(self._nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes)


def _name(node: Node, taken: dict[int, set[str]]) -> str:
    if node.scope is None:
        return str(node.given_name)
    leaf = node.given_name
    if leaf is None:
        used = taken.setdefault(id(node.scope), set(node.scope.taken))
        kind = type(node.op).__name__.lower()
        leaf = next(name for number in count(1) if (name := f"{kind}{number}") not in used)
        used.add(leaf)
    path = node.scope.path
    return f"{path}.{leaf}" if path else leaf


def _rebuild(stored: dict[str, Any]) -> Graph:
    if stored["format"] != 1:
        raise GraphError(f"graph.json has format {stored['format']}, this version reads 1; update the package")
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
    return builder.freeze([made[i] for i in stored["outputs"]], stored["prediction"])
