"""A Gaussian process of Dice over a member's features: what is expected of it, and how sure that is.

Its covariance is a sum, one term per group of features: amplitude * exp(-d / (2 scale)), with d the squared distance in
that group as a multiple of its median among the trials. Amplitudes, scales and noise are the most probable ones under
wide log-normal priors, which hold them where few trials say little.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from studies.samplers.features import GROUPS, Features

__all__ = ["FEWEST", "Surrogate"]

FEWEST = 3  # observations, below which there is nothing to learn from
MOST_FITTED = 150  # of them decide scales and noise, evenly spread; all of them decide what is expected
MOST_STEPS = 40
OUTLYING = 3 * 1.4826  # median absolute deviations below the median, where Dice is cut: dead networks are no trend
FARTHEST = 4.0  # standard deviations of a feature
LEAST_SPREAD = 1e-3  # of one that says anything

Array = NDArray[np.float64]
_K = len(GROUPS)
_PRIOR_MEAN = np.array([-1.0] * _K + [0.0] * _K + [-3.0])  # log of amplitudes, scales, noise; Dice has variance 1
_PRIOR_SD = np.array([2.0] * _K + [1.0] * _K + [1.4])
_BOUNDS = [(-5.0, 3.0)] * _K + [(-3.0, 4.0)] * _K + [(-7.0, 1.0)]


class Scaling(NamedTuple):
    """How one group's features become numbers to compare: their columns, centres, widths and the median distance."""

    columns: Mapping[str, int]
    centre: Array
    width: Array
    median: float

    def applied(self, values: Array) -> Array:
        """Return values in units of their spread."""
        return np.clip((values - self.centre) / self.width, -FARTHEST, FARTHEST)


@dataclass(frozen=True)
class Surrogate:
    """A fitted model."""

    scalings: tuple[Scaling, ...]
    matrices: tuple[Array, ...]
    theta: Array
    factor: Array
    weights: Array
    mean: float
    deviation: float

    @classmethod
    def fit(
        cls, rows: Sequence[Features], dice: Sequence[float], doubt: Sequence[float], believed: Sequence[Features] = ()
    ) -> "Surrogate":
        """Fit to at least `FEWEST` rows.

        doubt: standard deviation of each Dice beyond noise, 0 where it was observed at the last epoch.
        believed: members whose Dice is to come. They are taken to be as expected, which leaves what is expected
        elsewhere as it is and what is known near them surer: so the next proposal goes elsewhere.
        """
        middle = float(np.median(dice))
        least = middle - OUTLYING * float(np.median(np.abs(np.asarray(dice) - middle)))
        kept = np.maximum(dice, least) if least < middle else np.asarray(dice)
        mean, deviation = float(kept.mean()), float(kept.std()) or 1.0
        z, extra = (kept - mean) / deviation, (np.asarray(doubt) / deviation) ** 2
        together = [*rows, *believed]
        scalings, matrices = zip(*(_scaled([row[g] for row in together], len(rows), g) for g in GROUPS), strict=True)
        apart = [_apart(m, m, scaling.median) for scaling, m in zip(scalings, matrices, strict=True)]
        few = np.unique(np.linspace(0, len(z) - 1, min(len(z), MOST_FITTED)).astype(int))
        theta = _most_probable([d[np.ix_(few, few)] for d in apart], z[few], extra[few])
        factor, weights = _solved([d[: len(z), : len(z)] for d in apart], theta, z, extra)
        if believed:
            expected = sum(_terms([d[len(z) :, : len(z)] for d in apart], theta)) @ weights
            z, extra = np.concatenate([z, expected]), np.concatenate([extra, np.zeros(len(believed))])
            factor, weights = _solved(apart, theta, z, extra)
        return cls(scalings, matrices, theta, factor, weights, mean, deviation)

    def predict(self, rows: Sequence[Features]) -> tuple[Array, Array]:
        """Return the expected Dice of each row and its standard deviation, noise left out."""
        apart = []
        for scaling, known, group in zip(self.scalings, self.matrices, GROUPS, strict=True):
            values, unknown = _values([row[group] for row in rows], scaling.columns)
            apart.append(_apart(scaling.applied(values), known, scaling.median) + unknown[:, None] / scaling.median)
        shared = sum(_terms(apart, self.theta))
        explained = solve_triangular(self.factor, shared.T, lower=True)  # type: ignore[union-attr]  # never the 0 of sum
        variance = np.exp(self.theta[:_K]).sum() - (explained**2).sum(0)
        spread = self.deviation * np.sqrt(np.maximum(variance, 1e-9))
        return self.mean + self.deviation * (shared @ self.weights), spread


