"""What differs between two architectures, cell by cell, and the drawing of it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from nas.drawing.architecture import row_names, title_of
from nas.drawing.colours import NEUTRAL, STATUS, ink_on
from nas.drawing.fold import fold_alike
from nas.drawing.kinds import shape_text
from nas.drawing.layout import lay_out
from nas.drawing.picture import Arrow, Cell, columns_of
from nas.drawing.sheet import Face, LineStyle, Sheet, Swatch, tidy, wanted_width
from nas.errors import DrawingError
from nas.graph import Graph

__all__ = ["CellDifference", "Difference", "diff", "difference_sheet"]


@dataclass(frozen=True)
class CellDifference:
    """A cell of the first architecture, of the second, or of both."""

    before: Cell | None
    after: Cell | None

    @property
    def shown(self) -> Cell:
        """The cell of the second architecture, or of the first where the second has none."""
        cell = self.after or self.before
        assert cell is not None
        return cell

    @property
    def status(self) -> str:
        """added, removed, changed or same: the same operators on the same shapes, connected alike."""
        if self.before is None or self.after is None:
            return "added" if self.before is None else "removed"
        before, after = (Counter(x.term for x in cell.operators) for cell in (self.before, self.after))
        return "same" if before == after else "changed"

    def operators(self) -> tuple[Counter[str], Counter[str]]:
        """Return how often each operator, with the shapes it takes, is only in the first and only in the second."""
        before, after = _operators(self.before), _operators(self.after)
        return before - after, after - before


@dataclass(frozen=True)
class Difference:
    """All cells of two architectures, and their arrows, each with what happened to it."""

    cells: tuple[CellDifference, ...]
    arrows: Mapping[Arrow, str]


def diff(first: Graph, second: Graph) -> Difference:
    """Return what differs from `first` to `second`.

    Cells are matched by scope and resolution; both are folded alike, so there may be more cells than in one drawing.
    Raises DrawingError if the graphs are of different image shapes.
    """
    if first.image_shape != second.image_shape:
        raise DrawingError(
            f"the architectures are built for images {first.image_shape} and {second.image_shape}; build both for one"
        )
    a, b = fold_alike(first, second)
    cells = [CellDifference(a.by_id.get(cell.id), cell) for cell in b.cells]
    cells += [CellDifference(cell, None) for cell in a.cells if cell.id not in b.by_id]
    before, after = _pairs(a.arrows), _pairs(b.arrows)
    arrows = {arrow: "same" if arrow in before else "added" for arrow in after}
    arrows |= {arrow: "removed" for arrow in before if arrow not in after}
    columns = columns_of([cell.shown.id for cell in cells], arrows)
    return Difference(tuple(_moved(cell, columns) for cell in cells), arrows)


def _pairs(arrows: Iterable[Arrow]) -> dict[Arrow, None]:
    """Return the arrows without what they carry, in order."""
    return dict.fromkeys(Arrow(arrow.source, arrow.target) for arrow in arrows)


def _moved(cell: CellDifference, columns: Mapping[str, int]) -> CellDifference:
    """Return the cell in its column of the common picture."""
    before, after = (x and replace(x, column=columns[x.id]) for x in (cell.before, cell.after))
    return CellDifference(before, after)


def _operators(cell: Cell | None) -> Counter[str]:
    if cell is None:
        return Counter()
    return Counter(f"{x.text} of {', '.join(map(shape_text, x.input_shapes))}" for x in cell.operators)


def difference_sheet(first: Graph, second: Graph, heading: str) -> Sheet:
    """Return the drawing of what differs; see `nas.draw_diff`."""
    difference = diff(first, second)
    shown = [cell.shown for cell in difference.cells]
    faces = {cell.shown.id: _face(cell) for cell in difference.cells}
    widths = {cell: wanted_width(face.texts) for cell, face in faces.items()}
    number = Counter(cell.status for cell in difference.cells)
    styles = {
        (arrow.source, arrow.target): LineStyle(NEUTRAL if status == "same" else STATUS[status][1], status == "removed")
        for arrow, status in difference.arrows.items()
    }
    return Sheet(
        heading=tidy(heading),
        layout=lay_out(shown, list(difference.arrows), widths, styles),
        faces=faces,
        styles=styles,
        rows=row_names(shown, len(first.image_shape) - 1),
        legend=tuple(Swatch(*STATUS[status], f"{status} ({number[status]})") for status in STATUS if number[status]),
        columns=("only in the", "operator", "times"),
    )


def _face(cell: CellDifference) -> Face:
    fill, border = STATUS[cell.status]
    title = title_of(cell.shown)
    texts = (tidy(cell.shown.label), _shapes(cell), _remark(cell))
    return Face(texts, fill, ink_on(fill), border, (title[0], cell.status, *title[1:]), _table(cell))


def _shapes(cell: CellDifference) -> str:
    """Return the shape, with the channels before and after where they changed."""
    after = shape_text(cell.shown.shape)
    if cell.before is None or cell.before.shape[0] == cell.shown.shape[0]:
        return after
    return f"{cell.before.shape[0]}→{after}"


def _remark(cell: CellDifference) -> str:
    if cell.status != "changed" or cell.before is None:
        return cell.status if cell.status in ("added", "removed") else cell.shown.content
    before, after = cell.before.macs, cell.shown.macs
    if before == after or not before:
        return "same MACs" if before == after else "MACs from 0"
    return f"MACs {(after - before) / before:+.0%}".replace("-", "\N{MINUS SIGN}")


def _table(cell: CellDifference) -> tuple[tuple[str, ...], ...]:
    gone, come = cell.operators()
    rows = [("first", text, str(n)) for text, n in gone.items()]
    rows += [("second", text, str(n)) for text, n in come.items()]
    if not rows and cell.status == "changed":
        rows = [("", "the same operators, connected otherwise", "")]
    return tuple(rows)
