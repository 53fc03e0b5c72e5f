"""New members out of known ones: a decision changed, a part taken from another, or drawn afresh."""

from collections.abc import Mapping, Sequence
from random import Random

from nas.grammar import Option
from nas.space import SearchSpace
from nas.walk import Point, draw, redraw

__all__ = ["crossed", "mutant", "point_of"]

_FREE: frozenset[str] = frozenset()


def point_of(space: SearchSpace, decisions: Mapping[str, Option]) -> Point:
    """Return the member of recorded decisions."""
    return draw(space, decisions, Random(0), _FREE)


def mutant(space: SearchSpace, point: Point, rng: Random) -> Point:
    """Return a member with one decision changed, in one of three cases with two; what that opens is drawn.

    Half of the time every decision is as likely as another, else those near the root, which decide the costs, are more.
    """
    for _ in range(rng.choice((1, 1, 2))):
        if not point.open:
            break
        path = point.pick(rng) if rng.random() < 0.5 else rng.choice(list(point.open))
        point = redraw(space, point, path, rng.choice(point.others(path)), rng)
    return point


def crossed(space: SearchSpace, point: Point, mates: Sequence[Point], rng: Random) -> Point:
    """Return the member with one decision, and all below it, taken from one of the mates, where they differ there."""
    mate = rng.choice(mates)
    shared = [path for path in point.open if path in mate.decisions and _differs(point, mate, path)]
    if not shared:
        return mutant(space, point, rng)
    at = rng.choice(shared)
    graft = {path: option for path, option in mate.decisions.items() if path == at or path.startswith(f"{at}.")}
    return draw(space, {**point.decisions, **graft}, rng, _FREE)


def _differs(point: Point, mate: Point, at: str) -> bool:
    if point.decisions[at] != mate.decisions[at]:
        return True
    below = f"{at}."
    return any(mate.decisions.get(path) != option for path, option in point.decisions.items() if path.startswith(below))
