"""The front: every objective and cost against any other, the staircase of each pair, and the best below a limit."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import lru_cache
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from plotly.graph_objects import Figure, Scatter, Scattergl

from evaluators.metrics import METRICS
from nas.grammar import Option
from studies.report.looks import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    VERMILLION,
    decision_words,
    figure_of,
    option_text,
    unit_of,
)
from studies.report.markup import plain
from studies.report.retrained import Retrained
from studies.report.rows import Row, Study

__all__ = [
    "GROUPS",
    "Tradeoff",
    "best_below",
    "decisions_of",
    "shown_value",
    "staircase",
    "title_of",
    "tradeoff_figure",
    "tradeoff_of",
]

GROUPS = ("dominated", "stopped", "published", "front")
MANY, FEW = 2000, 5  # points: above, WebGL draws them; below, stopped trials are shown too


class Tradeoff(NamedTuple):
    """All trials that have a Dice and their costs, in columns.

    numbers, labels: One of each trial.
    metrics: Values by name, None where one is not known; the Dice of a stopped trial is that of its last epoch.
    groups: Indexes of the trials in each of `GROUPS`; a published network is in its own group and in its other one.
    decisions: Options by path, in the words that are shown; None where a trial had it not to make.
    steps: Of each pair (x, y), indexes of those trained through that no other dominates in these two, along x.
    first: The pair to begin with.
    retrained: Networks that were trained again with several seeds, of those that are shown.
    """

    numbers: list[int]
    labels: list[str]
    metrics: dict[str, list[float | None]]
    groups: dict[str, list[int]]
    decisions: dict[str, list[str | None]]
    steps: dict[tuple[str, str], list[int]]
    first: tuple[str, str]
    retrained: tuple[Retrained, ...] = ()

    @property
    def shows_stopped(self) -> bool:
        """Whether stopped trials are shown from the start, because there is hardly anything else."""
        return len(self.groups["front"]) + len(self.groups["dominated"]) < FEW


def tradeoff_of(study: Study) -> Tradeoff:
    """Return what the figure of the front shows."""
    rows = [row for row in study.rows if row.outcome in ("ok", "stopped") and "dice" in row.values]
    front = set(study.front)
    shown = [name for name in METRICS if any(name in row.values for row in rows)]
    trained = [i for i, row in enumerate(rows) if row.outcome == "ok"]
    groups = {
        "dominated": [i for i in trained if rows[i].number not in front],
        "stopped": [i for i, row in enumerate(rows) if row.outcome == "stopped"],
        "published": [i for i in trained if rows[i].published],
        "front": [i for i in trained if rows[i].number in front],
    }
    metrics = {name: [row.values.get(name) for row in rows] for name in shown}
    steps = {(x, y): staircase(metrics, trained, x, y) for x, y in permutations(shown, 2)}
    costs = [name for name in study.config.objectives if name != "dice"] or [n for n in shown if n != "dice"]
    labels = [plain(_label(row)) for row in rows]
    first = (costs or ["macs"])[0], "dice"
    numbers = [row.number for row in rows]
    retrained = tuple(each for each in study.retrained if each.number in numbers)
    return Tradeoff(numbers, labels, metrics, groups, decisions_of(rows), steps, first, retrained)


def decisions_of(rows: Sequence[Row]) -> dict[str, list[str | None]]:
    """Return the decisions that were made in several ways, with what each row chose; those most rows made first."""
    made: Counter[str] = Counter()
    options: dict[str, set[Option]] = defaultdict(set)
    for row in rows:
        made.update(list(row.decisions))
        for path, option in row.decisions.items():
            options[path].add(option)
    chosen: dict[str, list[str | None]] = {
        path: [None] * len(rows) for path, _ in made.most_common() if len(options[path]) > 1
    }
    for i, row in enumerate(rows):
        for path in chosen.keys() & row.decisions.keys():
            chosen[path][i] = _option_words(row.decisions[path])
    return chosen


@lru_cache(typed=True)  # True is no 1
def _option_words(option: Option) -> str:
    return plain(option_text(option))


def staircase(metrics: dict[str, list[float | None]], among: Sequence[int], x: str, y: str) -> list[int]:
    """Return those that no other dominates in x and y alone, in the order of x; of equals the first."""
    points = []
    for i in among:
        pair = metrics[x][i], metrics[y][i]
        if pair[0] is not None and pair[1] is not None:
            points.append((_cost(x, pair[0]), _cost(y, pair[1]), i))
    kept: list[tuple[float, float, int]] = []
    for point in sorted(points):
        if not kept or point[1] < kept[-1][1]:
            kept.append(point)
    return [i for _, _, i in (kept if METRICS[x].direction == "minimize" else reversed(kept))]


def best_below(tradeoff: Tradeoff, metric: str, limit: float) -> int | None:
    """Return the index of the best Dice among trials trained through with `metric` of at most `limit`; None for none.

    Of equal Dice the cheapest. It need not be on the front where `metric` is no objective.
    """
    found = []
    for i in {*tradeoff.groups["dominated"], *tradeoff.groups["front"]}:
        value, dice = tradeoff.metrics[metric][i], tradeoff.metrics["dice"][i]
        if value is not None and dice is not None and value <= limit:
            found.append((-dice, value, i))
    return min(found)[2] if found else None


def tradeoff_figure(tradeoff: Tradeoff, x: str, y: str) -> Figure:
    """Return the figure of a pair; traces are the staircase, `GROUPS`, the limit and what it picks (both empty).

    Then, where networks were retrained, these.

    Costs have log axes, decisions their options. `customdata` is the trial's number.
    """
    traces = [_points(tradeoff, group, x, y) for group in GROUPS]
    stairs = tradeoff.steps.get((x, y), [])
    shape = "vh" if x in METRICS and METRICS[x].direction == "maximize" else "hv"
    line = Scatter(**_place(tradeoff, stairs, x, y), mode="lines", line={"shape": shape, "color": BLUE, "width": 2})
    line.update(name="best of the two", hoverinfo="skip")
    limit = Scatter(x=[], y=[], mode="lines", line={"color": GREEN, "width": 2, "dash": "dash"}, name="limit")
    limit.update(hoverinfo="skip", showlegend=False)
    picked = Scatter(x=[], y=[], mode="markers", name="picked", showlegend=False, hoverinfo="skip")
    picked.marker = {"symbol": "circle-open", "size": 22, "color": GREEN, "line": {"width": 3}}
    again = [_retrained(tradeoff, x, y)] if tradeoff.retrained else []
    figure = figure_of(line, *traces, limit, picked, *again, x=title_of(x), y=title_of(y), height=520)
    figure.update_xaxes(type=_scale_of(tradeoff, x))
    figure.update_yaxes(type=_scale_of(tradeoff, y))
    return figure


def retrained_places(tradeoff: Tradeoff, x: str, y: str) -> dict[str, Any]:
    """Return where retrained networks stand in a pair, with error bars along Dice; nowhere in a pair without Dice."""
    shown = tradeoff.retrained if "dice" in (x, y) else ()
    places = {each.number: tradeoff.numbers.index(each.number) for each in shown}

    def values(name: str) -> list[float | str | None]:
        return [each.mean if name == "dice" else _shown(tradeoff, name, places[each.number]) for each in shown]

    bars = {"array": [each.deviation for each in shown], "thickness": 1.5, "width": 5}
    errors = {f"error_{letter}": bars | {"visible": name == "dice"} for letter, name in (("x", x), ("y", y))}
    return {"x": values(x), "y": values(y)} | errors


def _retrained(tradeoff: Tradeoff, x: str, y: str) -> Scatter:
    trace = Scatter(**retrained_places(tradeoff, x, y), mode="markers", name="retrained, mean ± SD over seeds")
    trace.marker = {"symbol": "square", "size": 8, "color": VERMILLION}
    return trace.update(
        text=[plain(f"trial {each.number} retrained: {each.text}") for each in tradeoff.retrained],
        customdata=[each.number for each in tradeoff.retrained],
        hovertemplate="%{text}<extra></extra>",
    )


def title_of(name: str) -> str:
    """Return what a metric, or a decision, is called."""
    return unit_of(name).title if name in METRICS else decision_words(name)


def _scale_of(tradeoff: Tradeoff, name: str) -> str:
    if name in tradeoff.decisions:
        return "category"
    return "linear" if name == "dice" else "log"


_MARKERS = {
    "dominated": {"color": GREY, "size": 7, "opacity": 0.45},
    "stopped": {"color": PURPLE, "size": 7, "symbol": "x-thin", "line": {"width": 1.5, "color": PURPLE}},
    "front": {"color": BLUE, "size": 10},
    "published": {"color": ORANGE, "size": 13, "symbol": "diamond", "line": {"width": 1.5, "color": VERMILLION}},
}
_NAMES = {
    "dominated": "dominated",
    "stopped": "stopped, Dice so far",
    "front": "Pareto front",
    "published": "published",
}


def _points(tradeoff: Tradeoff, group: str, x: str, y: str) -> Scatter | Scattergl:
    members, many = tradeoff.groups[group], len(tradeoff.groups[group]) > MANY
    kind = Scattergl if many else Scatter
    marker = _MARKERS[group] | ({"size": 4} if many else {})
    place, numbers = _place(tradeoff, members, x, y), [tradeoff.numbers[i] for i in members]
    trace = kind(
        x=_packed(place["x"]) if many else place["x"],
        y=_packed(place["y"]) if many else place["y"],
        customdata=np.array(numbers) if many else numbers,
        text=np.array([tradeoff.labels[i] for i in members]) if many else [tradeoff.labels[i] for i in members],
        mode="markers",
        marker=marker,
        name=_NAMES[group],
    )
    trace.update(
        hovertemplate="%{text}<br>%{xaxis.title.text} "
        + f"{_hovered(tradeoff, x, 'x')}<br>%{{yaxis.title.text}} {_hovered(tradeoff, y, 'y')}<extra></extra>",
        visible="legendonly" if group == "stopped" and not tradeoff.shows_stopped else True,
        showlegend=bool(members),
    )
    if group == "published":
        trace.update(mode="markers+text", textposition="top center", cliponaxis=False)
    return trace


def _packed(values: list[float | str | None]) -> Sequence[float | str | None] | NDArray[np.float32]:
    """Return numbers as an array, which plotly does not look through one by one; they have six digits, it seven."""
    if any(isinstance(value, str) for value in values):
        return values
    return np.array(values, dtype=np.float32)  # None becomes nan, which is not drawn either


def _place(tradeoff: Tradeoff, members: Sequence[int], x: str, y: str) -> dict[str, list[float | str | None]]:
    return {axis: [_shown(tradeoff, name, i) for i in members] for axis, name in (("x", x), ("y", y))}


def _shown(tradeoff: Tradeoff, name: str, i: int) -> float | str | None:
    return tradeoff.decisions[name][i] if name in tradeoff.decisions else shown_value(tradeoff, name, i)


def shown_value(tradeoff: Tradeoff, metric: str, i: int) -> float | None:
    """Return a value in the unit that it is shown in, to six digits."""
    value = tradeoff.metrics[metric][i] if metric in tradeoff.metrics else None
    return None if value is None else float(f"{value * unit_of(metric).scale:.6g}")


def _cost(metric: str, value: float) -> float:
    """Return the value so that less is better."""
    return value if METRICS[metric].direction == "minimize" else -value


def _hovered(tradeoff: Tradeoff, name: str, axis: str) -> str:
    return f"%{{{axis}}}" if name in tradeoff.decisions else f"%{{{axis}:.4~g}}"


def _label(row: Row) -> str:
    return row.published or (
        f"trial {row.number}, {row.origin}" + (f", {len(row.curve)} epochs" * (row.outcome != "ok"))
    )
