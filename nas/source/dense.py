"""Densely linked layers: a loop over numbered modules that read concatenations of what was made before."""

from collections.abc import Callable, Sequence

from nas.node import Node
from nas.ops import Concat
from nas.source.items import Dense, Item, Join, Part, Unit, containers, single

__all__ = ["find_dense"]


def find_dense(unit: Unit, users: list[list[Node]], alike: Callable[[Sequence[Part]], bool]) -> list[Item]:
    """Return the unit's items, the first run of numbered modules that read concatenations of earlier ones as one.

    alike: whether modules differ only in the channels that they take and give.
    """
    items = unit.items
    if not unit.scope.path:
        return items  # the class of the network takes no arguments, which a loop needs
    for path, container in containers(unit.scope, ()):
        found = _run(unit, path, len(container.modules()), users)
        if found is not None and alike(found[2].items):
            first, last, dense = found
            return [*items[:first], dense, *[_joined(item, dense) for item in items[last:]]]
    return items


def _run(unit: Unit, path: tuple[str, ...], count: int, users: list[list[Node]]) -> tuple[int, int, Dense] | None:
    """Return a run with the places of its first item and of the first after it; None if these modules are none."""
    items = unit.items
    parts = [item for item in items if item.path[: len(path)] == path and isinstance(item, Part)]
    if count < 3 or [part.path for part in parts] != [(*path, str(i)) for i in range(count)]:
        return None
    first, last = items.index(parts[0]), items.index(parts[-1]) + 1
    if not all(map(single, parts)):
        return None
    values = [*parts[0].inputs, *(part.made[0] for part in parts)]
    number = {node.index: i for i, node in enumerate(values)}
    concats = {item.made[0].index: item for item in items[first:last] if isinstance(item.made[0].op, Concat)}
    if len(concats) + count != last - first:
        return None
    links = []
    for part in parts:
        (x,) = part.inputs
        concat = concats.get(x.index)
        if concat is not None and (len(users[x.index]) > 1 or x in unit.outputs):
            return None
        read = concat.inputs if concat is not None else part.inputs
        if not all(node.index in number for node in read):
            return None
        links.append(tuple(number[node.index] for node in read))
    return first, last, Dense((values[0],), tuple(values[1:]), path, tuple(parts), tuple(links))


def _joined(item: Item, dense: Dense) -> Item:
    values = (*dense.inputs, *dense.made)
    if isinstance(item.made[0].op, Concat) and set(item.inputs) <= set(values):
        return Join(item.inputs, item.made, item.path, dense, tuple(values.index(x) for x in item.inputs))
    return item
