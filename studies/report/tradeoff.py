"""The front: every objective and cost against any other, the staircase of each pair, and the best below a limit."""

from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple

from plotly.graph_objects import Figure, Scatter, Scattergl

from evaluators.metrics import METRICS
from studies.report.looks import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION, figure_of, unit_of
from studies.report.markup import plain
from studies.report.rows import Row, Study

__all__ = ["GROUPS", "Tradeoff", "best_below", "staircase", "tradeoff_figure", "tradeoff_of"]

GROUPS = ("dominated", "stopped", "published", "front")
MANY, FEW = 2000, 5  # points: above, WebGL draws them; below, stopped trials are shown too


class Tradeoff(NamedTuple):
    """All trials that have a Dice and their costs, in columns.

    numbers, labels: One of each trial.
    metrics: Values by name, None where one is not known; the Dice of a stopped trial is that of its last epoch.
    groups: Indexes of the trials in each of `GROUPS`; a published network is in its own group and in its other one.
    steps: Of each pair (x, y), indexes of those trained through that no other dominates in these two, along x.
    first: The pair to begin with.
    """

    numbers: list[int]
    labels: list[str]
    metrics: dict[str, list[float | None]]
    groups: dict[str, list[int]]
    steps: dict[tuple[str, str], list[int]]
    first: tuple[str, str]

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
    return Tradeoff([row.number for row in rows], labels, metrics, groups, steps, ((costs or ["macs"])[0], "dice"))


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
    """Return the figure of a pair; traces are `GROUPS`, then the staircase, the limit and what it picks (both empty).

    Costs have log axes. `customdata` is the trial's number.
    """
    traces = [_points(tradeoff, group, x, y) for group in GROUPS]
    stairs = tradeoff.steps.get((x, y), [])
    shape = "hv" if METRICS[x].direction == "minimize" else "vh"
    line = Scatter(**_place(tradeoff, stairs, x, y), mode="lines", line={"shape": shape, "color": BLUE, "width": 2})
    line.update(name="best of the two", hoverinfo="skip")
    limit = Scatter(x=[], y=[], mode="lines", line={"color": GREEN, "width": 2, "dash": "dash"}, name="limit")
    limit.update(hoverinfo="skip", showlegend=False)
    picked = Scatter(x=[], y=[], mode="markers", name="picked", showlegend=False, hoverinfo="skip")
    picked.marker = {"symbol": "circle-open", "size": 22, "color": GREEN, "line": {"width": 3}}
    figure = figure_of(line, *traces, limit, picked, x=unit_of(x).title, y=unit_of(y).title, height=520)
    figure.update_xaxes(type="linear" if x == "dice" else "log")
    figure.update_yaxes(type="linear" if y == "dice" else "log")
    return figure


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
    members = tradeoff.groups[group]
    kind = Scattergl if len(members) > MANY else Scatter
    marker = _MARKERS[group] | ({"size": 4} if len(members) > MANY else {})
    trace = kind(**_place(tradeoff, members, x, y), mode="markers", marker=marker, name=_NAMES[group])
    trace.update(
        text=[tradeoff.labels[i] for i in members],
        customdata=[tradeoff.numbers[i] for i in members],
        hovertemplate="%{text}<br>%{xaxis.title.text} %{x:.4~g}<br>%{yaxis.title.text} %{y:.4~g}<extra></extra>",
        visible="legendonly" if group == "stopped" and not tradeoff.shows_stopped else True,
        showlegend=bool(members),
    )
    if group == "published":
        trace.update(mode="markers+text", textposition="top center", cliponaxis=False)
    return trace


def _place(tradeoff: Tradeoff, members: Sequence[int], x: str, y: str) -> dict[str, list[float | None]]:
    return {axis: [shown_value(tradeoff, name, i) for i in members] for axis, name in (("x", x), ("y", y))}


def shown_value(tradeoff: Tradeoff, metric: str, i: int) -> float | None:
    """Return a value in the unit that it is shown in, to six digits."""
    value = tradeoff.metrics[metric][i] if metric in tradeoff.metrics else None
    return None if value is None else float(f"{value * unit_of(metric).scale:.6g}")


def _cost(metric: str, value: float) -> float:
    """Return the value so that less is better."""
    return value if METRICS[metric].direction == "minimize" else -value


def _label(row: Row) -> str:
    return row.published or (
        f"trial {row.number}, {row.origin}" + (f", {len(row.curve)} epochs" * (row.outcome != "ok"))
    )
