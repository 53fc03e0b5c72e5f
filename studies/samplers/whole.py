"""Optuna samplers that decide on a whole derivation before its first decision is asked for."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial

from nas.grammar import Option
from studies.samplers.by_decision import SamplerByDecision

__all__ = ["WholeSampler"]


class WholeSampler(SamplerByDecision):
    """Has `propose` decide when a trial begins, and answers with that. What is not of the grammar is drawn at random.

    It keeps nothing that is not in the storage: a proposal depends on the trials that are there, on the seed and on the
    trial's number, so that several workers may share a study, and one that was stopped goes on.
    """

    def __init__(self, seed: int):
        self._seed = seed
        self._random = RandomSampler(seed)
        self._chosen: dict[int, Mapping[str, Option]] = {}

    def propose(self, trials: Sequence[FrozenTrial], rng: Random) -> Mapping[str, Option]:
        """Return the decisions of the next trial."""
        raise NotImplementedError

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Decide on the whole derivation."""
        others = [known for known in study.get_trials(deepcopy=False) if known.number != trial.number]
        self._chosen = {trial.number: self.decided(others, trial.number)}

    def decided(self, trials: Sequence[FrozenTrial], number: int) -> Mapping[str, Option]:
        """Return the decisions of the trial of that number."""
        return self.propose(trials, Random(f"{self._seed}:{number}"))

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return what was decided on."""
        chosen = self._chosen.get(trial.number, {})
        if param_name in chosen:
            return chosen[param_name]
        return self._random.sample_independent(study, trial, param_name, param_distribution)
