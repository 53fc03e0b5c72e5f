"""Random members under upper limits on exact costs, every family of the space with an even share.

A family is a set of decisions near the root, such as encoder and decoder. A draw picks a family, then draws the rest as
`SearchSpace.sample` does, up to `TRIES` times. If none keeps the limits, the one nearest to them is mended: single
decisions are taken anew, and kept where that does not raise the excess. Then it walks `STEPS` steps among the members
that keep the limits. The walk (Metropolis-Hastings on decisions) has the law of rejection as its limit, and leaves the
border where mending stops.

A family that has no witness, a member found to keep the limits, is refused and reported. Witnesses depend on the seed
alone, never on what was drawn before.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from random import Random

from nas.architecture import Architecture
from nas.errors import SpaceError
from nas.grammar import Option
from nas.space import SearchSpace
from nas.walk import Point, descend, draw, redraw

__all__ = ["CostsOf", "Family", "Sampler", "Survey", "families_of", "name_of"]

TRIES = 10
MENDING_STEPS = 200
STEPS = 24
SURVEY_STARTS = 3
NEAR = math.log(2)  # an excess up to which a family is given more starts: ways down differ, rarely by much

CostsOf = Callable[[Architecture], Mapping[str, float]]
Family = tuple[tuple[str, Option], ...]
"""The decisions that name a family; empty where a space is one family."""


@dataclass(frozen=True)
class Survey:
    """What looking for a member of a family that keeps the limits found.

    nearest: the member nearest to the limits. excess: see `Sampler.excess`. costs: those of `nearest` that are limited.
    draws: members costed.
    """

    family: Family
    nearest: Point
    excess: float
    costs: Mapping[str, float]
    draws: int

    @property
    def name(self) -> str:
        """The family's name."""
        return name_of(self.family)


def name_of(family: Family) -> str:
    """Return the family's options, "staged + unet", or "all" where a space is one family."""
    return " + ".join(str(option) for _, option in family) or "all"


def families_of(space: SearchSpace, paths: Sequence[str]) -> list[Family]:
    """Return the combinations of what `paths` offer. A path that the space does not decide on counts for nothing."""
    offered = space.options()
    found = [path for path in paths if path in offered]
    return [tuple(zip(found, options, strict=True)) for options in product(*(offered[path] for path in found))]


class Sampler:
    """Draws members of a space under limits.

    limits: the most that each cost may be, by its name in what `costs_of` returns; none: every member will do.
    paths: the decisions that name a family; each must be reached in every derivation.
    """

    def __init__(
        self,
        space: SearchSpace,
        limits: Mapping[str, float],
        costs_of: CostsOf,
        paths: Sequence[str] = (),
        seed: int = 0,
    ):
        self.space = space
        self._limits = dict(limits)
        self._costs_of = costs_of
        self._families = families_of(space, paths)
        self._seed = seed
        self._costed = 0

    @cached_property
    def surveys(self) -> tuple[Survey, ...]:
        """What became of every family."""
        return tuple(self._survey(family) for family in self._families)

    @property
    def refused(self) -> tuple[Survey, ...]:
        """The families of which no member was found that keeps the limits."""
        return tuple(survey for survey in self.surveys if survey.excess > 0)

    def draw(self, rng: Random) -> Architecture:
        """Return a member that keeps the limits. Raises SpaceError if no family has one, as far as was found."""
        feasible = [survey for survey in self.surveys if survey.excess == 0]
        if not feasible:
            raise SpaceError(f"space {self.space.label}: no member was found that keeps the limits {self._limits}")
        survey = rng.choice(feasible)
        point, excess = self._nearest(survey.family, TRIES, rng)
        if excess > 0:
            point = self._walked(self._mended(point, excess, rng) or survey.nearest, rng)
        return point.architecture

    def excess(self, point: Point) -> float:
        """Return by how much a member exceeds the limits, the logarithms of all ratios added up; 0: it keeps them."""
        if not self._limits:
            return 0.0
        self._costed += 1
        costs = self._costs_of(point.architecture)
        return sum(math.log(costs[name] / limit) for name, limit in self._limits.items() if costs[name] > limit)

    def _nearest(self, family: Family, draws: int, rng: Random) -> tuple[Point, float]:
        """Return the first of some draws that keeps the limits, or else the nearest to them, and its excess."""
        nearest: tuple[Point, float] | None = None
        for _ in range(draws):
            point = draw(self.space, dict(family), rng, frozenset(path for path, _ in family))
            excess = self.excess(point)
            if nearest is None or excess < nearest[1]:
                nearest = point, excess
            if excess == 0:
                break
        assert nearest is not None
        return nearest

    def _mended(self, point: Point, excess: float, rng: Random) -> Point | None:
        """Return a member that keeps the limits, changing what does not raise the excess; None if not soon."""
        for _ in range(MENDING_STEPS):
            path = point.pick(rng)
            other = redraw(self.space, point, path, rng.choice(point.others(path)), rng)
            found = self.excess(other)
            if found == 0:
                return other
            if found <= excess:
                point, excess = other, found
        return None

    def _walked(self, point: Point, rng: Random) -> Point:
        """Return where a walk among the members that keep the limits ends.

        What a change opens is drawn as from the top down, so that the ratio of the chances to pick the decision, there
        and back, is all that the walk has to make up for.
        """
        for _ in range(STEPS):
            path = point.pick(rng)
            other = redraw(self.space, point, path, rng.choice(point.others(path)), rng)
            if rng.random() * point.open[path] < other.open[path] and self.excess(other) == 0:
                point = other
        return point

    def _survey(self, family: Family) -> Survey:
        """Look for a witness: some draws, then down the excess from the nearest of them."""
        began, rng = self._costed, Random(f"{self._seed}:{family}")
        nearest: tuple[Point, float] | None = None
        for _ in range(SURVEY_STARTS):
            point, excess = self._nearest(family, TRIES, rng)
            if excess > 0:
                point, excess = descend(self.space, point, self.excess, rng)
            if nearest is None or excess < nearest[1]:
                nearest = point, excess
            if nearest[1] == 0 or nearest[1] > NEAR:
                break
        assert nearest is not None
        costs = self._costs_of(nearest[0].architecture) if self._limits else {}
        return Survey(family, *nearest, {name: costs[name] for name in self._limits}, self._costed - began)
