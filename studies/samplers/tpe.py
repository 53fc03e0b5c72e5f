"""Optuna's tree-structured Parzen estimator, asked for what a derivation reaches and for nothing else."""

from collections import defaultdict
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState

from studies.samplers.by_decision import SamplerByDecision

__all__ = ["ReachedTPE"]


class ReachedTPE(SamplerByDecision):
    """What `TPESampler(multivariate=True, group=True)` is, in a fraction of its time where decisions are conditional.

    That one samples every group of decisions that the same trials made, some hundreds in a large space, before a trial
    begins; then the derivation reaches a few. This one has Optuna sample a group when the first of it is asked for.
    Groups are independent of each other there, so proposals are equally likely; another number of random draws is used.
    """

    def __init__(self, seed: int):
        self._tpe = TPESampler(seed=seed, multivariate=True, n_startup_trials=1)
        self._groups: dict[str, dict[str, BaseDistribution]] = {}
        self._sampled: dict[str, Any] = {}

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Group the decisions that were made in the same trials."""
        found: dict[str, BaseDistribution] = {}
        made_in: dict[str, list[int]] = defaultdict(list)
        for known in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)):
            for name, distribution in known.distributions.items():
                if not distribution.single():
                    found[name] = distribution
                    made_in[name].append(known.number)
        together: dict[tuple[int, ...], dict[str, BaseDistribution]] = defaultdict(dict)
        for name in sorted(found):
            together[tuple(made_in[name])][name] = found[name]
        self._groups = {name: group for group in together.values() for name in group}
        self._sampled = {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return a decision as sampled with its group, or by itself if no trial has made it yet."""
        if param_name not in self._sampled and param_name in self._groups:
            self._sampled |= self._tpe.sample_relative(study, trial, self._groups[param_name])
        if param_name in self._sampled:
            return self._sampled[param_name]
        return self._tpe.sample_independent(study, trial, param_name, param_distribution)
