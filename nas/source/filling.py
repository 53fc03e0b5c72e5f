"""What stands in the numbers of one class: literals, parameters of its constructor, or what follows from these."""

import ast
from typing import Any

from nas.source.families import Families, Family
from nas.source.identifiers import RESERVED, unique
from nas.source.items import Item
from nas.source.slots import Slot
from nas.source.syntax import call, dotted, index, literal, name, tail_from

__all__ = ["Filling", "Tables", "total"]


class Tables:
    """Long tables of links, as constants of the file. One that another begins with is a slice of it."""

    def __init__(self, families: Families):
        found = {slot.value for f in families.all for row in f.slots for slot in row if slot.name == "links"}
        self.constants: dict[str, Any] = {}
        for links in sorted(found, key=lambda links: (-len(links), links)):
            if not any(table[: len(links)] == links for table in self.constants.values()):
                self.constants[unique(_table_name(links), set(self.constants))] = links

    def expression(self, value: Any) -> ast.expr:
        """Return a literal, or the constant that holds it."""
        for constant, table in self.constants.items():
            if isinstance(value, tuple) and value and isinstance(value[0], tuple) and table[: len(value)] == value:
                whole = len(table) == len(value)
                return name(constant) if whole else index(name(constant), tail_from(stop=len(value)))
        return literal(value)


def _table_name(links: tuple[tuple[int, ...], ...]) -> str:
    """Return the name of a table of links, by the pattern that they follow."""
    layers = range(1, len(links) + 1)
    patterns = {
        "CHAIN": [(i - 1,) for i in layers],
        "DENSE": [tuple(range(i - 1, -1, -1)) for i in layers],
        "HARMONIC": [tuple(i - 2**n for n in range(i.bit_length()) if i % 2**n == 0) for i in layers],  # HarDNet's
    }
    return next((f"{name}_LINKS" for name, rows in patterns.items() if rows == list(links)), "LINKS")


class Filling:
    """The numbers of `family`. kept: by parameter, the attribute that holds it for forward; read: those it reads."""

    def __init__(self, family: Family, families: Families, tables: Tables):
        self.family = family
        self.families = families
        self.tables = tables
        self.read: set[int] = set()
        taken = {*family.units[0].scope.modules(), *RESERVED}
        self.kept = {number: unique(param.name, taken) for number, param in enumerate(family.params)}

    def first(self, item: Item) -> int:
        """Return the number of an item's first slot."""
        return self.families.first_slot[id(item)]

    def fill(self, number: int, inside: bool = True) -> ast.expr:
        """Return what stands in a slot; inside: of the constructor."""
        fill = self.family.fills[number]
        if fill.total is not None:
            return total(name(self.family.params[fill.total].name))
        if fill.param is None:
            return self.tables.expression(fill.value)
        param = self.family.params[fill.param]
        if not inside:
            self.read.add(fill.param)
        at = name(param.name) if inside else dotted(f"self.{self.kept[fill.param]}")
        return at if fill.times == 1 else ast.BinOp(literal(fill.times), ast.Mult(), at)

    def is_default(self, number: int, slot: Slot) -> bool:
        """Return whether torch's default stands in a slot."""
        fill = self.family.fills[number]
        return (
            fill.param is None
            and fill.total is None
            and slot.default is not None
            and repr(fill.value) == repr(slot.default)
        )

    def arguments(
        self, args: list[Any], named: dict[str, Any], start: int, inside: bool
    ) -> tuple[list[Any], dict[str, Any]]:
        """Return arguments with what fills their numbers; those that are torch's defaults are left out."""
        number = start
        filled: list[Any] = []
        for arg in args:
            filled.append(self.fill(number, inside) if isinstance(arg, Slot) else literal(arg) if inside else arg)
            number += isinstance(arg, Slot)
        words: dict[str, Any] = {}
        for word, value in named.items():
            if not isinstance(value, Slot):
                words[word] = literal(value) if inside else value
            else:
                if not self.is_default(number, value):
                    words[word] = self.fill(number, inside)
                number += 1
        return filled, words


def total(numbers: ast.expr) -> ast.expr:
    """Return the channels of a dense run's values of these numbers together."""
    loop = ast.comprehension(ast.Name("i", ast.Store()), numbers, [], 0)
    return call("sum", ast.ListComp(index(name("channels_of"), name("i")), [loop]))
