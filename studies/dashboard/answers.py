"""From the page's address to what each view shows. A view that is not looked at is not made."""

import json
from collections.abc import Sequence
from typing import Any

from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.exceptions import PreventUpdate

from nas.errors import NasError
from studies.dashboard.colouring import shown
from studies.dashboard.components import Part, component_of
from studies.dashboard.explorer import explorer_figure, picked_of, ring_of, seen_of
from studies.dashboard.linked import brushed_numbers, linked_figure
from studies.dashboard.space import space_figure
from studies.dashboard.steering import snapshot_of
from studies.dashboard.table_view import brushed_words, table_part
from studies.dashboard.trial_view import cell_part, trial_parts
from studies.dashboard.watching import Snapshot, Watched
from studies.dashboard.wish import VIEWS, Wish
from studies.folder import read_json
from studies.report.front_section import front_table
from studies.report.looks import unit_of

__all__ = ["NOW", "answer", "looked", "wanted"]

NOW = (Input("url", "search"), Input("versions", "data"), Input("scheme", "data"))


def looked(app: Dash, watched: Sequence[Watched]) -> None:
    """Look for what is new every other second; the page is made again only where there is something."""

    @app.callback(
        Output("versions", "data"),
        Output("trouble", "children"),
        Input("tick", "n_intervals"),
        State("versions", "data"),
    )
    def look(_: object, known: list[int] | None) -> tuple[Any, str]:
        troubles = []
        for one in watched:
            try:
                one.look()
            except NasError as fault:
                troubles.append(f"What is shown may be old: {fault}")
        versions = [one.now.version for one in watched]
        return (no_update if versions == known else versions), " ".join(troubles)


def answer(app: Dash, watched: Sequence[Watched]) -> None:
    """Fill header, front and table."""
    _head(app, watched)
    _front(app, watched)
    _chosen(app, watched)
    _trials(app, watched)


def _head(app: Dash, watched: Sequence[Watched]) -> None:
    @app.callback(
        Output("title", "children"),
        Output("status", "children"),
        Output("nav", "children"),
        *(Output(f"view-{name}", "hidden") for name in VIEWS),
        *NOW,
    )
    def show(search: str | None, *_: object) -> tuple[Any, ...]:
        wish = Wish.of(search or "")
        study = snapshot_of(watched, wish).study
        counts = f"{len(study.rows)} trials, {len(study.complete)} trained through, {len(study.front)} on the front"
        status = f"Running: {study.said.text}" if study.said else f"Not running. {counts}"
        views = [name for name in VIEWS if name != "studies" or len(watched) > 1]
        links: list[Part] = [_link(wish, name) for name in views]
        query = f"?study={wish.study}"
        links.append(html.A("trials.csv", href=f"trials.csv{query}", download="trials.csv", className="download"))
        links.append(html.A("report.html", href=f"report.html{query}", download="report.html"))
        return study.config.name, status, links, *(name != wish.view for name in VIEWS)


def _link(wish: Wish, view: str) -> dcc.Link:
    here = {"className": "here"} if view == wish.view else {}
    return dcc.Link(VIEWS[view], href=wish.link(view=view), **here)


def _front(app: Dash, watched: Sequence[Watched]) -> None:
    @app.callback(
        *(Output(place, what) for place, what in _FRONT.items()),
        Output("front-is", "data"),
        Output("ring", "data"),
        *NOW,
        State("front-is", "data"),
    )
    def show(search: str | None, versions: object, scheme: str | None, is_shown: str | None) -> tuple[Any, ...]:
        wish = wanted(search, scheme, "front")
        snapshot = snapshot_of(watched, wish)
        asked = json.dumps([wish.query() if wish.z else wish.link(trial=None), versions, scheme])
        if asked == is_shown:  # another trial was opened: many points are not drawn again for that
            return *([no_update] * len(_FRONT)), asked, ring_of(snapshot.tradeoff, wish)
        return *_front_parts(snapshot, wish, scheme), asked, no_update


_FRONT = {
    "front-made": "data",
    "space-made": "data",
    "flat": "hidden",
    "solid": "hidden",
    "picked": "children",
    "refused": "children",
    "front-table": "children",
}


def _front_parts(snapshot: Snapshot, wish: Wish, scheme: str | None) -> tuple[Any, ...]:
    """Return what goes to the places of `_FRONT`."""
    tradeoff = snapshot.tradeoff
    if not tradeoff.numbers:
        words = "No trial has a Dice yet: the front appears when the first network has been trained."
        return no_update, no_update, True, True, words, refused_words(snapshot), None
    seen, brushed = seen_of(tradeoff, wish), brushed_numbers(snapshot.axes, wish.brush)
    kept = f"{wish.study} {seen.x} {seen.y} {seen.z} {wish.log}"
    flat, solid = no_update, no_update
    if seen.z:
        solid = shown(space_figure(snapshot, wish, brushed), scheme, kept)
    else:
        flat = shown(explorer_figure(snapshot, wish, brushed), scheme, kept)
    table = component_of(front_table(snapshot.study, snapshot.study.row), link=lambda number: wish.link(trial=number))
    return flat, solid, bool(seen.z), not seen.z, picked_words(snapshot, wish), refused_words(snapshot), table


