"""Is one network better than another? Intervals and p-values of scores over images and trainings with several seeds.

Both are drawn anew: images together for the networks that are compared (they are paired), seeds of each network for
itself, in a paired hierarchical bootstrap. Images of one patient or volume are drawn together.

Sources: Efron and Tibshirani, An Introduction to the Bootstrap (1993), 13.3 (percentile intervals); Hesterberg, What
Teachers Should Know about the Bootstrap, arXiv:1411.5279 (bootknife: of n drawn from a random n - 1, so that the
variance of a mean of few is not too small; expanded percentiles); Bouthillier et al., arXiv:2103.03098 (seeds are a
source of variance like images); Holm, Scand. J. Statist. 6 (1979), 65-70.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

__all__ = ["Difference", "Interval", "difference", "holm", "mean_score"]

Scores = NDArray[np.float64]

DRAWS = 10_000
_AT_ONCE = 500  # draws; so many weights of a thousand images are 4 MB


class Interval(NamedTuple):
    """A mean over images and seeds with its 95 % interval."""

    mean: float
    low: float
    high: float


class Difference(NamedTuple):
    """How much more one network scores than another. p: of no difference, two-sided, from t = mean / standard error."""

    interval: Interval
    p: float


def mean_score(scores: Scores, units: Sequence[str]) -> Interval:
    """Return the mean score of one network.

    Args:
        scores: Of each image (rows) with each seed (columns).
        units: Of each image what it belongs together with, its own name if with nothing.
    """
    (drawn,) = _means([scores], units)
    return _interval(float(scores.mean()), drawn, _fewest([scores], units))


def difference(first: Scores, second: Scores, units: Sequence[str]) -> Difference:
    """Return how much more the first network scores than the second on the same images, in the same order."""
    drawn = np.subtract(*_means([first, second], units))
    mean, n = float(first.mean() - second.mean()), _fewest([first, second], units)
    error = float(drawn.std())
    p = 2 * float(stats.t.sf(abs(mean) / error, n - 1)) if error else float(mean == 0)
    return Difference(_interval(mean, drawn, n), p)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted so that with those below 0.05 taken, at most 5 % of such tables hold a false claim."""
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def _means(networks: Sequence[Scores], units: Sequence[str]) -> list[Scores]:
    """Return, of each network, the mean score in each draw; the drawn images are the same for all."""
    names, place = np.unique(np.asarray(units), return_inverse=True)
    rng = np.random.default_rng(0)
    means: list[list[Scores]] = [[] for _ in networks]
    for start in range(0, DRAWS, _AT_ONCE):
        count = min(_AT_ONCE, DRAWS - start)
        images = _weights(rng, count, len(names))[:, place]  # (count, images)
        images = images / images.sum(1, keepdims=True)
        for network, found in zip(networks, means, strict=True):
            seeds = _weights(rng, count, network.shape[1])
            found.append(((images @ network) * seeds).sum(1) / seeds.sum(1))
    return [np.concatenate(some) for some in means]


def _weights(rng: np.random.Generator, draws: int, n: int) -> Scores:
    """Return how often each of n is drawn, (draws, n): n times from a random n - 1."""
    if n == 1:
        return np.ones((draws, 1))
    shares = np.full((draws, n), 1 / (n - 1))
    shares[np.arange(draws), rng.integers(n, size=draws)] = 0
    return rng.multinomial(n, shares).astype(np.float64)


def _fewest(networks: Sequence[Scores], units: Sequence[str]) -> int:
    """Return one more than the degrees of freedom of what is drawn least often, which decides how wide to be."""
    of_seeds = sum(network.shape[1] - 1 for network in networks)
    return max(2, min(len(set(units)), int(of_seeds) + 1))


def _interval(mean: float, drawn: Scores, n: int) -> Interval:
    """Return the percentiles that are as far out as a t distribution of n - 1 degrees of freedom asks for."""
    tail = float(stats.norm.cdf(stats.t.ppf(0.025, n - 1)))
    return Interval(mean, *np.quantile(drawn, (tail, 1 - tail)).tolist())
