"""Two or three networks beside each other: decisions, what differs in their drawings, curves, costs by block."""

from collections.abc import Sequence

import nas
from evaluators.metrics import METRICS
from nas.drawing import Drawing
from nas.errors import NasError
from studies.report.details import deployed_graph
from studies.report.looks import decision_words, option_text, unit_of
from studies.report.markup import Markup, tag
from studies.report.rows import Row, Study

__all__ = ["costs_beside", "decisions_beside", "difference_of"]


def costs_beside(rows: Sequence[Row]) -> Markup:
    """Return Dice and costs, a column for each."""
    names = [name for name in METRICS if any(name in row.values for row in rows)]
    return _table(
        rows, [(unit_of(n).title, [unit_of(n).text(row.values.get(n)) for row in rows]) for n in names], False
    )


def decisions_beside(rows: Sequence[Row]) -> Markup:
    """Return the decisions, those that differ first and marked."""
    paths = list(dict.fromkeys(path for row in rows for path in row.decisions))
    lines = [(decision_words(path), [option_text(row.decisions.get(path)) for row in rows]) for path in paths]
    different = [line for line in lines if len(set(line[1])) > 1]
    shared = [line for line in lines if len(set(line[1])) == 1]
    words = tag("p", f"{len(different)} of {len(lines)} decisions differ (–: no such decision).")
    others = tag("details", tag("summary", f"the {len(shared)} that they share"), _table(rows, shared, False))
    return tag("div", words, _table(rows, different, True) if different else "", others)


def difference_of(study: Study, first: int, second: int) -> Drawing | str:
    """Return the drawing of what differs from the first network to the second, or why there is none."""
    try:
        graphs = deployed_graph(study, first), deployed_graph(study, second)
        names = study.row[first].name, study.row[second].name
        drawing: Drawing = nas.draw_diff(*graphs, heading=f"from {names[0]} to {names[1]}")
    except (OSError, NasError, UnicodeDecodeError) as fault:
        return f"There is no drawing of what differs: {fault}"
    return drawing


def _table(rows: Sequence[Row], lines: Sequence[tuple[str, list[str]]], differs: bool) -> Markup:
    head = tag("tr", tag("th", ""), *(tag("th", row.name, scope="col") for row in rows))
    kind = "differs" if differs else None
    body = [tag("tr", tag("td", name), *(tag("td", text) for text in texts), class_=kind) for name, texts in lines]
    return tag("div", tag("table", tag("thead", head), tag("tbody", *body)), class_="wide tall", tabindex="0")