def picked_words(snapshot: Snapshot, wish: Wish) -> list[Part]:
    """Return what the limit picks, and whether a brush dims what is not in it."""
    tradeoff = snapshot.tradeoff
    parts: list[Part] = []
    if wish.limit is None:
        parts.append("Type a limit to mark the best network below it. Click a point to open its trial.")
    else:
        budget, best = seen_of(tradeoff, wish).budget, picked_of(tradeoff, wish)
        unit = unit_of(budget)
        if best is None:
            parts.append(f"No network that was trained through has {unit.title} ≤ {wish.limit:g}.")
        else:
            row = snapshot.study.row[tradeoff.numbers[best]]
            parts.append(html.Strong(f"Trial {row.number}"))
            dice, cost = unit_of("dice").text(row.values["dice"]), unit.text(row.values[budget])
            parts.append(f": Dice {dice} at {unit.title} {cost}, the best at or below {wish.limit:g}. ")
            parts.append(dcc.Link("Open it", href=wish.link(trial=row.number)))
    if wish.brush:
        parts += [" ", *brushed_words(snapshot, wish)]
    return parts


def refused_words(snapshot: Snapshot) -> str:
    """Return how many proposals never became trials, and so are no points."""
    counts = read_json(snapshot.study.folder.screened_file)
    known = ", ".join(f"{counts[name]} {name}" for name in ("infeasible", "duplicate") if counts.get(name))
    return f"Proposals that were never trained: {known}. They have no Dice, so they are no points." if known else ""


def _chosen(app: Dash, watched: Sequence[Watched]) -> None:
    @app.callback(
        Output("chosen", "children"),
        Output("chosen-is", "data"),
        *NOW,
        State("chosen-is", "data"),
    )
    def show(search: str | None, _: object, scheme: str | None, is_shown: str | None) -> tuple[Any, str]:
        wish = wanted(search, scheme, "front")
        snapshot = snapshot_of(watched, wish)
        row = snapshot.study.row.get(wish.trial) if wish.trial is not None else None
        again = [each for each in snapshot.study.retrained if each.number == wish.trial]
        asked = json.dumps([wish.study, wish.trial, scheme, repr(row), repr(again), wish.beside])
        if asked == is_shown:  # a page that goes on reading must not jump
            raise PreventUpdate
        if wish.trial is None:
            return None, asked
        if row is None:
            return html.P(f"There is no trial {wish.trial}."), asked
        return trial_parts(snapshot, wish.trial, wish, scheme), asked

    @app.callback(
        Output("drawing-cell", "children"),
        Input("drawing", "clickData"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def open_cell(click: dict[str, Any] | None, search: str | None) -> Part:
        wish = Wish.of(search or "")
        snapshot = snapshot_of(watched, wish)
        cell = click["points"][0].get("customdata") if click else None
        if cell is None or wish.trial not in snapshot.study.row:
            raise PreventUpdate
        drawing = snapshot.detail(wish.trial).drawing
        if drawing is None or cell not in drawing.sheet.faces:
            raise PreventUpdate
        return component_of(cell_part(drawing, str(cell)))


def _trials(app: Dash, watched: Sequence[Watched]) -> None:
    @app.callback(
        Output("parallel", "figure"),
        Output("linked-made", "data"),
        Output("linked-figures", "hidden"),
        Output("axes", "data"),
        Output("brushed", "children"),
        Output("table", "children"),
        *NOW,
    )
    def show(search: str | None, _: object, scheme: str | None) -> tuple[Any, ...]:
        wish = wanted(search, scheme, "trials")
        snapshot = snapshot_of(watched, wish)
        words, table = brushed_words(snapshot, wish), table_part(snapshot, wish)
        if not snapshot.axes:
            return no_update, no_update, True, [], words, table
        brushed = brushed_numbers(snapshot.axes, wish.brush)
        front = explorer_figure(snapshot, wish._replace(limit=None), brushed).update_layout(height=380)
        kept = f"linked {wish.study} {wish.x} {wish.y}"
        lines = shown(linked_figure(snapshot, wish), scheme, f"lines {wish.study}")
        return lines, shown(front, scheme, kept), False, [axis.key for axis in snapshot.axes], words, table


def wanted(search: str | None, scheme: str | None, view: str) -> Wish:
    """Return the wish if it is for that view and the page's colours are known; else nothing is to be made."""
    wish = Wish.of(search or "")
    if wish.view != view or scheme is None:
        raise PreventUpdate
    return wish
