"""The page before anything is in it: header, views, controls. What is in it comes from `steering` and `answers`."""

from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from studies.dashboard.components import figure_place
from studies.dashboard.wish import VIEWS

__all__ = ["COLUMNS", "PICKERS", "layout_of"]

LOOK_EVERY_MS = 2000
COLUMNS = ("x", "y", "z", "colour", "size", "budget")
ZOOMED = ("front", "space", "linked")  # figures that keep their zoom when there is something new
PICKERS = ("beside-0", "beside-1", "beside-2")


def layout_of(versions: list[int]) -> Component:
    """Return the page over as many studies as there are versions, which it has seen."""
    hidden = [dcc.Location(id="url", refresh=False), dcc.Interval(id="tick", interval=LOOK_EVERY_MS)]
    hidden += [
        dcc.Store(id=name)
        for name in ("scheme", "axes", "chosen-is", "front-is", "ring", *(f"{name}-made" for name in ZOOMED))
    ]
    hidden.append(dcc.Store(id="versions", data=versions))
    views = [html.Section(_VIEWS[name](), id=f"view-{name}", hidden=name != "front") for name in VIEWS]
    return html.Div([*hidden, _header(len(versions)), html.Main([html.P(id="trouble", role="alert"), *views])])


def _header(studies: int) -> Component:
    picker = html.Label(["study ", _choice("study")], id="study-label", hidden=studies < 2)
    title = html.Div([html.H1(id="title"), picker], className="title")
    status = html.P(id="status", className="quiet", role="status")
    return html.Header([title, status, html.Nav(id="nav", **{"aria-label": "views"})])


def _front() -> list[Component]:
    columns = [html.Label([f"{name} ", _choice(name)]) for name in ("x", "y", "z", "colour", "size")]
    ticks = _ticks("switches", {"x": "log x", "y": "log y", "stopped": "stopped trials"})
    limit = dcc.Input(id="limit", type="number", min=0, step="any", debounce=True, **_aria("limit"))
    budget = html.Span([html.Label(["budget: ", _choice("budget")]), " ≤ ", limit], className="budget")
    return [
        html.Div(
            [*columns, ticks, budget], className="controls", role="group", **{"aria-label": "what the front shows"}
        ),
        html.P(id="picked", role="status"),
        html.Div(figure_place("front", "the trials in two columns", height=520), id="flat"),
        html.Div(figure_place("space", "the trials in three columns", height=620), id="solid", hidden=True),
        html.P(id="refused", className="quiet"),
        html.Div(id="chosen"),
        html.Div(id="front-table"),
    ]


def _trials() -> list[Component]:
    hint = "Drag along an axis to keep only the trials in that range; a click on the axis ends it. Blue: best Dice, "
    return [
        html.H2("All trials"),
        html.P(id="brushed", role="status"),
        html.Div(
            [
                html.P(
                    hint + "orange: worst. Trials that were not trained through are in the table only.",
                    className="quiet",
                ),
                html.Div(figure_place("parallel", "parallel coordinates", height=460), className="wide"),
                figure_place("linked", "the front of the trials in the ranges", height=380),
            ],
            id="linked-figures",
        ),
        html.Div(id="table"),
    ]


def _compare() -> list[Component]:
    pickers = [html.Label([f"{'ABC'[i]} ", _choice(name, is_clearable=i == 2)]) for i, name in enumerate(PICKERS)]
    return [
        html.H2("Compare"),
        html.Div(pickers, className="controls", role="group", **{"aria-label": "networks to compare"}),
        html.Div(id="compared"),
    ]


_VIEWS: dict[str, Any] = {
    "standing": lambda: html.Div(id="standing-inside"),
    "front": _front,
    "trials": _trials,
    "compare": _compare,
    "learned": lambda: html.Div(id="learned-inside"),
    "failures": lambda: html.Div(id="failures-inside"),
    "studies": lambda: html.Div(id="studies-inside"),
}


def _choice(name: str, is_clearable: bool = False) -> Component:
    return dcc.Dropdown(id=name, clearable=is_clearable, searchable=name in ("x", "y", "colour"), className="choice")


def _ticks(name: str, labels: dict[str, str]) -> Component:
    options = [{"label": words, "value": value} for value, words in labels.items()]
    return dcc.Checklist(id=name, options=options, inline=True, className="ticks")


def _aria(label: str) -> dict[str, str]:
    return {"placeholder": label}
