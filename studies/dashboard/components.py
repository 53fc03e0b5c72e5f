"""The report's HTML as components of the live page: the same words, texts as text, figures that answer to clicks."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from dash import dcc, html
from dash.development.base_component import Component
from plotly.graph_objects import Figure

from studies.report.markup import Markup

__all__ = ["Part", "component_of", "figure_place", "parts_of", "saving"]

Part: TypeAlias = Component | str
CONFIG = {
    "displaylogo": False,
    "showSendToCloud": False,  # plotly would else offer to upload the figure
    "responsive": True,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "toImage"],
}
_EMPTY = Figure(layout={"template": "none", "xaxis": {"visible": False}, "yaxis": {"visible": False}})
_NAMES = {"class": "className", "for": "htmlFor", "tabindex": "tabIndex", "colspan": "colSpan"}


def component_of(
    markup: str, figures: Mapping[str, Figure] | None = None, link: Callable[[int], str] | None = None
) -> Part:
    """Return what `tag` made as a component. Raises TypeError for HTML that was not made of anything.

    figures: By name, what stands at the places of figures. link: What replaces `#trial-N`.
    """
    if not isinstance(markup, Markup):
        return markup
    if not markup.name:
        raise TypeError("HTML that is text only cannot be shown: it would have to be trusted")
    name = str(markup.attributes.get("id", "")).removeprefix("figure-")
    if markup.attributes.get("class") == "figure":
        place: Part = figure_place(name, str(markup.attributes["aria-label"]), (figures or {}).get(name))
        return place
    inside = [component_of(part, figures, link) for part in markup.inside]
    href = str(markup.attributes.get("href", ""))
    if href.startswith("#trial-") and link is not None:
        linked: Part = dcc.Link(inside, href=link(int(href.removeprefix("#trial-"))))
        return linked
    kind = getattr(html, markup.name.capitalize())
    made: Part = kind(inside, **{_NAMES.get(k, k): v for k, v in markup.attributes.items()})
    return made


def parts_of(*markups: str, **options: Any) -> list[Part]:
    """Return several as `component_of`."""
    return [component_of(markup, **options) for markup in markups]


def figure_place(name: str, what: str, figure: Figure | None = None, height: int = 0) -> Component:
    """Return where a figure is drawn, with buttons that save it; `what` is read aloud.

    height: In pixels, of one that comes later.
    """
    figure = _EMPTY if figure is None else figure
    style = {"height": f"{height or figure.layout.height or 340}px"}
    graph = dcc.Graph(id=name, figure=figure, config=CONFIG, responsive=True, style=style)
    return html.Div([graph, saving(name)], className="figure", role="group", **{"aria-label": what})


def saving(name: str) -> Component:
    """Return the buttons that save a figure."""
    forms = ("png", "svg")
    buttons = [html.Button(form.upper(), **{"data-saves": name, "data-form": form}) for form in forms]
    return html.Div(["save as ", *buttons], className="saving quiet")
