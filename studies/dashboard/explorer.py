"""The front as a person wants to see it: any two columns, a third as colour, a fourth as size, a limit, a choice."""

import math
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from plotly.graph_objects import Figure, Scatter

from evaluators.metrics import METRICS
from studies.dashboard.watching import Snapshot
from studies.dashboard.wish import Wish
from studies.report.looks import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, shade_of, unit_of
from studies.report.tradeoff import GROUPS, Tradeoff, best_below, shown_value, title_of, tradeoff_figure

__all__ = [
    "SCALE_BEARER",
    "Seen",
    "colour_axis",
    "explorer_figure",
    "is_log",
    "picked_of",
    "ring_of",
    "seen_of",
    "shades",
    "sized",
]

FIRST_GROUP = 1  # the figure's first trace is the staircase
SCALE = [[0, ORANGE], [0.5, GREEN], [1, BLUE]]
OPTIONS = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, GREY)
SCALE_BEARER = {"mode": "markers", "marker": {"color": [0], "coloraxis": "coloraxis"}, "showlegend": False}
"""A point that is not there: legends cannot read scales, so the other points have their colours themselves."""
SMALLEST, LARGEST = 6.0, 26.0  # pixels
RING = "open below"
"""The trace that the page's script moves when another trial is opened (dashboard.js, `ring`)."""


class Seen(NamedTuple):
    """A wish with names that the study has."""

    x: str
    y: str
    z: str
    colour: str
    size: str
    budget: str


def seen_of(tradeoff: Tradeoff, wish: Wish) -> Seen:
    """Return the columns to show: those wished for, else what the study begins with."""
    columns = [*tradeoff.metrics, *tradeoff.decisions]
    costs = [name for name in tradeoff.metrics if name != "dice"]
    x, y = tradeoff.first
    return Seen(
        wish.x if wish.x in columns else x,
        wish.y if wish.y in columns else y,
        wish.z if wish.z in tradeoff.metrics else "",
        wish.colour if wish.colour in columns else "",
        wish.size if wish.size in tradeoff.metrics else "",
        wish.budget if wish.budget in costs else x,
    )


def is_log(name: str, letter: str, wish: Wish) -> bool:
    """Return whether the axis of that letter is logarithmic: costs are, unless it is wished otherwise."""
    return name in METRICS and (name != "dice" if wish.log is None else letter in wish.log)


def picked_of(tradeoff: Tradeoff, wish: Wish) -> int | None:
    """Return the index of the best Dice below the wished limit; None for no limit, or where nothing is below."""
    budget = seen_of(tradeoff, wish).budget
    if wish.limit is None or wish.limit <= 0 or budget not in tradeoff.metrics:
        return None
    return best_below(tradeoff, budget, wish.limit / unit_of(budget).scale)


def explorer_figure(snapshot: Snapshot, wish: Wish, brushed: Collection[int] | None) -> Figure:
    """Return the figure. `brushed`: numbers of the trials that are not dimmed, None for all."""
    tradeoff = snapshot.tradeoff
    seen = seen_of(tradeoff, wish)
    figure = tradeoff_figure(tradeoff, seen.x, seen.y)
    figure.update_xaxes(**_axis(tradeoff, seen.x, "x", wish))
    figure.update_yaxes(**_axis(tradeoff, seen.y, "y", wish))
    if wish.stopped is not None:
        figure.data[FIRST_GROUP + GROUPS.index("stopped")].visible = True if wish.stopped else "legendonly"
    for trace, group in zip(figure.data[FIRST_GROUP:], GROUPS, strict=False):
        _mark(trace, group, tradeoff, seen, brushed)
    _limit(figure, tradeoff, seen, wish)
    _reference(figure, snapshot, seen)
    _chosen(figure, tradeoff, wish)
    if seen.colour:
        figure.add_trace(Scatter(x=[None], y=[None], **SCALE_BEARER))
        figure.update_layout(margin={"r": 96}, coloraxis=colour_axis(tradeoff, seen.colour))
    return figure


def _mark(trace: Any, group: str, tradeoff: Tradeoff, seen: Seen, brushed: Collection[int] | None) -> None:
    """Give a group's points their colours and sizes, and dim what is outside of the ranges."""
    members = tradeoff.groups[group]
    if seen.colour and group != "published":
        trace.marker.update(color=shades(tradeoff, members, seen.colour), opacity=0.4 if group == "dominated" else 0.95)
    trace.marker.update(sized(tradeoff, members, seen.size))
    if brushed is not None:
        kept = [place for place, i in enumerate(members) if tradeoff.numbers[i] in brushed]
        trace.update(selectedpoints=kept, unselected={"marker": {"opacity": 0.08}})


def colour_axis(tradeoff: Tradeoff, name: str) -> dict[str, object]:
    """Return the scale of the column that is shown as colour: costs by their logarithm, decisions by their options."""
    bar: dict[str, object] = {"title": {"text": title_of(name), "side": "right"}, "thickness": 12, "outlinewidth": 0}
    if name in tradeoff.metrics:
        known = [value for value in _shades(tradeoff, name) if value is not None]
        low, high = min(known), max(known)
        bar |= _powers(low, high) if name != "dice" else {}
        return {"cmin": low, "cmax": high, "colorscale": SCALE, "colorbar": bar}
    options = _options(tradeoff, name)[: len(OPTIONS)]
    steps = [[place / len(options), OPTIONS[i]] for i in range(len(options)) for place in (i, i + 1)]
    bar |= {"tickvals": list(range(len(options))), "ticktext": options}
    return {"cmin": -0.5, "cmax": len(options) - 0.5, "colorscale": steps, "colorbar": bar}


