"""Short names for cells: enough of the dotted path to tell them apart."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from nas.drawing.grouping import Group, Groups, Scope

__all__ = ["labels_of"]


def labels_of(groups: Groups, shown: Sequence[Group]) -> list[str]:
    """Return a label for each group: the shortest end of its path that no other path has; where several groups have one
    path, the names of what each holds, if these are few and its own.
    """
    paths = [_path(groups, group) for group in shown]
    held: dict[Scope, Counter[str]] = defaultdict(Counter)
    for path, group in zip(paths, shown, strict=True):
        held[path].update(_held(groups, path, group))
    operators, labels = {tuple(name.split(".")) for name in groups.graph.names}, []
    for path, group in zip(paths, shown, strict=True):
        inside = _held(groups, path, group)
        own = inside and all(held[path][name] == 1 for name in inside)
        whole = sum(scope[: len(path)] == path for scope in groups.scopes) == len(group.members)
        if own and not whole and "+" in group.part and len(inside) > 1:
            labels.append(f"{inside[0]} … {inside[-1]}")
        elif own and len(inside) < 3 and sum(path == other for other in paths) > 1:
            labels.append(" + ".join(inside))
        else:
            labels.append(_short(path, set(paths), fewest=2 if path in operators else 1) or "network")
    return labels


def _path(groups: Groups, group: Group) -> Scope:
    """Return the address that all members share: their scope, or the name of an operator that shares its scope."""
    scopes = [groups.scopes[i] for i in group.members]
    if len(scopes) == 1 and (groups.scopes.count(scopes[0]) > 1 or not scopes[0]):
        return tuple(groups.graph.names[group.members[0]].split("."))
    first, last = min(scopes), max(scopes)
    depth = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:depth]


def _held(groups: Groups, path: Scope, group: Group) -> list[str]:
    """Return what lies directly below `path` in the group, scopes and operators, in order."""
    names = [groups.graph.names[i].split(".") for i in group.members]
    return list(dict.fromkeys(name[len(path)] for name in names if len(name) > len(path)))


def _short(path: Scope, others: set[Scope], fewest: int) -> str:
    """Return the shortest end of a path that tells it from others, of `fewest` names or more; no number is first."""
    for length in range(fewest, len(path)):
        end = path[-length:]
        if not end[0].isdecimal() and not any(p != path and p[-length:] == end for p in others):
            return ".".join(end)
    return ".".join(path)
