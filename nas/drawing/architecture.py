"""The drawing of one architecture: how its cells look."""

from collections.abc import Sequence

from nas.drawing.colours import KIND_FILLS, NEUTRAL, darker, ink_on, shade
from nas.drawing.fold import fold
from nas.drawing.kinds import KINDS, shape_text
from nas.drawing.layout import lay_out
from nas.drawing.picture import COSTS, Arrow, Cell, Picture
from nas.drawing.sheet import Face, LineStyle, Sheet, Swatch, tidy, wanted_width
from nas.errors import DrawingError
from nas.graph import Graph

__all__ = ["COLOURS", "row_names", "sheet_of", "title_of"]

COLOURS = {"kind": None, "params": "params", "macs": "macs", "cio": "cio_elements", "traffic": "traffic_bytes"}
"""What cells may be coloured by, and the cost that it shows."""

NAMES = {"params": "parameters", "macs": "MACs", "cio_elements": "elements of CIO", "traffic_bytes": "bytes of traffic"}

_COLUMNS = ("operator", "what", "output", "parameters", "MACs", "traffic, bytes")
"""The heads of the table of what a cell holds."""


def sheet_of(graph: Graph, colour: str, open: Sequence[str], heading: str) -> Sheet:
    """Return the drawing of `graph`; see `nas.draw`."""
    if colour not in COLOURS:
        raise DrawingError(f"colour={colour!r}; give one of {', '.join(COLOURS)}")
    picture = fold(graph, open)
    cost = COLOURS[colour]
    faces = {cell.id: _by_cost(cell, picture, cost) if cost else _by_kind(cell) for cell in picture.cells}
    widths = {cell: wanted_width(face.texts) for cell, face in faces.items()}
    styles = {(arrow.source, arrow.target): LineStyle(NEUTRAL, arrow.size_only) for arrow in picture.arrows}
    return Sheet(
        heading=tidy(heading),
        layout=lay_out(picture.cells, picture.arrows, widths, styles),
        faces=faces,
        styles=styles,
        rows=row_names(picture.cells, len(graph.image_shape) - 1),
        legend=(_scale(picture, cost) if cost else _kinds(picture)) + _sizes(picture.arrows),
        columns=_COLUMNS,
    )


def row_names(cells: Sequence[Cell], axes: int) -> dict[int, tuple[str, str]]:
    """Return two lines for each level: the side's share of the image's, and the size of its largest map."""
    sizes: dict[int, tuple[int, ...]] = {}
    for cell in cells:
        sizes[cell.level] = max(sizes.get(cell.level, ()), cell.shape[1:] or (1,) * axes)
    names = {level: f"× {2**-level}" if level < 0 else f"1/{2**level}" if level else "1" for level in sizes}
    return {level: (name, shape_text(sizes[level])) for level, name in names.items()}


def _sizes(arrows: Sequence[Arrow]) -> tuple[Swatch, ...]:
    """Return what the legend says of arrows that carry a size only, if there are some."""
    return (
        (Swatch("", NEUTRAL, "only the size is read", dashed=True),) if any(arrow.size_only for arrow in arrows) else ()
    )


def title_of(cell: Cell) -> tuple[str, ...]:
    """Return what is said of a cell when the pointer rests on it."""
    costs = (f"{_cost(cell, cost):,} {NAMES[cost]}" for cost in COSTS)
    head = f"{len(cell.operators)} operators, {shape_text(cell.shape)}, {KINDS[cell.kind]}"
    return (tidy(cell.id), head, *costs)


def _operators(cell: Cell) -> tuple[tuple[str, ...], ...]:
    """Return a table of the cell's operators, a row each."""
    return tuple(
        (tidy(x.name), x.text, shape_text(x.shape), f"{x.params:,}", f"{x.macs:,}", f"{x.traffic_bytes:,}")
        for x in cell.operators
    )


def _face(cell: Cell, last: str, fill: str) -> Face:
    texts = (tidy(cell.label), shape_text(cell.shape), last)
    return Face(texts, fill, ink_on(fill), darker(fill), title_of(cell), _operators(cell))


def _by_kind(cell: Cell) -> Face:
    return _face(cell, cell.content, KIND_FILLS[cell.kind])


def _by_cost(cell: Cell, picture: Picture, cost: str) -> Face:
    part, total, most = _cost(cell, cost), _total(picture, cost), _most(picture, cost)
    return _face(cell, f"{part / max(1, total):.1%}", shade(part / max(1, most)))


def _total(picture: Picture, cost: str) -> int:
    return sum([_cost(cell, cost) for cell in picture.cells])


def _most(picture: Picture, cost: str) -> int:
    return max([_cost(cell, cost) for cell in picture.cells])


def _cost(cell: Cell, cost: str) -> int:
    return int(getattr(cell, cost))


def _kinds(picture: Picture) -> tuple[Swatch, ...]:
    used = {cell.kind for cell in picture.cells}
    return tuple(
        Swatch(KIND_FILLS[kind], darker(KIND_FILLS[kind]), text) for kind, text in KINDS.items() if kind in used
    )


def _scale(picture: Picture, cost: str) -> tuple[Swatch, ...]:
    most = _most(picture, cost) / max(1, _total(picture, cost))
    steps = [number / 4 for number in range(5)]
    unit = f" of {NAMES[cost]}"
    return tuple(
        Swatch(shade(step), darker(shade(step)), f"{step * most:.0%}" + (unit if step == 1 else "")) for step in steps
    )
