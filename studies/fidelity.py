"""How well what is known early ranks a study's trials: Dice of earlier epochs, and proxies from before training.

Measured by Kendall's tau-b with the Dice of the last epoch; its 95 % interval from 999 bootstrap samples of the trials
(percentiles). Short trainings and proxies that rank badly here are shown as such; nothing is filtered by them.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import bootstrap

from studies.records import StudyRecord

__all__ = ["RankCorrelation", "foretelling", "rank_correlation"]

LEAST_TRIALS = 8
SHARES = (1 / 8, 1 / 4, 1 / 2, 3 / 4)  # of the epochs
_PAIRS_AT_ONCE = 2_000_000  # of trials, over bootstrap samples: some 50 MB


class RankCorrelation(NamedTuple):
    """Kendall's tau between -1 and 1, its 95 % interval, and of how many trials it is."""

    tau: float
    low: float
    high: float
    trials: int


def rank_correlation(early: pd.Series, last: pd.Series) -> RankCorrelation:
    """Return the correlation of the trials that both have a value of, at least two. Ties alone give 0."""
    both = pd.DataFrame({"early": early, "last": last}).astype(float).dropna()
    data = both["early"].to_numpy(), both["last"].to_numpy()
    at_once = max(1, _PAIRS_AT_ONCE // len(both) ** 2)
    found = bootstrap(data, _tau, n_resamples=999, batch=at_once, paired=True, method="percentile", rng=0)
    low, high = found.confidence_interval.low, found.confidence_interval.high
    return RankCorrelation(float(_tau(*data)), float(low), float(high), len(both))


def foretelling(record: StudyRecord) -> pd.DataFrame:
    """Return a row per early epoch and per proxy, named for people: tau, low, high, trials.

    Rows of fewer than 8 trials are left out.
    """
    rows = {name: found for name, early, last in _pairs(record) if (found := _enough(early, last)) is not None}
    return pd.DataFrame.from_dict(rows, orient="index", columns=RankCorrelation._fields)


def _pairs(record: StudyRecord) -> Iterator[tuple[str, pd.Series, pd.Series]]:
    curves, trials = record.curves(), record.trials()
    if curves.empty:
        return
    last = curves.iloc[-1]
    for epoch in sorted({max(1, round(share * len(curves))) for share in SHARES} - {len(curves)}):
        yield f"Dice at epoch {epoch} of {len(curves)}", curves.iloc[epoch - 1], last
    for column in trials.columns:
        if column.startswith("proxy."):
            yield column.removeprefix("proxy."), trials[column], last


def _enough(early: pd.Series, last: pd.Series) -> RankCorrelation | None:
    known = early.reindex(last.index).notna() & last.notna()
    return rank_correlation(early, last) if known.sum() >= LEAST_TRIALS else None


def _tau(early: np.ndarray, last: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return Kendall's tau-b of each row (`axis` is the last); scipy's own would take seconds for 999 samples.

    Source: Kendall, Biometrika 33 (1945), 239-251. Where all of one side are equal it is 0 here.
    """
    signs = [np.sign(values[..., :, None] - values[..., None, :]) for values in (early, last)]
    agreeing, untied = (signs[0] * signs[1]).sum((-2, -1)), [np.abs(sign).sum((-2, -1)) for sign in signs]
    most = np.sqrt(untied[0] * untied[1])
    tau: np.ndarray = np.divide(agreeing, most, out=np.zeros_like(agreeing), where=most > 0)
    return tau
