"""All trials, linked: ranges that are dragged along the parallel coordinates choose what table and front show."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from plotly.graph_objects import Figure

from evaluators.metrics import METRICS
from studies.dashboard.watching import Snapshot
from studies.dashboard.wish import Brushed, Wish
from studies.report.looks import unit_of
from studies.report.markup import plain
from studies.report.parallel import Axis, parallel_figure
from studies.report.rows import Row

__all__ = ["PAGE_ROWS", "Table", "brush_of", "brushed_numbers", "linked_figure", "table_of"]

PAGE_ROWS = 50
_ALWAYS = ("dice", "latency_ms", "traffic_bytes", "macs", "params")


class Table(NamedTuple):
    """One page of the table. columns: Key and title of each; numbers: the trials of the lines; total: of all pages."""

    columns: list[tuple[str, str]]
    lines: list[list[str]]
    numbers: list[int]
    page: int
    pages: int
    total: int


def linked_figure(snapshot: Snapshot, wish: Wish) -> Figure:
    """Return the parallel coordinates with the ranges of the wish."""
    figure = parallel_figure(snapshot.axes)
    ranges = {plain(brush.axis): [brush.low, brush.high] for brush in wish.brush}
    for dimension in figure.data[0].dimensions:
        if dimension.name in ranges:
            dimension.constraintrange = ranges[dimension.name]
    return figure


def brushed_numbers(axes: Sequence[Axis], brush: Sequence[Brushed]) -> set[int] | None:
    """Return the trials within all ranges; None where there is no range. Unknown axes do not count."""
    columns = {axis.key: axis.values for axis in axes}
    ranges = [b for b in brush if b.axis in columns]
    if not ranges:
        return None
    numbers = columns["number"]
    inside = (i for i in range(len(numbers)) if all(b.low <= columns[b.axis][i] <= b.high for b in ranges))
    return {int(numbers[i]) for i in inside}


def brush_of(axes: Sequence[str], before: Sequence[Brushed], changed: Mapping[str, Any]) -> tuple[Brushed, ...]:
    """Return the ranges after plotly said what was dragged; axes: keys in the order in which they were drawn.

    Of an axis with several ranges the first counts. Moving an axis sends all of them anew.
    """
    ranges = {brush.axis: brush for brush in before}
    for name, value in changed.items():
        if name == "dimensions":
            keys = {plain(key): key for key in axes}
            found = ((keys.get(str(d.get("name"))), d.get("constraintrange")) for d in value[0])
            ranges = {key: b for key, ends in found if key and (b := _range(key, ends)) is not None}
        elif name.startswith("dimensions[") and name.endswith("].constraintrange"):
            place = int(name.removeprefix("dimensions[").removesuffix("].constraintrange"))
            if place < len(axes):
                ranges.pop(axes[place], None)
                if (brush := _range(axes[place], value)) is not None:
                    ranges[axes[place]] = brush
    return tuple(ranges.values())


def table_of(snapshot: Snapshot, wish: Wish) -> Table:
    """Return the page of the table that is wished for."""
    study = snapshot.study
    kept = brushed_numbers(snapshot.axes, wish.brush)
    rows = [row for row in study.rows if kept is None or row.number in kept]
    metrics = [m for m in METRICS if m in (*study.config.objectives, *_ALWAYS) and any(m in r.values for r in rows)]
    columns = [("number", "trial"), ("outcome", "outcome"), ("origin", "from"), ("epochs", "epochs")]
    columns += [(name, unit_of(name).title) for name in metrics]
    rows = _sorted(rows, wish.sort)
    pages = max(1, math.ceil(len(rows) / PAGE_ROWS))
    page = min(wish.page, pages - 1)
    part = rows[page * PAGE_ROWS : (page + 1) * PAGE_ROWS]
    lines = [_line(row, metrics, row.number in study.front) for row in part]
    return Table(columns, lines, [row.number for row in part], page, pages, len(rows))


def _line(row: Row, metrics: Sequence[str], on_front: bool) -> list[str]:
    values = [unit_of(name).text(row.values.get(name)) for name in metrics]
    return [str(row.number), "on the front" if on_front else row.outcome, row.origin, str(len(row.curve)), *values]


def _sorted(rows: list[Row], sort: str) -> list[Row]:
    """Return the rows in order of a column; what has no value there comes last, whichever way it is sorted."""
    name, falls = sort.removeprefix("-"), sort.startswith("-")
    keys: dict[str, Any] = {
        "outcome": lambda r: r.outcome,
        "origin": lambda r: r.origin,
        "epochs": lambda r: len(r.curve),
    }
    if name == "number" or not name:
        return rows[::-1] if falls else rows
    key = keys.get(name, lambda row: row.values.get(name))
    known = [row for row in rows if key(row) is not None]
    return sorted(known, key=key, reverse=falls) + [row for row in rows if key(row) is None]


def _range(axis: str, ends: Any) -> Brushed | None:
    """Return a range as plotly gives it: two numbers, or a list of such pairs; None for none."""
    while isinstance(ends, list) and ends and isinstance(ends[0], list):
        ends = ends[0]
    if not isinstance(ends, list) or len(ends) != 2:
        return None
    return Brushed(axis, float(ends[0]), float(ends[1]))
