"""Which units are one class of the file, and what its constructor takes.

Units are one class if they run the same items on the same inputs and differ in numbers at most. Numbers that differ
between its units become parameters; those that are always equal, or a multiple of one another, one parameter.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nas.node import Node
from nas.ops import Concat
from nas.source.dense import find_dense
from nas.source.identifiers import unique
from nas.source.inputs import input_names
from nas.source.items import Chain, Dense, Function, Item, Join, Layer, Part, Unit
from nas.source.slots import Slot, arguments

__all__ = ["Families", "Family", "Fill", "Param"]


class Fill(NamedTuple):
    """What stands in a slot: `value`, or `times` the parameter of the number `param`.

    total: instead, the channels that a dense run's values have together, of those that this parameter lists.
    """

    value: Any = None
    param: int | None = None
    times: int = 1
    total: int | None = None


@dataclass(eq=False)
class Param:
    """A constructor's parameter. slot: the first slot it fills. role: "in", "out", "both" or "" of channels."""

    name: str
    slot: int
    values: list[Any]
    default: Any
    kind: str
    role: str = ""


@dataclass(eq=False)
class Family:
    """The units of one class, the first stands for all. fills: per slot of a unit.

    dense: where the numbers of its dense run begin (channels that it takes, widths, links), -1 if it has none.
    """

    units: list[Unit]
    slots: list[list[Slot]]
    number: int
    dense: int
    fills: list[Fill] = field(default_factory=list)
    params: list[Param] = field(default_factory=list)
    name: str = ""

    def given(self, unit: Unit) -> list[tuple[Param, Any]]:
        """Return the parameters with what `unit` gives for them."""
        at = next(i for i, x in enumerate(self.units) if x is unit)
        return [(param, param.values[at]) for param in self.params]


class Families:
    """All classes of a file, those used by others first."""

    def __init__(self, top: Unit, users: list[list[Node]]):
        self.of: dict[int, Family] = {}
        self.all: list[Family] = []
        self.users = users
        self.first_slot: dict[int, int] = {}  # by id of an item, where its numbers begin
        levels: dict[int, list[Unit]] = {}
        for unit in _units(top):
            levels.setdefault(unit.heights(), []).append(unit)
        for height in sorted(levels):
            self._group(levels[height])
        self.all = self.in_order(top)

    def _group(self, units: list[Unit]) -> None:
        groups: dict[Hashable, Family] = {}
        for unit in units:
            unit.items = find_dense(unit, self.users, self._alike)
            slots: list[Slot] = []
            key = self._key(unit, slots)
            family = groups.setdefault(key, Family([], [], len(self.all) + len(groups), self._dense(unit)))
            family.units.append(unit)
            family.slots.append(slots)
            self.of[id(unit)] = family
        for family in groups.values():
            _fill(family)
        self.all += groups.values()

    def in_order(self, top: Unit) -> list[Family]:
        """Return the classes as they are defined: each before the first that uses it."""
        found: dict[int, Family] = {}
        stack = [top]
        while stack:
            pending = [unit for unit in stack[-1].parts() if self.of[id(unit)].number not in found]
            if pending:
                stack.append(self.of[id(pending[0])].units[0])
            else:
                family = self.of[id(stack.pop())]
                found[family.number] = family
        return list(found.values())

    def _dense(self, unit: Unit) -> int:
        return next((self.first_slot[id(item)] for item in unit.items if isinstance(item, Dense)), -1)

    def _alike(self, parts: Sequence[Part]) -> bool:
        family = self.of[id(parts[0].unit)]
        if any(self.of[id(part.unit)] is not family for part in parts):
            return False
        rows = [[repr(v) for p, v in family.given(part.unit) if p.role not in ("in", "out")] for part in parts]
        return all(row == rows[0] for row in rows)

    def _key(self, unit: Unit, slots: list[Slot]) -> Hashable:
        """Return what units of one class have in common, and append the numbers in which they may differ."""
        number: dict[int, Hashable] = {x.index: i for i, x in enumerate(unit.inputs)}
        rows: list[Hashable] = [len(unit.inputs)]
        for item in unit.items:
            rows.append((item.path, self._item_key(item, number, slots)))
            for i, node in enumerate(item.made):
                last = isinstance(item, Dense) and i == len(item.made) - 1
                number[node.index] = (len(rows), -1 if last else i)
        rows.append(tuple(number[x.index] for x in unit.outputs))
        rows.append(tuple(sorted(path[len(unit.scope.path) :] for path in unit.opened)))
        return tuple(rows)

    def _item_key(self, item: Item, number: dict[int, Hashable], slots: list[Slot]) -> Hashable:
        self.first_slot[id(item)] = len(slots)
        if isinstance(item, Layer | Function):
            args, named = arguments(item.call)
            read = tuple(number[x.index] for x in item.inputs)
            return item.call.target, read, _kept(args, slots), tuple((n, _kept(v, slots)) for n, v in named.items())
        if isinstance(item, Join):
            slots.append(Slot("kept", item.kept))
            return "join", number[item.dense.made[-1].index]
        if isinstance(item, Dense):
            return self._dense_key(item, number, slots)
        read = tuple(number[x.index] for x in item.inputs)
        if isinstance(item, Chain):
            inner: dict[int, Hashable] = {item.inputs[0].index: 0}
            rows = []
            for x in item.items:
                rows.append((x.path, self._item_key(x, inner, slots)))
                inner[x.made[0].index] = len(rows)
            return "chain", read, tuple(rows)
        assert isinstance(item, Part)
        family = self.of[id(item.unit)]
        joined = isinstance(item.inputs[0].op, Concat)
        for param, value in family.given(item.unit):
            name = "joined_channels" if joined and param.role == "in" else param.name
            slots.append(Slot(name, value, param.default))
        return "part", read, family.number, len(item.made)

    def _dense_key(self, item: Dense, number: dict[int, Hashable], slots: list[Slot]) -> Hashable:
        slots.append(Slot("in_channels", item.inputs[0].channels))
        slots.append(Slot("widths", tuple(node.channels for node in item.made)))
        slots.append(Slot("links", item.links))
        family = self.of[id(item.items[0].unit)]
        given = family.given(item.items[0].unit)
        slots += [Slot(p.name, value, p.default) for p, value in given if p.role not in ("in", "out")]
        return "dense", number[item.inputs[0].index], family.number, item.path


