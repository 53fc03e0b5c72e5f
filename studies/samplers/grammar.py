"""The sampler that knows its costs: what a member costs is computed, its Dice alone is predicted.

A proposal is the candidate with the largest expected gain of hypervolume. Candidates are changes of the best members,
crossings of them and fresh draws; the most promising of those are changed further. A space of few members is looked
through whole. What is known already, or exceeds a limit, is no candidate: it costs no trial.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from random import Random

import numpy as np
from numpy.typing import NDArray
from optuna.trial import FrozenTrial

from nas.architecture import Architecture
from nas.grammar import Option
from nas.listing import listed
from nas.space import SearchSpace
from nas.walk import Point
from studies.front import Reference, ranks_of
from studies.samplers.acquisition import expected_gains
from studies.samplers.breeding import crossed, mutant, point_of
from studies.samplers.costs import log_costs
from studies.samplers.evidence import Describe, Described, Evidence, evidence
from studies.samplers.surrogate import FEWEST, Surrogate
from studies.samplers.whole import WholeSampler

__all__ = ["GrammarSampler"]

FEW = 400  # members of a space that is looked through whole
PARENTS = 16
MOST_LEARNT = 800  # trials that the model is told of: half of them the best, the others evenly spread over the search
FIRST, LATER = 20, 10  # candidates of the first round, and of each that changes the best so far
LATER_ROUNDS = 2
BEST = 5
TRIES = 8  # per candidate, to find one that is new and feasible

Candidate = tuple[Point, Described]
Array = NDArray[np.float64]


class GrammarSampler(WholeSampler):
    """Optuna's interface to it.

    describe: what is known of a member without training it. reference: the hypervolume's, Dice first or not; its names
    are the study's objectives, in their order. limits: the most that exact costs may be. draw: a fresh member, best one
    that keeps the limits. startup: trials with a known Dice before it begins to learn; till then it draws.
    """

    def __init__(
        self,
        space: SearchSpace,
        describe: Describe,
        reference: Reference,
        *,
        limits: Mapping[str, float] | None = None,
        draw: Callable[[Random], Architecture] | None = None,
        seed: int = 0,
        startup: int = 10,
    ):
        super().__init__(seed)
        self._space, self._describe, self._reference = space, describe, reference
        self._limits = dict(limits or {})
        self._draw = draw or space.sample
        self._startup = max(startup, FEWEST)
        self._known: dict[frozenset[tuple[str, Option]], Described] = {}

    def propose(self, trials: Sequence[FrozenTrial], rng: Random) -> Mapping[str, Option]:
        """Return the decisions of the candidate with the largest expected gain; of a repeat only if nothing is new."""
        members = {id(trial): member for trial in trials if (member := self._member(trial)) is not None}
        taken = {member.key for member in members.values()}
        whole = [trial for trial in trials if id(trial) in members]
        seen = evidence(whole, tuple(self._reference.values), lambda trial: members[id(trial)])
        if sum(one.dice is not None for one in seen) < self._startup:
            found = next(self._new([lambda: self._fresh(rng)] * FIRST, taken), None)
        else:
            found = self._best(seen, taken, rng)
        point, member = found or self._candidate(self._fresh(rng))
        self._known[frozenset(point.decisions.items())] = member
        return point.decisions

    def _best(self, seen: Sequence[Evidence], taken: set[str], rng: Random) -> Candidate | None:
        judge = _Judge(seen, self._reference)
        if self._space.size() <= FEW:
            pool = [candidate for candidate in self._all if self._allowed(candidate[1], taken)]
            scores = judge.scores([member for _, member in pool])
            return pool[int(np.argmax(scores))] if pool else None
        pool = list(self._new(self._first(seen, rng), taken))
        scores = judge.scores([member for _, member in pool])
        for _ in range(LATER_ROUNDS if pool else 0):
            best = [pool[i][0] for i in np.argsort(scores)[::-1][:BEST]]
            changes = [partial(self._changed, best, rng)] * LATER
            new = list(self._new(changes, taken | {member.key for _, member in pool}))
            scores += judge.scores([member for _, member in new])
            pool += new
        return pool[int(np.argmax(scores))] if pool else None

    def _first(self, seen: Sequence[Evidence], rng: Random) -> list[Callable[[], Point]]:
        """Return the ways to candidates of the first round: half are changes, a quarter crossings, a quarter new."""
        points = [point_of(self._space, one.decisions) for one in _ranked(seen, self._reference)[:PARENTS]]
        ways: list[Callable[[], Point]] = [lambda: self._fresh(rng)]
        ways += [lambda: point_of(self._space, self._space.decisions(self._space.sample(rng)))] * (FIRST // 4)
        ways += [lambda: crossed(self._space, rng.choice(points), points, rng)] * (FIRST // 4)
        return ways + [partial(self._changed, points, rng)] * (FIRST - len(ways))

    def _changed(self, points: Sequence[Point], rng: Random) -> Point:
        return mutant(self._space, rng.choice(points), rng)

    def _new(self, ways: Sequence[Callable[[], Point]], taken: set[str]) -> Iterator[Candidate]:
        """Yield at most one candidate per way: the first that is new and keeps the limits."""
        met = set(taken)
        for way in ways:
            for _ in range(TRIES):
                candidate = self._candidate(way())
                if self._allowed(candidate[1], met):
                    met.add(candidate[1].key)
                    yield candidate
                    break

    def _allowed(self, member: Described, taken: set[str]) -> bool:
        return member.key not in taken and all(member.costs[name] <= most for name, most in self._limits.items())

    def _fresh(self, rng: Random) -> Point:
        return point_of(self._space, self._space.decisions(self._draw(rng)))

    def _candidate(self, point: Point) -> Candidate:
        return point, self._describe(point.architecture, point.decisions)

    def _member(self, trial: FrozenTrial) -> Described | None:
        """Describe the member of a trial, None where another worker has not said all of it yet.

        Kept, as it is asked for again before every trial.
        """

        def recorded(path: str, options: tuple[Option, ...]) -> Option:
            option: Option = trial.params[path]
            decisions[path] = option
            return option

        at, decisions = frozenset(trial.params.items()), dict[str, Option]()
        if at not in self._known:
            try:
                architecture = self._space.derive(recorded)
            except KeyError:
                return None
            self._known[at] = self._describe(architecture, decisions)
        return self._known[at]

    @cached_property
    def _all(self) -> list[Candidate]:
        members = [member for member, _ in listed(self._space)]
        return [self._candidate(point_of(self._space, self._space.decisions(member))) for member in members]


class _Judge:
    """Scores candidates by what the trials so far say."""

    def __init__(self, seen: Sequence[Evidence], reference: Reference):
        known = _told(seen, reference)
        coming = [one.member.features for one in seen if one.dice is None]
        self._seen, self._reference = seen, reference
        self._model = Surrogate.fit(
            [one.member.features for one in known],
            [one.dice for one in known if one.dice is not None],
            [one.doubt for one in known],
            coming,
        )
        expected = iter(self._model.predict(coming)[0] if coming else ())
        losses = np.array([1 - (next(expected) if one.dice is None else one.dice) for one in seen])
        points = np.column_stack([losses, log_costs([one.member for one in seen], seen, self._costs)])
        self._front = points[[one.counts for one in seen]]

    @property
    def _costs(self) -> list[str]:
        return [name for name in self._reference.values if name != "dice"]

    def scores(self, members: Sequence[Described]) -> list[float]:
        """Return the expected gain of each; where that is nothing, minus how far Dice is from being perfect."""
        if not members:
            return []
        mean, deviation = self._model.predict([member.features for member in members])
        costs = log_costs(members, self._seen, self._costs)
        values = self._reference.values
        limit = np.array([1 - values["dice"], *(np.log10(values[name]) for name in self._costs)])
        gains = expected_gains(1 - mean, deviation, costs, self._front, limit)
        scores: list[float] = np.where(gains > 0, gains, mean + deviation - 2).tolist()
        return scores


def _told(seen: Sequence[Evidence], reference: Reference) -> list[Evidence]:
    """Return what the model is fitted to, in the order of the trials: its time grows with the cube of their number."""
    known = [one for one in seen if one.dice is not None]
    if len(known) <= MOST_LEARNT:
        return known
    kept = {one.member.key for one in _ranked(known, reference)[: MOST_LEARNT // 2]}
    others = [one.member.key for one in known if one.member.key not in kept]
    kept |= {others[i] for i in np.linspace(0, len(others) - 1, MOST_LEARNT - len(kept)).astype(int)}
    return [one for one in known if one.member.key in kept]


def _ranked(seen: Sequence[Evidence], reference: Reference) -> list[Evidence]:
    """Return the members that were tried, the front first."""
    known = [one for one in seen if one.dice is not None]
    costs = [name for name in reference.values if name != "dice"]
    logs = log_costs([one.member for one in known], seen, costs)
    rows = [
        {"dice": one.dice or 0.0} | dict(zip(costs, 10.0**line, strict=True))
        for one, line in zip(known, logs, strict=True)
    ]
    ranks = ranks_of(rows, reference)
    order = sorted(range(len(known)), key=lambda i: (ranks[i], -rows[i]["dice"]))
    return [known[i] for i in order]
