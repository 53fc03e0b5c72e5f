"""One trial in full, on the live page: the report's parts, with a drawing whose cells answer."""

from dash import dcc, html
from dash.development.base_component import Component
from plotly.graph_objects import Figure

from nas.drawing import Drawing
from nas.drawing.sheet import Face
from studies.dashboard.colouring import shown
from studies.dashboard.components import CONFIG, Part, component_of, figure_place, parts_of, saving
from studies.dashboard.roofing import bounds_part, roof_figure, roofline_of
from studies.dashboard.watching import Snapshot
from studies.dashboard.wish import Wish
from studies.predictions import Case
from studies.progress import duration
from studies.report.cases import cases_part, predictions_at
from studies.report.details import Detail, blocks_figure, curves_figure
from studies.report.looks import unit_of
from studies.report.markup import Markup, tag
from studies.report.rows import Row
from studies.report.sections import table
from studies.report.trial_sections import all_decisions, commands_part, costs_table, decisions_part, retrained_part

__all__ = ["cell_part", "drawing_place", "trial_parts"]

_SHOWN = ("dice", "latency_ms", "traffic_bytes", "macs", "params")


def trial_parts(snapshot: Snapshot, number: int, wish: Wish, scheme: str | None) -> list[Part]:
    """Return a trial: drawing, decisions, commands, curve, predictions, costs by block. Raises KeyError for none."""
    detail, study = snapshot.detail(number), snapshot.study
    others = tuple(n for n in wish.beside if n != number)
    beside = wish.link(view="compare", beside=(*others, number)[-3:] if others else ())
    parts: list[Part] = [html.H2(detail.row.name, id="chosen-title", tabIndex=-1), _facts(detail.row)]
    parts.append(html.P(dcc.Link("compare it with others", href=beside)))
    parts.append(component_of(retrained_part(detail)))
    parts += _drawing(detail)
    parts += parts_of(decisions_part(detail), commands_part(detail))
    curve = shown(curves_figure(study, [detail.row]), scheme, f"curve {number}")
    figures = [html.Div([html.H3("Learning curve"), figure_place("curve", "Dice after each epoch", curve)])]
    if detail.blocks:
        blocks = shown(blocks_figure(detail.blocks), scheme, f"blocks {number}")
        figures.append(
            html.Div([html.H3("Costs by block"), figure_place("blocks", "shares of costs by block", blocks)])
        )
    parts.append(html.Div(figures, className="columns"))
    parts.append(_predictions(snapshot, number, wish))
    if detail.blocks:
        parts += _roof(snapshot, detail, scheme)
        parts.append(component_of(costs_table(detail)))
    return [*parts, component_of(all_decisions(detail.row))]


def _predictions(snapshot: Snapshot, number: int, wish: Wish) -> Part:
    def source(_: Case, place: int, kind: str) -> dict[str, str]:
        return {"src": f"case.png?study={wish.study}&trial={number}&case={place}&kind={kind}"}

    return component_of(cases_part(snapshot.study, predictions_at(snapshot.study, number), source))


def drawing_place(drawing: Drawing, name: str) -> Component:
    """Return a drawing in its own size, with a list of its cells for who cannot click them."""
    figure: Figure = drawing.to_figure()
    width = f"{figure.layout.width}px"
    graph = dcc.Graph(id=name, figure=figure, config=CONFIG | {"responsive": False}, style={"width": width})
    faces = [drawing.sheet.faces[cell] for cell in drawing.sheet.layout.boxes]
    text = "\n\n".join(_as_text(face) for face in faces)  # one element: dash is slow with thousands
    listed = tag("details", tag("summary", f"the {len(faces)} cells as text"), tag("pre", text, tabindex="0"))
    inside = html.Div(graph, className="drawing", tabIndex=0)
    return html.Div([inside, saving(name), html.Div(id=f"{name}-cell", role="status"), component_of(listed)])


def cell_part(drawing: Drawing, cell: str) -> Markup:
    """Return what a cell holds."""
    face: Face = drawing.sheet.faces[cell]
    head = tag("h4", face.title[0])
    words = tag("p", " · ".join(face.title[1:]), class_="quiet")
    inside = table(list(drawing.sheet.columns), [list(line) for line in face.inside], words=len(drawing.sheet.columns))
    return tag("div", head, words, inside if face.inside else "", class_="cell")


def _as_text(face: Face) -> str:
    return "\n".join([" · ".join(face.title), *("    " + "  ".join(line) for line in face.inside)])


def _facts(row: Row) -> Component:
    facts = [f"{unit_of(m).title} {unit_of(m).text(row.values[m])}" for m in _SHOWN if m in row.values]
    facts += [row.outcome, f"from {row.origin}", f"{duration(row.seconds)} of training"]
    reason = f": {row.reason}" if row.reason else ""
    return html.P(" · ".join(facts) + reason, className="quiet")


def _drawing(detail: Detail) -> list[Part]:
    if detail.drawing is None:
        return [html.P(f"There is no drawing: {detail.graph_fault}.")]
    return [html.P("Click a cell to see its operators.", className="quiet"), drawing_place(detail.drawing, "drawing")]


def _roof(snapshot: Snapshot, detail: Detail, scheme: str | None) -> list[Part]:
    roof = roofline_of(snapshot.study)
    parts: list[Part] = [html.H3("What bounds its blocks"), component_of(bounds_part(detail.blocks, roof))]
    if roof is not None:
        figure = shown(roof_figure(detail.blocks, roof), scheme, f"roof {detail.row.number}")
        parts.append(figure_place("roof", "the roofline with the blocks on it", figure))
    return parts
