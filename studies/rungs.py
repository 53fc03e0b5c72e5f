"""Asynchronous successive halving for several objectives: which paused trial trains on.

Source of the scheme: ASHA, Li et al., MLSys 2020, arXiv:1810.05934. Ranking within a rung by non-dominated sorting is
MO-ASHA, Schmucker et al. 2021, arXiv:2106.12639. It degenerates where costs are exact and known before training: the
cheapest trial of a rung is never dominated, however bad it is. `gain` therefore asks what a trial would add to the
hypervolume of the finished front if its Dice went on as those of this study's finished trials did.

At every rung one trial in `reduction` is promoted within each band of cost, so that neither cheap nor dear networks
take all the places.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from operator import attrgetter
from statistics import fmean

import moocore
import numpy as np
from scipy.stats import theilslopes

from studies.config import StudyConfig
from studies.front import Reference, added_hypervolume, front_of, ranks_of

__all__ = [
    "RULES",
    "Extrapolation",
    "Run",
    "by_gain",
    "by_rank",
    "cost_bands",
    "rung_epochs",
    "rungs_of",
    "to_finish",
    "to_promote",
]

FEWEST_PAIRS, MOST_PAIRS = 5, 200
LEAST_SPREAD = 1e-6  # of Dice; curves are stored to as many digits
PRIOR_ERRORS = (-0.05, 0.0, 0.05)  # Dice; of an extrapolation, before this study has shown its own
MOST_ERRORS = 9


@dataclass(frozen=True)
class Run:
    """What promotion looks at.

    Attributes:
        number: The trial.
        dice: Of the averaged weights after each epoch that it has trained.
        costs: Its exact objectives by name.
        paused: Whether it waits at the rung that it has reached.
        exempt: Whether it trains through without being compared, as the published networks do.
    """

    number: int
    dice: tuple[float, ...]
    costs: dict[str, float]
    paused: bool = False
    exempt: bool = False

    @cached_property
    def log_costs(self) -> tuple[float, ...]:
        """Return log10 of the costs."""
        return tuple(map(math.log10, self.costs.values()))

    @cached_property
    def rank_of_cost(self) -> tuple[float, int]:
        """Return what bands of cost are cut by: the sum of log10 of the costs, then the number."""
        return sum(self.log_costs), self.number


STEPS_TO_SETTLE = 2.0  # times 1 / (1 - ema_decay), over about how many steps the weights are averaged

Rule = Callable[[Sequence[Run], Sequence[Run], int, int, Reference], list[float]]
"""(waiting, all runs, epoch of the rung, last epoch, reference point) → how much each waiting one deserves to go on."""


def rung_epochs(epochs: int, reduction: int, first: int | None = None) -> tuple[int, ...]:
    """Return the epochs at which trials are compared, the last one included.

    They divide the epochs by `reduction` twice, rounded up: 27 → 3, 9, 27. With `first`: that, and multiples of it.
    """
    if first is None:
        first = math.ceil(epochs / reduction**2)
    found = []
    while first < epochs:
        found.append(first)
        first *= reduction
    return (*found, epochs)


def rungs_of(config: StudyConfig, training_images: int) -> tuple[int, ...]:
    """Return the epochs at which a study's trials are compared, the last one included; that alone without promotion.

    Where `rungs.first` is silent: epochs / reduction², but not before the averaged weights have forgotten where they
    began (recorded trainings: Dice after 20 steps says little of Dice at the end), which delays it to at most
    epochs / reduction.
    """
    train, rungs = config.train, config.rungs
    if rungs.promote == "off":
        return (train.epochs,)
    steps = training_images // min(train.batch, training_images) * len(train.scales)
    settled = STEPS_TO_SETTLE / max(1 - train.ema_decay, 1e-6) / steps
    earliest, latest = train.epochs / rungs.reduction**2, train.epochs / rungs.reduction
    first = rungs.first or math.ceil(min(max(earliest, settled), latest))
    return rung_epochs(train.epochs, rungs.reduction, first)


def to_promote(
    runs: Sequence[Run], rungs: Sequence[int], rule: Rule, reference: Reference, *, reduction: int, bands: int
) -> int | None:
    """Return the trial that should train on, None if none should before others have come as far.

    Rungs are looked at from the top. In each band of cost floor(reached / reduction) trials may pass a rung; of those
    that wait in bands with a place left, the one that deserves it most goes on.
    """
    for epoch in reversed(rungs[:-1]):
        reached = [run for run in runs if len(run.dice) >= epoch and not run.exempt]
        candidates: list[Run] = []
        for band in cost_bands(reached, min(bands, len(reached) // reduction**2)):
            waiting = [run for run in band if run.paused and len(run.dice) == epoch]
            if len(band) - len(waiting) < len(band) // reduction:
                candidates += waiting
        if candidates:
            return _deserving(candidates, runs, epoch, rungs[-1], rule, reference)
    return None


def to_finish(runs: Sequence[Run], rungs: Sequence[int], rule: Rule, reference: Reference) -> int | None:
    """Return the trial that should train on although the rungs have no place for it, None if none should.

    That is while no trial of the search's own has come to the last epoch, which a few trials alone never do: the one
    of the highest rung that deserves it most. A search that ends with waiting trials only would have found nothing.
    """
    if any(len(run.dice) == rungs[-1] and not run.exempt for run in runs):
        return None
    for epoch in reversed(rungs[:-1]):
        waiting = [run for run in runs if run.paused and len(run.dice) == epoch]
        if waiting:
            return _deserving(waiting, runs, epoch, rungs[-1], rule, reference)
    return None


def _deserving(
    candidates: Sequence[Run], runs: Sequence[Run], epoch: int, last: int, rule: Rule, reference: Reference
) -> int:
    """Return the candidate that deserves it most by the rule."""
    best = _undominated(candidates, epoch)
    scores = rule(best, runs, epoch, last, reference)
    return best[max(range(len(scores)), key=scores.__getitem__)].number


def _undominated(runs: Sequence[Run], epoch: int) -> list[Run]:
    """Return the runs that no other is as good as at the rung, for no more cost: one of them deserves it most."""
    kept = moocore.is_nondominated(np.array([(-run.dice[epoch - 1], *run.log_costs) for run in runs]), keep_weakly=True)
    return [run for run, keep in zip(runs, kept, strict=True) if keep]


def cost_bands(runs: Sequence[Run], count: int) -> list[list[Run]]:
    """Return the runs in `count` bands (at least 1) of equally many, by the mean of log10 of their costs."""
    ordered = sorted(runs, key=attrgetter("rank_of_cost"))
    edges = [round(len(ordered) * i / max(1, count)) for i in range(max(1, count) + 1)]
    return [ordered[start:end] for start, end in pairwise(edges)]


def by_gain(waiting: Sequence[Run], runs: Sequence[Run], epoch: int, last: int, reference: Reference) -> list[float]:
    """Return the hypervolume that each would add, its Dice extrapolated and averaged over the errors of that.

    Counted against the finished trials and, extrapolated too, against those that are training beyond this rung.
    What adds nothing is ordered by Dice alone, below what adds something.
    """
    at_end = {e: Extrapolation.of(runs, e, last) for e in {epoch, *(len(run.dice) for run in runs)} if 0 < e < last}
    known = [
        {"dice": run.dice[-1] if len(run.dice) == last else at_end[len(run.dice)].dice(run.dice[-1])} | run.costs
        for run in runs
        if not run.paused and len(run.dice) > epoch
    ]
    front = [known[i] for i in front_of(known, tuple(reference.values))]
    scores = []
    for run in waiting:
        ends = at_end[epoch].possible(run.dice[epoch - 1])
        gain = fmean(added_hypervolume({"dice": dice} | run.costs, front, reference) for dice in ends)
        scores.append(gain if gain > 0 else run.dice[epoch - 1] - 2)
    return scores


def by_rank(waiting: Sequence[Run], runs: Sequence[Run], epoch: int, last: int, reference: Reference) -> list[float]:
    """Return minus the non-dominated rank among all that reached the rung, by Dice there and costs; ties by Dice."""
    reached = [run for run in runs if len(run.dice) >= epoch]
    ranks = ranks_of([{"dice": run.dice[epoch - 1]} | run.costs for run in reached], reference)
    rank = {run.number: place for run, place in zip(reached, ranks, strict=True)}
    return [run.dice[epoch - 1] - 2 * rank[run.number] for run in waiting]


RULES: dict[str, Rule] = {"gain": by_gain, "rank": by_rank}


@dataclass(frozen=True)
class Extrapolation:
    """Dice at the last epoch from Dice at an earlier one: a line through this study's finished trials, and its errors.

    Theil and Sen's line, which a few bad trainings do not bend; with fewer than five finished trials of different Dice
    what they gained at the median, and stated errors instead of measured ones.
    """

    slope: float
    offset: float
    errors: tuple[float, ...]

    @classmethod
    def of(cls, runs: Sequence[Run], epoch: int, last: int) -> "Extrapolation":
        """Fit it to the latest runs that have finished."""
        pairs = [(run.dice[epoch - 1], run.dice[last - 1]) for run in runs if len(run.dice) == last][-MOST_PAIRS:]
        early, late = np.array(pairs).reshape(-1, 2).T
        if len(pairs) < FEWEST_PAIRS or np.ptp(early) < LEAST_SPREAD:
            return cls(1.0, float(np.median(late - early)) if pairs else 0.0, PRIOR_ERRORS)
        line = theilslopes(late, early, method="joint")
        residuals = late - (line.slope * early + line.intercept)
        few = np.quantile(residuals, np.linspace(0, 1, min(MOST_ERRORS, len(pairs))))
        return cls(max(0.0, float(line.slope)), float(line.intercept), tuple(few.tolist()))

    def dice(self, early: float) -> float:
        """Return the expected Dice at the end, 0..1."""
        return min(1.0, max(0.0, self.slope * early + self.offset))

    def possible(self, early: float) -> list[float]:
        """Return as many equally likely values of it as there are errors."""
        return [min(1.0, max(0.0, self.dice(early) + error)) for error in self.errors]
