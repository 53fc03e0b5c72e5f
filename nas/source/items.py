"""What one class of the file does: its items in the order in which its `forward` runs them.

A scope becomes a unit. Scopes without layers, containers (`layers.0`, `layers.1`) and scopes that would have to be left
and entered again have no call of their own: their items are the unit's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from nas.graph import Graph
from nas.node import Node
from nas.ops import Call, Dropout, Image
from nas.source.identifiers import natural
from nas.source.places import Places
from nas.source.scopes import Scope

__all__ = [
    "Chain",
    "Dense",
    "Function",
    "Item",
    "Join",
    "Layer",
    "Part",
    "Unit",
    "containers",
    "leaves",
    "single",
    "units_of",
]


@dataclass(eq=False)
class Item:
    """One call. inputs: the values it takes, in order; made: those it gives. path: where its module is in the unit."""

    inputs: tuple[Node, ...]
    made: tuple[Node, ...]
    path: tuple[str, ...]


@dataclass(eq=False)
class Layer(Item):
    """A torch module."""

    call: Call


@dataclass(eq=False)
class Function(Item):
    """A torch function; `path` is that of the scope it is in, which only orders it."""

    call: Call


@dataclass(eq=False)
class Part(Item):
    """A module of a class of the file."""

    unit: "Unit"


@dataclass(eq=False)
class Chain(Item):
    """Numbered modules, each on what the one before it gives: nn.Sequential."""

    items: tuple[Item, ...]


@dataclass(eq=False)
class Dense(Item):
    """Numbered modules of one class, each on the concatenation of some values before: the input is 0, the first is 1.

    links: the values that each reads. inputs: value 0. made: values 1, 2, ...
    """

    items: tuple[Part, ...]
    links: tuple[tuple[int, ...], ...]


@dataclass(eq=False)
class Join(Item):
    """The concatenation of values of a `Dense`, by number."""

    dense: Dense
    kept: tuple[int, ...]


@dataclass(eq=False)
class Unit:
    """A scope that becomes a module. inputs: outside values, the finest first, the image last; outputs: in their order.

    opened: scopes that are run from outside of them. sources: by value, the name of the scope inside or outside that
    makes it, as seen from here.
    """

    scope: Scope
    items: list[Item]
    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    opened: frozenset[tuple[str, ...]]
    sources: dict[int, str]

    def parts(self) -> "list[Unit]":
        """Return the units inside, those in chains included."""
        return [part.unit for part in leaves(self.items) if isinstance(part, Part)]

    def heights(self) -> int:
        """Return how many units deep it is."""
        return 1 + max([unit.heights() for unit in self.parts()], default=0)


def leaves(items: Sequence[Item]) -> list[Item]:
    """Return the items with those in chains and dense runs in place of these."""
    found: list[Item] = []
    for item in items:
        found += leaves(item.items) if isinstance(item, Chain | Dense) else [item]
    return found


def units_of(top: Scope, graph: Graph) -> Unit:
    """Return the unit of the top scope of `graph`, with all others inside."""
    return _Reader(graph).unit(top)


@dataclass(eq=False)
class _Member:
    path: tuple[str, ...]
    nodes: list[Node]
    scope: Scope | None = None


class _Reader:
    def __init__(self, graph: Graph):
        self.users = graph.users()
        self.outputs = {node.index for node in graph.outputs}
        self.places = Places(graph)
        self.opened: set[tuple[str, ...]] = set()

    def unit(self, scope: Scope) -> Unit:
        members = self._callable(scope)
        items = [self._item(member) for member in members]
        inside = {node.index for node in scope.nodes()}
        ends = [
            n
            for n in scope.nodes()
            if n.index in self.outputs or any(u.index not in inside for u in self.users[n.index])
        ]
        _sort_operands(items)
        items = _ordered(items, ends)
        items = _chains(items, scope, self.users, self.outputs)
        inputs = {x.index: x for item in items for x in item.inputs if x.index not in inside}
        taken = sorted(inputs.values(), key=_outside_order)
        given = {node.index for node in ends}
        made = [node for item in items for node in item.made if node.index in given]
        opened = frozenset(path for path in self.opened if path[: len(scope.path)] == scope.path)
        values = [*taken, *(node for item in items for node in item.made)]
        sources = {node.index: self.places.name(node, scope.path) for node in values}
        return Unit(scope, items, tuple(taken), tuple(made), opened, sources)

    def _callable(self, scope: Scope) -> list[_Member]:
        """Return the members of a scope, scopes opened until each can be run in one go."""
        while True:
            members = self._members(scope, ())
            owner = {node.index: i for i, member in enumerate(members) for node in member.nodes}
            before: dict[int, set[int]] = {i: set() for i in range(len(members))}
            for i, member in enumerate(members):
                for node in member.nodes:
                    before[i] |= {owner[x.index] for x in node.inputs if x.index in owner} - {i}
            for first, then in _draws(owner, members):
                before[then] |= {first} - {then}
            try:
                TopologicalSorter(before).prepare()
                return members
            except CycleError as fault:
                cycle = [members[i] for i in fault.args[1] if members[i].scope is not None]
            smallest = min(cycle, key=lambda member: (len(member.nodes), natural(member.path)))
            assert smallest.scope is not None
            self.opened.add(smallest.scope.path)

    def _members(self, scope: Scope, prefix: tuple[str, ...]) -> list[_Member]:
        found = [_Member((*prefix, name), [node]) for name, node in scope.layers.items()]
        found += [_Member(prefix, [node]) for node in scope.functions]
        for name, inner in scope.scopes.items():
            path = (*prefix, name)
            if inner.container or not inner.modules() or inner.path in self.opened:
                found += self._members(inner, path)
            else:
                found.append(_Member(path, list(inner.nodes()), inner))
        return found

    def _item(self, member: _Member) -> Item:
        if member.scope is not None:
            unit = self.unit(member.scope)
            return Part(unit.inputs, unit.outputs, member.path, unit)
        (node,) = member.nodes
        layer = node.op.layer(*node.facts.in_shapes)
        if layer is not None:
            return Layer(node.inputs, (node,), member.path, layer)
        call = node.op.call(*node.facts.in_shapes)
        assert call is not None, f"{node.op} states neither a layer nor a call"
        return Function(node.inputs, (node,), member.path, call)


def _outside_order(x: Node) -> tuple[bool, tuple[int, ...]]:
    """Return where a class takes an outside value: the finest first, the image last."""
    return isinstance(x.op, Image), tuple(-side for side in x.shape[1:])


def _draws(owner: dict[int, int], members: list[_Member]) -> list[tuple[int, int]]:
    """Return pairs of members that draw random numbers one after the other: training must draw in the graph's order."""
    nodes = [node for member in members for node in member.nodes if isinstance(node.op, Dropout)]
    drawing = [owner[node.index] for node in sorted(nodes, key=lambda node: node.index)]
    return list(zip(drawing, drawing[1:], strict=False))


