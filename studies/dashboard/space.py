"""The front in three columns at once."""

from collections.abc import Collection

from plotly.graph_objects import Figure, Scatter3d

from studies.dashboard.explorer import SCALE_BEARER, colour_axis, is_log, seen_of, shades
from studies.dashboard.watching import Snapshot
from studies.dashboard.wish import Wish
from studies.report.looks import BLUE, GREY, ORANGE, PURPLE, VERMILLION, figure_of
from studies.report.tradeoff import GROUPS, Tradeoff, shown_value, title_of

__all__ = ["space_figure"]

_LOOKS = {
    "dominated": {"color": GREY, "size": 3, "opacity": 0.45},
    "stopped": {"color": PURPLE, "size": 3, "symbol": "x"},
    "published": {"color": ORANGE, "size": 6, "symbol": "diamond"},
    "front": {"color": BLUE, "size": 5},
}
_NAMES = {
    "dominated": "dominated",
    "stopped": "stopped, Dice so far",
    "published": "published",
    "front": "Pareto front",
}


def space_figure(snapshot: Snapshot, wish: Wish, brushed: Collection[int] | None) -> Figure:
    """Return the figure in three columns; decisions have no place here. `brushed`: as for the flat one."""
    tradeoff, seen = snapshot.tradeoff, seen_of(snapshot.tradeoff, wish)
    x, y = (name if name in tradeoff.metrics else tradeoff.first[i] for i, name in enumerate((seen.x, seen.y)))
    names = {"x": x, "y": y, "z": seen.z}
    figure = figure_of(height=620)
    for group in GROUPS:
        members = [i for i in tradeoff.groups[group] if brushed is None or tradeoff.numbers[i] in brushed]
        marker = _LOOKS[group] | ({"color": shades(tradeoff, members, seen.colour)} if seen.colour else {})
        trace = Scatter3d(**_places(tradeoff, members, names), mode="markers", marker=marker, name=_NAMES[group])
        trace.update(text=[tradeoff.labels[i] for i in members], customdata=[tradeoff.numbers[i] for i in members])
        trace.hovertemplate = "%{text}<br>%{x:.4~g}, %{y:.4~g}, %{z:.4~g}<extra></extra>"
        trace.visible = "legendonly" if group == "stopped" and not wish.stopped else True
        figure.add_trace(trace.update(showlegend=bool(members)))
    if wish.trial in tradeoff.numbers:
        place = _places(tradeoff, [tradeoff.numbers.index(wish.trial)], names)
        chosen = {"color": VERMILLION, "size": 9, "symbol": "circle-open"}
        figure.add_trace(Scatter3d(**place, mode="markers", marker=chosen, name="open below", hoverinfo="skip"))
    axes = {f"{k}axis": {"title": {"text": title_of(n)}, "type": _kind(n, k, wish)} for k, n in names.items()}
    if seen.colour:
        figure.add_trace(Scatter3d(x=[None], y=[None], z=[None], **SCALE_BEARER))
        figure.update_layout(coloraxis=colour_axis(tradeoff, seen.colour))
    return figure.update_layout(scene=axes | {"camera": {"eye": {"x": 1.5, "y": -1.6, "z": 0.9}}})


def _places(tradeoff: Tradeoff, members: list[int], names: dict[str, str]) -> dict[str, list[float | None]]:
    return {letter: [shown_value(tradeoff, name, i) for i in members] for letter, name in names.items()}


def _kind(name: str, letter: str, wish: Wish) -> str:
    """Return the kind of an axis; the third has no switch of its own and follows its column."""
    return "log" if (is_log(name, letter, wish) if letter != "z" else name != "dice") else "linear"
