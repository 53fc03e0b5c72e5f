"""The costs of members on the axes of the hypervolume: exact where they are computed, predicted where measured."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from studies.samplers.evidence import Described, Evidence

__all__ = ["log_costs"]

RIDGE = 1e-2  # per trial, in units of the predictors' variance

Array = NDArray[np.float64]


def log_costs(members: Sequence[Described], seen: Sequence[Evidence], names: Sequence[str]) -> Array:
    """Return log10 of the costs of that names (members, names).

    A cost that is none of the exact ones, a latency, is predicted from those: a ridge regression of logarithms on the
    trials in which it was measured; 1 where none has been.
    """
    columns = [
        _logs([one.costs[name] for one in members])
        if all(name in one.costs for one in members)
        else _predicted(members, [(one.member.costs, one.values[name]) for one in seen if name in one.values])
        for name in names
    ]
    return np.column_stack(columns) if columns else np.zeros((len(members), 0))


def _logs(values: Sequence[float]) -> Array:
    logs: Array = np.log10(np.maximum(1.0, np.asarray(values, dtype=float)))
    return logs


def _predicted(members: Sequence[Described], measured: Sequence[tuple[Mapping[str, float], float]]) -> Array:
    if not measured:
        return np.zeros(len(members))
    names = sorted(measured[0][0])
    known = np.array([_logs([costs[name] for name in names]) for costs, _ in measured])
    target = np.log10([value for _, value in measured])
    centre, width = known.mean(0), known.std(0) + 1e-6
    x = (known - centre) / width
    slope = np.linalg.solve(x.T @ x + RIDGE * len(x) * np.eye(len(names)), x.T @ (target - target.mean()))
    asked = np.array([_logs([one.costs[name] for name in names]) for one in members])
    predicted: Array = target.mean() + ((asked - centre) / width) @ slope
    return predicted
