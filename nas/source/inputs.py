"""What the values are called that a class takes from outside."""

from collections.abc import Sequence

from nas.node import Node
from nas.ops import Image
from nas.source.identifiers import unique
from nas.source.items import Unit

__all__ = ["KNOWN", "input_names", "place_name"]

_WORDS = "F Tensor torch nn zip sum range len super list self features join pad_to layer link"
KNOWN = frozenset(_WORDS.split())
"""Names that mean something else in the file."""


def input_names(units: Sequence[Unit]) -> list[str]:
    """Return the names of the values that units of one class take, in order.

    One is x. Those that are larger than the last are skips. Several of a single unit are named by where they are from.
    """
    first = units[0]
    if len(first.inputs) == 1:
        return ["image" if not first.scope.path else "x"]
    taken = set(KNOWN)
    plain = not any(isinstance(x.op, Image) for x in first.inputs)
    if plain and len(first.inputs) == 2 and all(u.inputs[0].shape[1:] > u.inputs[1].shape[1:] for u in units):
        return ["skip", "x"]
    if len([x for x in first.inputs if not isinstance(x.op, Image)]) == 1:
        return ["image" if isinstance(x.op, Image) else "x" for x in first.inputs]
    names = [place_name(x, units, i) for i, x in enumerate(first.inputs)]
    if names.count("x") < 2:
        return [unique(name, taken) for name in names]
    if all(unit.inputs[0].shape[1:] == unit.inputs[-2].shape[1:] > unit.inputs[-1].shape[1:] for unit in units):
        return [*(f"skip{i}" for i in range(1, len(names))), "x"]
    return [unique(f"x{i}" if name == "x" else name, taken) for i, name in enumerate(names, start=1)]


def place_name(x: Node, units: Sequence[Unit], i: int) -> str:
    """Return a name for an outside value by the scope that makes it, where all units agree on that."""
    if isinstance(x.op, Image):
        return "image"
    names = {unit.sources[unit.inputs[i].index] for unit in units}
    return names.pop() if len(names) == 1 else "x"