def _ordered(items: list[Item], ends: list[Node]) -> list[Item]:
    """Return the items depth first from what is used outside: an order that the unit alone decides."""
    maker = {node.index: item for item in items for node in item.made}
    before = {id(item): [maker[x.index] for x in item.inputs if x.index in maker] for item in items}
    drawing = sorted((_first_draw(item), i) for i, item in enumerate(items) if _first_draw(item) >= 0)
    for (_, first), (_, then) in zip(drawing, drawing[1:], strict=False):
        before[id(items[then])].append(items[first])
    rank = {id(item): i for i, item in enumerate(items)}
    roots = sorted(
        {id(maker[n.index]): maker[n.index] for n in ends}.values(), key=lambda r: (natural(r.path), rank[id(r)])
    )
    order: dict[int, Item] = {}
    stack = roots[::-1]
    while stack:
        item = stack[-1]
        pending = [x for x in before[id(item)] if id(x) not in order]
        if pending and id(item) not in order:
            stack += pending[::-1]
        else:
            order[id(stack.pop())] = item
    return list(order.values())


def _sort_operands(items: list[Item]) -> None:
    """Put what a sum or product takes in the order of where it is made: a + b is b + a to the bit."""
    path = {node.index: item.path for item in items for node in item.made}
    for item in items:
        if isinstance(item, Function) and item.made[0].op.commutative:
            item.inputs = tuple(sorted(item.inputs, key=lambda x: natural(path.get(x.index, ()))))


def _first_draw(item: Item) -> int:
    nodes = item.unit.scope.nodes() if isinstance(item, Part) else item.made
    return min([node.index for node in nodes if isinstance(node.op, Dropout)], default=-1)


def containers(scope: Scope, prefix: tuple[str, ...]) -> list[tuple[tuple[str, ...], Scope]]:
    """Return the numbered containers that a unit runs, innermost first."""
    found = []
    for name, inner in scope.scopes.items():
        if inner.container or not inner.modules():
            found += containers(inner, (*prefix, name))
            if inner.numbered and inner.modules():
                found.append(((*prefix, name), inner))
    return found


def _chains(items: list[Item], scope: Scope, users: list[list[Node]], outputs: set[int]) -> list[Item]:
    """Put numbered modules that simply follow one another together."""
    for path, container in containers(scope, ()):
        wanted = [(*path, str(i)) for i in range(len(container.modules()))]
        first = next((i for i, item in enumerate(items) if item.path == wanted[0] and _module(item)), len(items))
        run = items[first : first + len(wanted)]
        if [item.path for item in run] != wanted or not all(_module(item) for item in run):
            continue
        if all(_follows(a, b, users, outputs) for a, b in zip(run, run[1:], strict=False)) and single(run[0]):
            items = [*items[:first], Chain(run[0].inputs, run[-1].made, path, tuple(run)), *items[first + len(run) :]]
    return items


def _module(item: Item) -> bool:
    return isinstance(item, Layer | Part | Chain)


def single(item: Item) -> bool:
    """Return whether an item takes one value and gives one."""
    return len(item.inputs) == len(item.made) == 1


def _follows(a: Item, b: Item, users: list[list[Node]], outputs: set[int]) -> bool:
    if not single(a) or not single(b) or b.inputs != a.made or a.made[0].index in outputs:
        return False
    readers = {user.index for user in users[a.made[0].index]}
    inner = {node.index for node in _all_nodes(b)}
    return readers <= inner


def _all_nodes(item: Item) -> list[Node]:
    if isinstance(item, Part):
        return list(item.unit.scope.nodes())
    return [node for x in item.items for node in _all_nodes(x)] if isinstance(item, Chain) else list(item.made)
