"""What a study's trials say of Dice: observed at the last epoch, foretold from a rung, or still to come."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import pstdev

from optuna.trial import FrozenTrial, TrialState

from nas.architecture import Architecture
from nas.grammar import Option
from studies.records import curve_of
from studies.rungs import Extrapolation, Run
from studies.samplers.features import Features

__all__ = ["Describe", "Described", "Evidence", "evidence"]


@dataclass(frozen=True)
class Described:
    """What is known of a member without training it. costs: exact ones, positive, by metric."""

    key: str
    costs: Mapping[str, float]
    features: Features


Describe = Callable[[Architecture, Mapping[str, Option]], Described]


@dataclass(frozen=True)
class Evidence:
    """One member that was tried.

    dice: at the last epoch, or as foretold from a rung; None where nothing is known yet. doubt: standard deviation of
    what was foretold. counts: whether its Dice is, or may still become, part of the result: a stopped trial's does not.
    values: the costs that were optimised, by metric.
    """

    decisions: Mapping[str, Option]
    member: Described
    dice: float | None
    doubt: float
    counts: bool
    values: Mapping[str, float]


def evidence(
    trials: Sequence[FrozenTrial], objectives: Sequence[str], describe: Callable[[FrozenTrial], Described]
) -> list[Evidence]:
    """Return what is known of every member that did not fail, in the order of the trials.

    A member that was trained on in a second trial is there once, with what came last. Failed trials and proposals that
    were refused, which have no curve, say nothing of Dice.
    """
    runs = [Run(trial.number, curve_of(trial), {}) for trial in trials]
    last = max(
        (len(run.dice) for run, t in zip(runs, trials, strict=True) if t.state == TrialState.COMPLETE), default=0
    )
    at_end = {
        epoch: Extrapolation.of(runs, epoch, last) for epoch in {len(run.dice) for run in runs} if 0 < epoch < last
    }
    found: dict[str, Evidence] = {}
    for trial, run in zip(trials, runs, strict=True):
        if trial.state == TrialState.FAIL or (trial.state == TrialState.PRUNED and not run.dice):
            continue
        values: dict[str, float] = {}
        dice, doubt = None, 0.0
        if trial.state == TrialState.COMPLETE:
            values = dict(zip(objectives, trial.values, strict=True))
            dice = values.pop("dice")
        elif len(run.dice) in at_end:
            foretold = at_end[len(run.dice)]
            dice, doubt = foretold.dice(run.dice[-1]), pstdev(foretold.errors)
        member = describe(trial)
        counts = trial.state != TrialState.PRUNED
        found[member.key] = Evidence(trial.params, member, dice, doubt, counts, values)
    return list(found.values())
