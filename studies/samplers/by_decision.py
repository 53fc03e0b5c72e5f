"""Optuna samplers that are asked decision by decision: which decisions a derivation reaches is the grammar's to say."""

from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

__all__ = ["SamplerByDecision"]


class SamplerByDecision(BaseSampler):
    """Samples nothing before a trial; `sample_independent` answers for each decision that is reached."""

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return nothing."""
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return nothing."""
        return {}
