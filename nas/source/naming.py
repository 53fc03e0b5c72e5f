"""What the classes of a file are called."""

from collections import Counter

from nas.node import Node
from nas.source.allowed import TAKEN
from nas.source.families import Families, Family
from nas.source.identifiers import camel, unique
from nas.source.items import Dense, Function, Layer, Unit

__all__ = ["give_names"]

_SHORT = {"BatchNorm": "BN", "ConvTranspose": "ConvTranspose", "InstanceNorm": "Norm"}


def give_names(families: Families, top: str) -> None:
    """Name every class: after its scope, or after what it computes where it is found under several names."""
    taken = {top, *TAKEN}
    wanted = {family.number: _wanted(family) for family in families.all}
    for family in families.all:
        is_top = not family.units[0].scope.path
        family.name = top if is_top else unique(wanted[family.number], taken)


def _wanted(family: Family) -> str:
    names = Counter(_scope_name(unit.scope.path) for unit in family.units)
    if len(names) == 1:
        return next(iter(names))
    if any(isinstance(item, Dense) for item in family.units[0].items):
        return "DenseBlock"
    return _content(family.units[0]) or max(names, key=lambda name: (names[name], -len(name), name))


def _scope_name(path: tuple[str, ...]) -> str:
    """Return the class name that a scope gives: layers.0 is a Layer."""
    named = [part for part in path if not part.isdigit()]
    name = camel(named[-1]) if named else ""
    return name if len(name) > 1 else "Node"


def _content(unit: Unit) -> str:
    """Return what a short chain of layers and functions does, as ConvBNReLU; empty for anything else."""
    if len(unit.inputs) > 1 or len(unit.items) > 8 or len(unit.outputs) > 1:
        return ""
    words: list[str] = []
    x: Node = unit.inputs[0]
    for item in unit.items:
        if not isinstance(item, Layer | Function) or item.inputs != (x,):
            return ""
        (x,) = item.made
        kind = type(x.op).__name__
        words.append(_SHORT.get(kind, kind))
    half = len(words) // 2
    if half > 1 and words[:half] == words[half:] and len(words) % 2 == 0:
        return "Double" + "".join(words[:half])
    return "".join(words) if len(words) <= 4 else ""
