"""The cheapest and the dearest member (MACs) of each family of a space, found by going down single decisions."""

from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

import nas
from nas.cost import Cost
from nas.sampling import families_of, name_of
from nas.space import SearchSpace
from nas.walk import Point, descend, draw
from search_spaces.segmenter import FAMILY

__all__ = ["Corners", "corners_of"]

DRAWS, STARTS = 8, 2  # the best of so many draws are gone on from


class Corners(NamedTuple):
    """A family and the costs of the members found at its ends."""

    family: str
    cheapest: Cost
    dearest: Cost


def corners_of(space: SearchSpace, size: tuple[int, int], seed: int) -> Iterator[Corners]:
    """Yield the corners of every family at `size` (H, W). No single decision taken otherwise leads further."""
    rng = Random(seed)

    def macs(point: Point) -> float:
        return _cost(point, size).macs

    def lowest(draws: list[Point], loss: Callable[[Point], float]) -> Cost:
        ends = [descend(space, start, loss, rng) for start in sorted(draws, key=loss)[:STARTS]]
        return _cost(min(ends, key=lambda end: end[1])[0], size)

    for family in families_of(space, FAMILY):
        fixed = frozenset(path for path, _ in family)
        draws = [draw(space, dict(family), rng, fixed) for _ in range(DRAWS)]
        yield Corners(name_of(family), lowest(draws, macs), lowest(draws, lambda point: 1 / macs(point)))


def _cost(point: Point, size: tuple[int, int]) -> Cost:
    return nas.cost(nas.deploy(nas.build(point.architecture, (3, *size))))
