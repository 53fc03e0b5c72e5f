"""Steps between members of a space: one decision taken anew, what it opens drawn, the rest kept."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from random import Random

from nas.architecture import Architecture
from nas.grammar import Option
from nas.space import SearchSpace

__all__ = ["Point", "descend", "draw", "redraw"]


@dataclass(frozen=True)
class Point:
    """A member and the decisions it was derived by, with what each offered. `fixed` ones are not taken anew."""

    architecture: Architecture
    decisions: Mapping[str, Option]
    offered: Mapping[str, tuple[Option, ...]]
    fixed: frozenset[str]

    @cached_property
    def open(self) -> dict[str, float]:
        """The decisions that may be taken anew, by the chance with which `pick` picks them: each level down halves it.

        Widths and depths, which decide the costs, stand near the root and would drown among the flags of blocks.
        """
        paths = [p for p, options in self.offered.items() if len(options) > 1 and p not in self.fixed]
        weights = [2.0 ** -path.count(".") for path in paths]
        return {path: weight / sum(weights) for path, weight in zip(paths, weights, strict=True)}

    def pick(self, rng: Random) -> str:
        """Pick an open decision."""
        return rng.choices(list(self.open), list(self.open.values()))[0]

    def others(self, path: str) -> list[Option]:
        """Return what `path` might be instead."""
        return [option for option in self.offered[path] if option != self.decisions[path]]


def draw(space: SearchSpace, given: Mapping[str, Option], rng: Random, fixed: frozenset[str]) -> Point:
    """Return the member of the decisions `given`, where they are reached; the others are equally likely."""
    decisions: dict[str, Option] = {}
    offered: dict[str, tuple[Option, ...]] = {}

    def choose(path: str, options: tuple[Option, ...]) -> Option:
        offered[path] = options
        option = decisions[path] = given[path] if path in given else rng.choice(options)
        return option

    return Point(space.derive(choose), decisions, offered, fixed)


def redraw(space: SearchSpace, point: Point, path: str, option: Option, rng: Random) -> Point:
    """Return the point with another option at `path`."""
    return draw(space, {**point.decisions, path: option}, rng, point.fixed)


def descend(space: SearchSpace, point: Point, loss: Callable[[Point], float], rng: Random) -> tuple[Point, float]:
    """Change single decisions as long as any such change lowers `loss`, or until it is 0.

    Ends at a point where no single change tried helps. What a change opens is drawn, so that is no proof of a minimum.
    """
    best = loss(point)
    improved = True
    while improved and best > 0:
        improved = False
        for path, option in _changes(point):
            if path not in point.decisions or option == point.decisions[path]:
                continue  # a change since has closed it
            other = redraw(space, point, path, option, rng)
            found = loss(other)
            if found < best:
                point, best, improved = other, found, True
    return point, best


def _changes(point: Point) -> Iterator[tuple[str, Option]]:
    """Yield every single change, those nearest to the root first: they decide most."""
    for path in sorted(point.open, key=lambda path: path.count(".")):
        for option in point.others(path):
            yield path, option
