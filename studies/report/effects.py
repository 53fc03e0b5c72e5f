"""What the trials say of each choice: Dice at equal cost, with an interval. It is association, not cause.

Dice is compared after a quadratic function of cost (the mean of the cost objectives' log10) has been taken off: dear
networks are better, and what makes a network dear would else look good.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from plotly.graph_objects import Figure, Scatter
from scipy.stats import bootstrap, ttest_ind

from nas.grammar import Option
from studies.report.looks import BLUE, GREY, decision_words, figure_of, option_text
from studies.report.markup import plain
from studies.report.rows import Row, Study

__all__ = ["LEAST_GROUP", "LEAST_TRIALS", "Effect", "Effects", "effects_figure", "effects_of", "residuals"]

LEAST_TRIALS, LEAST_GROUP = 20, 5
MOST_SHOWN, MOST_RESAMPLED = 24, 400
RESAMPLES = 999


class Effect(NamedTuple):
    """How much Dice an option goes with, at equal cost, against the other options of its decision.

    low, high: 95 % interval: percentile bootstrap; of large groups, where both are the same, Welch's.
    """

    path: str
    option: Option
    trials: int
    others: int
    difference: float
    low: float
    high: float


class Effects(NamedTuple):
    """trained: trials that were trained through. compared: options with enough trials; the clearest are `shown`."""

    trained: int
    compared: int
    shown: tuple[Effect, ...]


def effects_of(study: Study) -> Effects:
    """Return the effects of all choices that enough trials made differently, the clearest first."""
    rows = study.complete
    if len(rows) < LEAST_TRIALS:
        return Effects(len(rows), 0, ())
    rest = residuals(rows, [name for name in study.config.objectives if name != "dice"] or ["macs"])
    splits = _splits(rows, rest)
    splits.sort(key=lambda split: -_clarity(*split[2:]))
    found = [_effect(*split) for split in splits[:MOST_SHOWN]]
    return Effects(len(rows), len(splits), tuple(found))


def residuals(rows: Sequence[Row], costs: Sequence[str]) -> NDArray[np.float64]:
    """Return each row's Dice less a quadratic function, fitted to all of them, of the mean of log10 of its costs."""
    cost = np.array([sum(math.log10(row.values[name]) for name in costs) / len(costs) for row in rows])
    dice = np.array([row.values["dice"] for row in rows])
    degree = min(2, len(np.unique(cost.round(9))) - 1)
    centred = cost - cost.mean()
    return dice - np.polyval(np.polyfit(centred, dice, degree), centred)


def effects_figure(effects: Sequence[Effect]) -> Figure:
    """Return differences with their intervals, the clearest on top; those that contain 0 are grey."""
    traces = []
    for clear, colour, name in ((True, BLUE, "interval without 0"), (False, GREY, "interval contains 0")):
        chosen = [(i, e) for i, e in enumerate(effects) if (e.low > 0 or e.high < 0) == clear]
        trace = Scatter(x=[round(e.difference, 5) for _, e in chosen], y=[i for i, _ in chosen], mode="markers")
        trace.update(name=name, marker={"color": colour, "size": 9}, showlegend=bool(chosen))
        trace.error_x = {
            "array": [round(e.high - e.difference, 5) for _, e in chosen],
            "arrayminus": [round(e.difference - e.low, 5) for _, e in chosen],
            "color": colour,
        }
        trace.update(
            text=[_label(e) for _, e in chosen], customdata=[f"{e.trials} trials, {e.others}" for _, e in chosen]
        )
        trace.hovertemplate = "%{text}<br>%{x:+.4f} Dice (%{customdata} others)<extra></extra>"
        traces.append(trace)
    figure = figure_of(*traces, x="Dice at equal cost, against the other options", height=110 + 26 * len(effects))
    ticks = {"tickvals": list(range(len(effects))), "ticktext": [_label(effect) for effect in effects]}
    figure.update_yaxes(autorange="reversed", automargin=True, title=None, **ticks)
    figure.add_vline(0, line={"color": GREY, "width": 1})
    return figure


Split = tuple[str, Option, NDArray[np.float64], NDArray[np.float64]]


def _splits(rows: Sequence[Row], rest: NDArray[np.float64]) -> list[Split]:
    """Return each option's residuals and those of its decision's other options; of two options the later only."""
    options: dict[str, dict[Option, list[int]]] = defaultdict(lambda: defaultdict(list))
    for i, row in enumerate(rows):
        for path, option in row.decisions.items():
            options[path][option].append(i)
    found = []
    for path, chosen in options.items():
        ordered = sorted(chosen, key=lambda option: (str(type(option)), option))
        everyone = [i for members in chosen.values() for i in members]
        for option in ordered[1:] if len(ordered) == 2 else ordered:
            others = np.setdiff1d(everyone, chosen[option])
            if min(len(others), len(chosen[option])) >= LEAST_GROUP:
                found.append((path, option, rest[chosen[option]], rest[others]))
    return found


def _clarity(here: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Return the difference in units of its standard error."""
    error = math.sqrt(here.var(ddof=1) / len(here) + others.var(ddof=1) / len(others))
    return abs(float(here.mean() - others.mean())) / error if error else 0.0


def _effect(path: str, option: Option, here: NDArray[np.float64], others: NDArray[np.float64]) -> Effect:
    if min(len(here), len(others)) > MOST_RESAMPLED:
        interval = ttest_ind(here, others, equal_var=False).confidence_interval(0.95)
    else:
        interval = bootstrap(
            (here, others),
            lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
            n_resamples=RESAMPLES,
            batch=100,
            method="percentile",
            rng=np.random.default_rng(0),
        ).confidence_interval
    difference = float(here.mean() - others.mean())
    return Effect(path, option, len(here), len(others), difference, float(interval.low), float(interval.high))


def _label(effect: Effect) -> str:
    return plain(f"{decision_words(effect.path)}: {option_text(effect.option)}")
