"""Nodes, the scopes that name them, and their canonical order.

A block that was applied to the same shape before is one node here, a `Stamp` of the recorded block, until somebody asks
for its operators. So everything in this file counts operators through `size` and looks inside of stamps where needed.
"""

from array import array
from collections.abc import Iterable, Sequence
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from nas.errors import GraphError, ShapeError
from nas.ops import Op, Shape
from nas.ops.base import Facts

if TYPE_CHECKING:
    from nas.fragment import Fragment

__all__ = ["Node", "Scope", "Stamp", "comes_first", "names_of", "numbered", "words_of"]


class Scoped(Protocol):
    """Whoever has a current scope: the builder."""

    _scope: "Scope"


class Scope:
    """One level of names: `encoder`, then `stage2` inside it. Entering it makes it the builder's current scope."""

    __slots__ = ("builder", "name", "parent", "taken")

    def __init__(self, name: str, parent: "Scope | None", builder: Scoped):
        self.name = name
        self.parent = parent
        self.taken: set[str] = set()
        self.builder = builder

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
        self.builder._scope = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(fault, ShapeError):
            fault.locate(self.path)
        assert self.parent is not None
        self.builder._scope = self.parent


class Node:
    """One operator applied to earlier nodes. Its shape is (C, *spatial); its index is the canonical number."""

    __slots__ = ("depth", "facts", "given_name", "index", "inputs", "place", "scope", "serial")

    fragment: "Fragment | None" = None
    size = 1

    def __init__(
        self, facts: Facts, inputs: "tuple[Node, ...]", scope: Scope | None, name: str | None, serial: int, depth: int
    ):
        self.facts = facts
        self.inputs = inputs
        self.scope = scope
        self.given_name = name
        self.serial = serial  # order of creation: automatic names count in it
        self.depth = depth  # operators on the longest way from the image: orders the inputs of sums and products
        self.index = -1
        self.place = -1  # in the list of nodes, where a stamp is one

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


class Stamp(Node):
    """A recorded block applied to a node. Facts, depth and index are those of the block's last operator."""

    __slots__ = ("fragment", "size")

    fragment: "Fragment"

    def __init__(self, fragment: "Fragment", x: Node, scope: Scope, name: str, serial: int):
        super().__init__(fragment.facts, (x,), scope, name, serial, x.depth + fragment.depth)
        self.fragment = fragment
        self.size = fragment.size

    @property
    def prefix(self) -> str:
        """The address that the names of the block's operators begin with."""
        assert self.scope is not None
        above = self.scope.path
        return f"{above}.{self.given_name}" if above else str(self.given_name)


def numbered(outputs: Iterable[Node], before: Sequence[Node] = ()) -> list[Node]:
    """Number everything that the outputs need, inputs before users, depth first, and return it in that order.

    before: nodes that have their numbers, the first places. All of a stamp's operators depend on its one input, so
    depth first they follow one another: they take `size` numbers in a row, the last is the stamp's own.
    """
    order = list(before)
    index = len(order) - 1
    stack = [*outputs][::-1]
    while stack:
        node = stack[-1]
        if node.index < 0:
            inputs = node.inputs
            if len(inputs) == 1:  # by far the most
                if inputs[0].index < 0:
                    stack.append(inputs[0])
                    continue
            elif pending := [x for x in inputs if x.index < 0]:
                pending.reverse()
                stack.extend(pending)
                continue
            index += node.size
            node.index = index
            node.place = len(order)
            order.append(node)
        stack.pop()
    return order


def words_of(nodes: Iterable[Node]) -> "array[int]":
    """Return what the key hashes of operators: code, number of inputs, how far before it each of them is."""
    words: list[int] = []
    for node in nodes:
        inputs = node.inputs
        if len(inputs) == 1:  # by far the most
            words += (node.facts.code, 1, node.index - inputs[0].index)
        else:
            words += (node.facts.code, len(inputs), *[node.index - x.index for x in inputs])
    return array("Q", words)


_View = tuple[Node, int]
"""An operator: of a stamp, by its number there, or a plain node."""


def comes_first(a: Node, b: Node) -> bool:
    """Return whether `a` stands before `b` as input of a sum or product, or they are the same expression.

    Less deep ones do; then by operator, number of inputs, and the inputs in turn. Where two expressions share a part,
    it decides nothing: so the order within a block is the same wherever the block stands.
    """
    if a.depth != b.depth:
        return a.depth < b.depth
    stack = [(_view(a), _view(b))]
    equal: set[tuple[_View, _View]] = set()
    while stack:
        pair = stack.pop()
        if pair[0] == pair[1] or pair in equal:
            continue
        equal.add(pair)
        ranks = [_rank(*view) for view in pair]
        if ranks[0] != ranks[1]:
            return ranks[0] < ranks[1]
        stack.extend(zip(*(_inputs(*view)[::-1] for view in pair), strict=True))
    return True


def _view(node: Node) -> _View:
    return node, node.size


def _rank(node: Node, number: int) -> tuple[int, int, int]:
    fragment = node.fragment
    if fragment is None:
        return node.depth, node.facts.code, len(node.inputs)
    operator = fragment.operators[number - 1]
    return node.inputs[0].depth + operator.depth, operator.facts.code, len(operator.inputs)


def _inputs(node: Node, number: int) -> list[_View]:
    if node.fragment is None:
        return [_view(x) for x in node.inputs]
    return [(node, i) if i else _view(node.inputs[0]) for i in node.fragment.operators[number - 1].inputs]


def names_of(nodes: Sequence[Node]) -> tuple[str, ...]:
    """Return the dotted address of each; automatic ones are the operator's name and a number in its scope."""
    names = {}
    taken: dict[int, set[str]] = {}
    for node in sorted(nodes, key=lambda n: n.serial):
        names[node.index] = _name(node, taken)
    return tuple(names[node.index] for node in nodes)


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
