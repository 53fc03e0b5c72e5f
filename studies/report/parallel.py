"""Parallel coordinates: number, the decisions that all trials made, costs and Dice; lines are coloured by Dice."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from plotly.graph_objects import Figure, Parcoords

from evaluators.metrics import METRICS
from studies.report.looks import BLUE, GREEN, ORANGE, decision_words, figure_of, option_text, unit_of
from studies.report.markup import plain
from studies.report.rows import Row, Study

__all__ = ["Axis", "axes_of", "parallel_figure"]

MOST_DECISIONS, MOST_OPTIONS, LONGEST_NAME = 6, 10, 24


class Axis(NamedTuple):
    """One axis. key: the metric or path; ticks: values and what stands beside them, none for plain numbers."""

    key: str
    title: str
    values: list[float]
    ticks: tuple[tuple[float, str], ...] = ()


def axes_of(study: Study) -> list[Axis]:
    """Return the axes, a value for each trial trained through; decisions that tell most of Dice, Dice last."""
    rows = study.complete
    if len(rows) < 2:
        return []
    axes = [Axis("number", "trial", [row.number for row in rows])]
    axes += [_of_decision(path, rows) for path in _telling(rows)]
    for name in METRICS:
        if name != "dice" and name in (*study.config.objectives, "params") and all(name in r.values for r in rows):
            axes.append(_of_cost(name, rows))
    return [*axes, Axis("dice", "Dice", [round(row.values["dice"], 5) for row in rows])]


def parallel_figure(axes: Sequence[Axis]) -> Figure:
    """Return the figure; a range dragged along an axis keeps only the lines through it."""
    dimensions = []
    for axis in axes:
        ticks = {"tickvals": [at for at, _ in axis.ticks], "ticktext": [plain(text) for _, text in axis.ticks]}
        shown = {"name": plain(axis.key), "label": plain(axis.title), "values": axis.values}
        dimensions.append(shown | (ticks if axis.ticks else {}))
    line = {"color": axes[-1].values, "colorscale": [[0, ORANGE], [0.5, GREEN], [1, BLUE]], "showscale": False}
    lines = Parcoords(dimensions=dimensions, line=line, labelangle=-20, labelside="top")
    lines.rangefont = {"color": "rgba(0,0,0,0)"}  # the ticks say the range, and these would lie upon them
    return figure_of(lines, height=460).update_layout(margin={"l": 90, "r": 60, "t": 110, "b": 24})


def _telling(rows: Sequence[Row]) -> list[str]:
    """Return the decisions that all rows made and that explain most of the variance of Dice, less what chance does."""
    dice = np.array([row.values["dice"] for row in rows])
    scores = {}
    for path in set.intersection(*(set(row.decisions) for row in rows)):
        groups = defaultdict(list)
        for row, value in zip(rows, dice, strict=True):
            groups[row.decisions[path]].append(value)
        if 2 <= len(groups) <= MOST_OPTIONS:
            between = sum(len(group) * (np.mean(group) - dice.mean()) ** 2 for group in groups.values())
            scores[path] = between / max(1e-12, len(dice) * dice.var()) - (len(groups) - 1) / max(1, len(rows) - 1)
    return sorted(scores, key=lambda path: (-scores[path], path))[:MOST_DECISIONS]


def _of_decision(path: str, rows: Sequence[Row]) -> Axis:
    options = sorted({row.decisions[path] for row in rows}, key=lambda option: (str(type(option)), option))
    places = {option: float(place) for place, option in enumerate(options)}
    words = decision_words(path)
    title = words if len(words) <= LONGEST_NAME else "… " + words[2 - LONGEST_NAME :]
    ticks = tuple((place, option_text(option)[:LONGEST_NAME]) for option, place in places.items())
    return Axis(path, title, [places[row.decisions[path]] for row in rows], ticks)


def _of_cost(name: str, rows: Sequence[Row]) -> Axis:
    """Return a log axis with ticks at powers of ten, or at its ends where it spans none."""
    unit = unit_of(name)
    values = [math.log10(row.values[name] * unit.scale) for row in rows]
    low, high = min(values), max(values)
    steps = [float(power) for power in range(math.ceil(low), math.floor(high) + 1)]
    ticks = tuple((at, f"{10**at:.3g}") for at in sorted({low, high, *steps}))
    return Axis(name, unit.title, [round(value, 5) for value in values], ticks)