def shades(tradeoff: Tradeoff, members: Sequence[int], name: str) -> list[str]:
    """Return the colours of a column; grey where there is no value."""
    values = _shades(tradeoff, name)
    chosen = [values[i] for i in members]
    if name in tradeoff.decisions:
        return [GREY if value is None else OPTIONS[int(value)] for value in chosen]
    known = [value for value in values if value is not None]
    low, span = min(known), (max(known) - min(known)) or 1.0
    return [GREY if value is None else shade_of(1 - (value - low) / span) for value in chosen]


def _shades(tradeoff: Tradeoff, name: str) -> list[float | None]:
    if name in tradeoff.metrics:
        return [_scaled(tradeoff, name, i, name != "dice") for i in range(len(tradeoff.numbers))]
    places = {option: i % len(OPTIONS) for i, option in enumerate(_options(tradeoff, name))}
    return [None if option is None else places[option] for option in tradeoff.decisions[name]]


def _options(tradeoff: Tradeoff, name: str) -> list[str]:
    """Return a decision's options, numbers by their size."""
    options = {option for option in tradeoff.decisions[name] if option is not None}
    return sorted(options, key=lambda option: (not _is_number(option), _size(option), option))


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).removeprefix("-").isdecimal()


def _size(text: str) -> float:
    return float(text) if _is_number(text) else 0.0


def sized(tradeoff: Tradeoff, members: Sequence[int], name: str) -> dict[str, object]:
    """Return what makes the area of markers grow with the logarithm of a cost, or with Dice; nothing for no column."""
    if not name:
        return {}
    values = [_scaled(tradeoff, name, i, name != "dice") for i in range(len(tradeoff.numbers))]
    known = [value for value in values if value is not None]
    low, span = min(known), (max(known) - min(known)) or 1.0
    parts = [0.0 if (value := values[i]) is None else (value - low) / span for i in members]
    return {"size": [round(math.sqrt(SMALLEST**2 + part * (LARGEST**2 - SMALLEST**2)), 2) for part in parts]}


def _axis(tradeoff: Tradeoff, name: str, letter: str, wish: Wish) -> dict[str, object]:
    if name in tradeoff.decisions:
        options = _options(tradeoff, name)
        return {"type": "category", "categoryorder": "array", "categoryarray": options, "automargin": True}
    return {"type": "log" if is_log(name, letter, wish) else "linear"}


def _scaled(tradeoff: Tradeoff, name: str, i: int, as_log: bool) -> float | None:
    value = shown_value(tradeoff, name, i)
    return value if value is None or not as_log else math.log10(max(value, 1e-12))


def _powers(low: float, high: float) -> dict[str, list[object]]:
    """Return the ticks of a colour bar over logarithms: five, evenly spread."""
    places = [low + part * (high - low) / 4 for part in range(5)] if high > low else [low]
    return {"tickvals": list(places), "ticktext": [f"{10**place:.3g}" for place in places]}


def _limit(figure: Figure, tradeoff: Tradeoff, seen: Seen, wish: Wish) -> None:
    if wish.limit is None or wish.limit <= 0:
        return
    if seen.budget == seen.x:
        figure.add_vline(wish.limit, line={"color": GREEN, "width": 2, "dash": "dash"})
    if seen.budget == seen.y:
        figure.add_hline(wish.limit, line={"color": GREEN, "width": 2, "dash": "dash"})
    best = picked_of(tradeoff, wish)
    picked = next(trace for trace in figure.data if trace.name == "picked")
    picked.update(_point(tradeoff, seen, best))


def _reference(figure: Figure, snapshot: Snapshot, seen: Seen) -> None:
    """Mark the point below which hypervolume is, where both its columns are shown."""
    reference = snapshot.study.reference
    if reference is None or not {seen.x, seen.y} <= reference.values.keys():
        return
    x, y = (reference.values[name] * unit_of(name).scale for name in (seen.x, seen.y))
    trace = Scatter(x=[x], y=[y], mode="markers", name="reference point", visible="legendonly")
    trace.marker = {"symbol": "cross-thin", "size": 14, "color": GREY, "line": {"width": 2, "color": GREY}}
    figure.add_trace(
        trace.update(hovertemplate="reference point of the hypervolume<br>%{x:.4~g}, %{y:.4~g}<extra></extra>")
    )


def ring_of(tradeoff: Tradeoff, wish: Wish) -> dict[str, Any]:
    """Return where the trial that is open stands, as the trace that marks it says."""
    place = tradeoff.numbers.index(wish.trial) if wish.trial in tradeoff.numbers else None
    return _point(tradeoff, seen_of(tradeoff, wish), place) | {"showlegend": place is not None}


def _chosen(figure: Figure, tradeoff: Tradeoff, wish: Wish) -> None:
    trace = Scatter(**ring_of(tradeoff, wish), mode="markers", name=RING)
    trace.marker = {"symbol": "circle-open", "size": 20, "color": VERMILLION, "line": {"width": 3}}
    figure.add_trace(trace.update(hoverinfo="skip"))


def _point(tradeoff: Tradeoff, seen: Seen, place: int | None) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {"x": [], "y": []}
    if place is None:
        return found
    for letter, name in (("x", seen.x), ("y", seen.y)):
        chosen = tradeoff.decisions.get(name)
        found[letter] = [chosen[place] if chosen else shown_value(tradeoff, name, place)]
    return found
