"""What the values are called that a class takes from outside."""

from collections.abc import Sequence

from nas.node import Node
from nas.ops import Image
from nas.source.identifiers import unique
from nas.source.items import Unit

__all__ = ["KNOWN", "input_names", "place_name"]

KNOWN = frozenset("F Tensor torch nn zip sum range len super list self features join pad_to layer link".split())
"""Names that mean something else in the file."""


def input_names(units: Sequence[Unit]) -> list[str]:
    """Return the names of the values that units of one class take, in order.

    One is x. Of two of different sizes the larger is the skip. Several of a single unit are named by where they are from.
    """
    first = units[0]
    if len(first.inputs) == 1:
        return ["image" if not first.scope.path else "x"]
    taken = set(KNOWN)
    if len(first.inputs) == 2 and not any(isinstance(x.op, Image) for x in first.inputs):
        a, b = first.inputs
        if all(u.inputs[0].shape[1:] > u.inputs[1].shape[1:] for u in units):
            return ["skip", "x"]
        if all(u.inputs[0].shape[1:] < u.inputs[1].shape[1:] for u in units):
            return ["x", "skip"]
    names = [place_name(x, units, i) for i, x in enumerate(first.inputs)]
    return [unique(name, taken) for name in names]


def place_name(x: Node, units: Sequence[Unit], i: int) -> str:
    """Return a name for an outside value by the scope that makes it, where all units agree on that."""
    if isinstance(x.op, Image):
        return "image"
    names = {unit.sources[unit.inputs[i].index] for unit in units}
    return names.pop() if len(names) == 1 else "x"
