"""Drawings of architectures: rows are resolutions, columns depth; 15 to 25 cells, each of which opens to its operators.

`fold` makes plain data (`Picture`), `lay_out` places it, and the same placed drawing is written as SVG (no browser
needed), as a plotly figure or as a page that works offline.
"""

from collections.abc import Sequence

from nas.drawing.architecture import sheet_of
from nas.drawing.diff import CellDifference, Difference, diff, difference_sheet
from nas.drawing.drawing import Drawing
from nas.drawing.fold import fold
from nas.drawing.picture import Arrow, Cell, Operator, Picture
from nas.graph import Graph

__all__ = [
    "Arrow",
    "Cell",
    "CellDifference",
    "Difference",
    "Drawing",
    "Operator",
    "Picture",
    "diff",
    "draw",
    "draw_diff",
    "fold",
]


def draw(graph: Graph, colour: str = "kind", open: Sequence[str] = (), heading: str = "") -> Drawing:
    """Return the drawing of an architecture; `write` it, or `to_figure` for plotly.

    colour: "kind" (of resolution change), or the share of a cost: "params", "macs", "cio" or "traffic" (fused schedule,
    fp32, of the graph as given: deploy it first for what runs). open: cells or scopes shown operator by operator.
    Raises DrawingError for another colour or an unknown name in `open`.
    """
    return Drawing(sheet_of(graph, colour, open, heading))


def draw_diff(first: Graph, second: Graph, heading: str = "") -> Drawing:
    """Return the drawing of what differs from one architecture to another: cells added, removed, changed and same.

    On the page, a click on a cell lists the operators that only one of the two has.
    Raises DrawingError if the graphs are of different image shapes.
    """
    return Drawing(difference_sheet(first, second, heading))
