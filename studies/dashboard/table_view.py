"""The table of all trials as the page shows it: heads that sort, pages, what the ranges keep."""

from dash import dcc, html
from dash.development.base_component import Component

from studies.dashboard.components import Part
from studies.dashboard.linked import brushed_numbers, table_of
from studies.dashboard.watching import Snapshot
from studies.dashboard.wish import Wish
from studies.report.looks import decision_words, unit_of

__all__ = ["brushed_words", "table_part"]


def brushed_words(snapshot: Snapshot, wish: Wish) -> list[Part]:
    """Return what ranges there are and how many trials they keep, with a link that ends them."""
    kept = brushed_numbers(snapshot.axes, wish.brush)
    if kept is None:
        return ["No range is set."]
    known = {axis.key for axis in snapshot.axes}
    names = [
        unit_of(b.axis).title if "." not in b.axis else decision_words(b.axis) for b in wish.brush if b.axis in known
    ]
    words = f"Ranges on {', '.join(names)} keep {len(kept)} of {len(snapshot.study.complete)} trials. "
    return [words, dcc.Link("Clear them", href=wish.link(brush=(), page=0))]


def table_part(snapshot: Snapshot, wish: Wish) -> Component:
    """Return one page of the table."""
    table = table_of(snapshot, wish)
    if not table.total:
        return html.P("No trials.")
    heads = [_head(key, title, wish) for key, title in table.columns]
    body = []
    for number, line in zip(table.numbers, table.lines, strict=True):
        first = html.Td(dcc.Link(line[0], href=wish.link(view="front", trial=number)))
        cells = [html.Td(text, className="number" if i > 2 else None) for i, text in enumerate(line[1:], 1)]
        body.append(html.Tr([first, *cells]))
    found = html.Table([html.Thead(html.Tr(heads)), html.Tbody(body)])
    return html.Div([html.Div(found, className="wide", tabIndex=0), _pages(table.page, table.pages, table.total, wish)])


def _head(key: str, title: str, wish: Wish) -> Component:
    """Return a head whose link sorts by its column, the other way at the second click."""
    falls = wish.sort == f"-{key}"
    sort = key if falls else f"-{key}" if wish.sort == key or key == "dice" else key
    state = {f"-{key}": "descending", key: "ascending"}.get(wish.sort, "none")
    mark = {"descending": " ↓", "ascending": " ↑", "none": ""}[state]
    link = dcc.Link(title + mark, href=wish.link(sort=sort, page=0))
    return html.Th(
        link,
        scope="col",
        className="number" if key not in ("number", "outcome", "origin") else None,
        **{"aria-sort": state},
    )


def _pages(page: int, pages: int, total: int, wish: Wish) -> Component:
    parts: list[Part] = [f"{total} trials"]
    if pages > 1:
        parts[0] = f"{total} trials, page {page + 1} of {pages} "
    if page > 0:
        parts += [dcc.Link("previous", href=wish.link(page=page - 1)), " "]
    if page < pages - 1:
        parts.append(dcc.Link("next", href=wish.link(page=page + 1)))
    return html.P(parts, className="pages")
