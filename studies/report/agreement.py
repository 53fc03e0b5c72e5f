"""How well Dice at a rung foretells the order at the last epoch: Kendall's tau over the trials trained through."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from plotly.graph_objects import Figure, Scatter
from scipy.stats import bootstrap, kendalltau

from studies.report.looks import BLUE, GREY, figure_of
from studies.report.rows import Row

__all__ = ["LEAST", "Agreement", "agreement_figure", "agreements_of"]

LEAST = 8  # trials
MOST_RESAMPLED, RESAMPLES = 500, 499


class Agreement(NamedTuple):
    """Kendall's tau between Dice after `epoch` and after the last, over `trials`; with a 95 % bootstrap interval."""

    epoch: int
    trials: int
    tau: float
    low: float
    high: float


def agreements_of(rows: Sequence[Row], rungs: Sequence[int]) -> tuple[Agreement, ...]:
    """Return the agreement of each rung but the last, for which enough trials were trained through and differ.

    Of more than `MOST_RESAMPLED` trials the interval is of the last so many, which is wider.
    """
    curves = np.array([row.curve for row in rows if row.outcome == "ok" and len(row.curve) == rungs[-1]])
    if len(curves) < LEAST:
        return ()
    found = []
    for epoch in rungs[:-1]:
        early, late = curves[:, epoch - 1], curves[:, -1]
        tau = float(kendalltau(early, late).statistic)
        if np.isfinite(tau):
            found.append(
                Agreement(epoch, len(curves), tau, *_interval(early[-MOST_RESAMPLED:], late[-MOST_RESAMPLED:]))
            )
    return tuple(found)


def agreement_figure(agreements: Sequence[Agreement]) -> Figure:
    """Return tau at each rung with its interval."""
    trace = Scatter(x=[a.epoch for a in agreements], y=[round(a.tau, 4) for a in agreements], mode="markers+lines")
    trace.error_y = {
        "array": [round(a.high - a.tau, 4) for a in agreements],
        "arrayminus": [round(a.tau - a.low, 4) for a in agreements],
    }
    trace.update(marker={"color": BLUE, "size": 10}, line={"color": BLUE, "dash": "dot"}, name="tau")
    trace.hovertemplate = "rung at epoch %{x}: tau %{y:.3f}<extra></extra>"
    figure = figure_of(
        trace, x="epoch of the rung", y="Kendall's tau with the last epoch", height=300, showlegend=False
    )
    figure.add_hline(0, line={"color": GREY, "width": 1})
    figure.update_xaxes(tickvals=[a.epoch for a in agreements])
    return figure


def _interval(early: np.ndarray, late: np.ndarray) -> tuple[float, float]:
    def tau(a: np.ndarray, b: np.ndarray) -> float:
        found = float(kendalltau(a, b).statistic)
        return found if np.isfinite(found) else 0.0  # a resample of one trial only

    rng = np.random.default_rng(0)
    found = bootstrap(
        (early, late), tau, paired=True, vectorized=False, n_resamples=RESAMPLES, method="percentile", rng=rng
    ).confidence_interval
    return float(found.low), float(found.high)
