"""Asking a sampler for one member after another, until one is admitted. Nothing is written to the study's storage."""

from collections.abc import Mapping, Sequence
from typing import Protocol, cast

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from nas.architecture import Architecture
from nas.derivation import Choose
from nas.grammar import Option
from nas.space import SearchSpace
from studies.samplers.whole import WholeSampler

__all__ = ["AskingStudy", "AskingWhole", "Asks"]


class Asks(Protocol):
    """What a sampler proposes for one trial of a study."""

    def ask(self) -> Architecture:
        """Return the next proposal."""

    def refuse(self, state: TrialState) -> None:
        """Say that the last proposal is not trained: PRUNED if it is infeasible, FAIL if it is a repeat."""


class AskingStudy:
    """Asks through a study in memory that has the trials."""

    def __init__(self, study: optuna.Study, space: SearchSpace):
        self._study, self._space = study, space
        self._trial: optuna.Trial | None = None

    def ask(self) -> Architecture:
        """Return the next proposal."""
        self._trial = self._study.ask()
        return self._space.derive(cast(Choose, self._trial.suggest_categorical))  # its overloads split what we keep

    def refuse(self, state: TrialState) -> None:
        """Say how the last proposal ended."""
        assert self._trial is not None, "nothing was asked for"
        self._study.tell(self._trial, state=state)


class AskingWhole:
    """Asks a sampler that decides on whole derivations, on the trials as they are: a study would copy each of them."""

    def __init__(self, sampler: WholeSampler, space: SearchSpace, trials: Sequence[FrozenTrial]):
        self._sampler, self._space, self._trials = sampler, space, list(trials)
        self._decisions: Mapping[str, Option] = {}

    def ask(self) -> Architecture:
        """Return the next proposal."""
        self._decisions = self._sampler.decided(self._trials, len(self._trials))
        return self._space.replay(self._decisions)

    def refuse(self, state: TrialState) -> None:
        """Say how the last proposal ended."""
        offered = {path: CategoricalDistribution((option,)) for path, option in self._decisions.items()}
        refused = create_trial(state=state, params=dict(self._decisions), distributions=dict(offered))
        refused.number = len(self._trials)
        self._trials.append(refused)