def _scaled(rows: Sequence[Mapping[str, float]], observed: int, group: str) -> tuple[Scaling, Array]:
    """Return how a group is compared, by the first so many rows, and all rows scaled so: decisions as they are."""
    columns = {name: i for i, name in enumerate(sorted({name for row in rows for name in row}))}
    values, _ = _values(rows, columns)
    centre, spread = values[:observed].mean(0), values[:observed].std(0)
    if group == "decisions":
        centre, spread = np.zeros(len(columns)), np.ones(len(columns))
    scaling = Scaling(columns, centre, np.where(spread < LEAST_SPREAD, 1.0, spread), 1.0)
    scaled = scaling.applied(values)
    apart = _apart(scaled[:observed], scaled[:observed], 1.0)
    median = float(np.median(apart[np.triu_indices(observed, 1)]))
    return scaling._replace(median=median or 1.0), scaled


def _values(rows: Sequence[Mapping[str, float]], columns: Mapping[str, int]) -> tuple[Array, Array]:
    """Return a line per row, and the squared length of what is in none of the columns."""
    values, others = np.zeros((len(rows), len(columns))), np.zeros(len(rows))
    for i, row in enumerate(rows):
        for name, value in row.items():
            column = columns.get(name)
            if column is None:
                others[i] += value**2
            else:
                values[i, column] = value
    return values, others


def _apart(a: Array, b: Array, unit: float) -> Array:
    """Return the squared distance of every line of `a` to every line of `b`, in units."""
    squares: Array = (a**2).sum(1)[:, None] + (b**2).sum(1)[None, :] - 2 * a @ b.T
    return np.maximum(squares, 0.0) / unit


def _terms(apart: Sequence[Array], theta: Array) -> list[Array]:
    return [np.exp(theta[i] - d * np.exp(-theta[_K + i]) / 2) for i, d in enumerate(apart)]


def _solved(apart: Sequence[Array], theta: Array, z: Array, extra: Array) -> tuple[Array, Array]:
    covariance = sum(_terms(apart, theta)) + np.diag(np.exp(theta[-1]) + 1e-6 + extra)
    factor = cholesky(covariance, lower=True)
    return factor, cho_solve((factor, True), z)


def _most_probable(apart: Sequence[Array], z: Array, extra: Array) -> Array:
    """Return the logs of amplitudes, scales and noise that are most probable given the standardised Dice."""

    def loss(theta: Array) -> tuple[float, Array]:
        terms = _terms(apart, theta)
        factor = cholesky(sum(terms) + np.diag(np.exp(theta[-1]) + 1e-6 + extra), lower=True)
        weights = cho_solve((factor, True), z)
        inner = cho_solve((factor, True), np.eye(len(z))) - np.outer(weights, weights)
        by_amplitude = [(inner * term).sum() for term in terms]
        scaled = [term * d * np.exp(-theta[_K + i]) / 2 for i, (term, d) in enumerate(zip(terms, apart, strict=True))]
        by_scale = [(inner * term).sum() for term in scaled]
        slope = np.array([*by_amplitude, *by_scale, np.trace(inner) * np.exp(theta[-1])]) / 2
        off = (theta - _PRIOR_MEAN) / _PRIOR_SD
        value = z @ weights / 2 + np.log(np.diag(factor)).sum() + (off**2).sum() / 2
        return float(value), slope + off / _PRIOR_SD

    found = minimize(loss, _PRIOR_MEAN, jac=True, method="L-BFGS-B", bounds=_BOUNDS, options={"maxiter": MOST_STEPS})
    best: Array = found.x
    return best