def _units(top: Unit) -> list[Unit]:
    return [unit for part in top.parts() for unit in _units(part)] + [top]


def _kept(value: Any, slots: list[Slot]) -> Hashable:
    """Return what all units of a class share of an argument; numbers go to `slots`."""
    if isinstance(value, Slot):
        slots.append(value)
        return "number"
    if isinstance(value, list | tuple):
        return tuple(_kept(v, slots) for v in value)
    return type(value).__name__, value


def _fill(family: Family) -> None:
    """Decide which slots are parameters."""
    units = range(len(family.units))
    forced = range(family.dense, family.dense + 3) if family.dense >= 0 else ()
    for j, slot in enumerate(family.slots[0]):
        column = [family.slots[i][j].value for i in units]
        kept = slot.name == "kept" and family.dense >= 0
        if not kept and j not in forced and len({repr(value) for value in column}) == 1:
            family.fills.append(Fill(column[0]))
        else:
            family.fills.append(_param(family, j, column))
    _name(family)


def _param(family: Family, j: int, column: list[Any]) -> Fill:
    slot = family.slots[0][j]
    for number, param in enumerate(family.params):
        if param.kind == slot.kind and list(map(repr, param.values)) == list(map(repr, column)):
            if param.default != slot.default:  # it would have two
                param.default = None
            if slot.name == "dilation":
                param.name = slot.name
            return Fill(param=number)
    if slot.kind == "channels":
        total = _total(family, column)
        if total is not None:
            return Fill(total=total)
        for number, param in enumerate(family.params):
            times = column[0] // param.values[0] if param.kind == "channels" and isinstance(column[0], int) else 0
            if times > 1 and all(c == times * v for c, v in zip(column, param.values, strict=True)):
                return Fill(param=number, times=times)
    default = slot.default if any(repr(value) == repr(slot.default) for value in column) else None
    family.params.append(Param(slot.name, j, column, default, slot.kind))
    return Fill(param=len(family.params) - 1)


def _total(family: Family, column: list[Any]) -> int | None:
    """Return the parameter that lists values of the dense run which have together these channels."""
    if family.dense < 0 or len(family.fills) < family.dense + 3:
        return None
    bases = [row[family.dense].value for row in family.slots]
    widths = [row[family.dense + 1].value for row in family.slots]
    for number, param in enumerate(family.params):
        rows = zip(bases, widths, param.values, column, strict=True)
        if param.kind == "kept" and all(sum([(x, *w)[i] for i in kept]) == wanted for x, w, kept, wanted in rows):
            return number
    return None


def _name(family: Family) -> None:
    """Name the parameters; those of channels by what the units take and give."""
    names = input_names(family.units)
    taken: set[str] = set()
    for param in family.params:
        if param.kind == "channels":
            columns = [[unit.inputs[i].channels for unit in family.units] for i in range(len(names))]
            takes = next((name for name, column in zip(names, columns, strict=True) if column == param.values), "")
            gives = param.values == [unit.outputs[0].channels for unit in family.units]
            param.role = "both" if takes and gives else "in" if takes else "out" if gives else ""
            param.name = _channels_name(param, takes if len(names) > 1 else takes and "in")
        param.name = unique(param.name, taken)


def _channels_name(param: Param, takes: str) -> str:
    if param.role == "both":
        return "channels"
    if param.role:
        return f"{takes or 'out'}_channels"
    return "hidden_channels" if param.name in ("in_channels", "out_channels", "channels") else param.name
