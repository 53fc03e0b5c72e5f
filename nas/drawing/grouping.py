"""Which operators are drawn as one cell: scopes, opened until 15 to 25 cells are in view, split by resolution."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from nas.graph import Graph
from nas.ops import Image, Shape

__all__ = ["FEWEST", "MOST", "Groups", "Scope", "opened_scopes"]

FEWEST, MOST = 15, 25
"""Cells at full view, where the network has that many parts."""

LEGIBLE = 12
"""Operators that one cell may hold without being opened to reach FEWEST."""

SHARE = 0.05
"""A resolution that does less of its scope's MACs or writes less of its maps, and gives nothing away, gets no cell."""

SINGLE = "="
"""The part of a group that is one operator, shown by its own name."""

Scope = tuple[str, ...]


def level_of(shape: Shape, image: Shape) -> int:
    """Return log2 of the image's side over the map's, rounded; a vector counts as one pixel. Both are (C, *spatial)."""
    return round(math.log2(math.prod(image[1:]) / math.prod(shape[1:])) / (len(image) - 1))


@dataclass(frozen=True)
class Group:
    """The operators of one cell, by index. part: tells apart the cells of one scope and level."""

    scope: Scope
    level: int
    part: str
    members: tuple[int, ...]


class Groups:
    """The ways to group one graph's operators. What is opened is given; the rest follows."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.scopes: list[Scope] = [tuple(name.split(".")[:-1]) for name in graph.names]
        self.levels = [level_of(node.shape, graph.image_shape) for node in graph]
        self.users = [sorted(x.index for x in users) for users in graph.users()]
        self._outputs = {node.index for node in graph.outputs}

    def of(self, opened: set[Scope], cuts: dict[Scope, int], single: frozenset[int] = frozenset()) -> list[Group]:
        """Return the groups in canonical order.

        opened: scopes that are shown as what they hold. cuts: scopes whose operators are cut into that many runs of
        the canonical order. single: operators shown one by one; the image always is.
        """
        held: dict[tuple[Scope, bool], list[int]] = defaultdict(list)
        found: list[Group] = []
        for i, node in enumerate(self.graph):
            if i in single or isinstance(node.op, Image):
                found.append(Group(self.scopes[i], self.levels[i], SINGLE, (i,)))
            else:
                held[self._shown(i, opened)].append(i)
        for (scope, loose), members in held.items():
            found += self._parts(scope, loose, members, cuts.get(scope, 1))
        return sorted(found, key=lambda group: group.members)

    def sizes(self, opened: set[Scope]) -> dict[tuple[Scope, bool], int]:
        """Return how many operators each shown scope has, and whether they lie loose in an opened one."""
        return Counter(self._shown(node.index, opened) for node in self.graph if not isinstance(node.op, Image))

    def _shown(self, index: int, opened: set[Scope]) -> tuple[Scope, bool]:
        """Return the scope that the operator is shown as, and whether it lies loose in an opened one."""
        scope = self.scopes[index]
        for depth in range(len(scope) + 1):
            if scope[:depth] not in opened:
                return scope[:depth], False
        return scope, True

    def _parts(self, scope: Scope, loose: bool, held: list[int], runs: int) -> list[Group]:
        groups: list[Group] = []
        for run in range(runs):
            members = held[run * len(held) // runs : (run + 1) * len(held) // runs]
            mark = ("+" if loose else "") + (f"/{run}" if runs > 1 else "")
            for level, piece in self._by_level(members).items():
                parts = self._connected(piece) if loose else [piece]
                marks = [mark] if len(parts) == 1 else [f"{mark}#{number}" for number in range(len(parts))]
                groups += [Group(scope, level, m, tuple(part)) for m, part in zip(marks, parts, strict=True)]
        return groups

    def _by_level(self, members: Sequence[int]) -> dict[int, list[int]]:
        """Split by resolution. What only prepares another resolution (a gate's vector, a norm before a resize) stays
        with the operators that read it, so that all that leaves a part has the part's resolution.
        """
        inside = set(members)
        macs, written = Counter[int](), Counter[int]()
        for i in members:
            macs[self.levels[i]] += self.graph.nodes()[i].facts.macs
            written[self.levels[i]] += self.graph.nodes()[i].facts.out_elements
        busy, wide = SHARE * macs.total(), SHARE * written.total()
        kept = {level for level in macs if macs[level] > busy and written[level] > wide}
        place: dict[int, int] = {}
        for i in reversed(members):
            readers = {place[user] for user in self.users[i] if user in inside}
            if self.leaves(i, inside) or len(readers) > 1:
                kept.add(self.levels[i])
            place[i] = self.levels[i] if self.levels[i] in kept else readers.pop()
        parts: dict[int, list[int]] = defaultdict(list)
        for i in members:
            parts[place[i]].append(i)
        return parts

    def leaves(self, index: int, inside: set[int]) -> bool:
        """Return whether an operator's value is read outside of `inside` or is an output."""
        return index in self._outputs or not inside.issuperset(self.users[index])

    def _connected(self, members: Sequence[int]) -> list[list[int]]:
        """Split into what hangs together, and what comes before other cells from what comes after them."""
        inside, left = set(members), dict.fromkeys(members)
        borders = self._borders(inside)
        parts: list[list[int]] = []
        while left:
            stack, part = [next(iter(left))], set()
            while stack:
                i = stack.pop()
                if i not in part:
                    part.add(i)
                    inputs = [x.index for x in self.graph.nodes()[i].inputs]
                    stack += [j for j in (*self.users[i], *inputs) if j in inside and borders[i] == borders[j]]
            parts.append(sorted(part))
            for i in part:
                del left[i]
        return parts

    def _borders(self, inside: set[int]) -> list[int]:
        """Return how often, at most, a path to each operator goes into `inside` or out of it."""
        borders: list[int] = []
        for i, node in enumerate(self.graph):
            crossed = (borders[x.index] + ((x.index in inside) != (i in inside)) for x in node.inputs)
            borders.append(max(crossed, default=0))
        return borders


def opened_scopes(groups: Groups) -> tuple[set[Scope], dict[Scope, int]]:
    """Return which scopes to open, and which to cut into how many runs, for FEWEST to MOST cells.

    The largest scopes, counted in operators, are opened first; scopes of one size are opened together. Those that would
    bring more than MOST cells stay closed. Where that is not enough, the largest cells are cut into halves.
    """
    opened = _opened(groups)
    return opened, _cuts(groups, opened)


def _opened(groups: Groups) -> set[Scope]:
    opened, refused = set[Scope](), set[Scope]()
    while len(groups.of(opened, {})) < FEWEST:
        legible = LEGIBLE if opened else 0
        sizes = {scope: n for (scope, loose), n in groups.sizes(opened).items() if not loose and n > legible}
        closed = {scope: n for scope, n in sizes.items() if scope not in refused}
        if not closed:
            break
        wave = {scope for scope, n in closed.items() if n == max(closed.values())}
        if len(groups.of(opened | wave, {})) <= MOST:
            opened |= wave
        else:
            refused |= wave
    return opened


def _cuts(groups: Groups, opened: set[Scope]) -> dict[Scope, int]:
    cuts, refused = dict[Scope, int](), set[Scope]()
    while len(groups.of(opened, cuts)) < FEWEST:
        sizes = {scope: n // cuts.get(scope, 1) for (scope, _), n in groups.sizes(opened).items()}
        long = {scope: n for scope, n in sizes.items() if n > 2 * LEGIBLE and scope not in refused}
        if not long:
            break
        largest = max(long, key=lambda scope: (long[scope], scope))
        more = cuts | {largest: 2 * cuts.get(largest, 1)}
        if len(groups.of(opened, more)) <= MOST:
            cuts = more
        else:
            refused.add(largest)
    return cuts
