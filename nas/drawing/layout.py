"""Where cells and arrows lie, in pixels: columns by depth, rows by resolution, arrows in right angles between them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from nas.drawing.picture import Arrow, Cell
from nas.drawing.routing import Spot, Tracks, Way, place, route

__all__ = ["Box", "Layout", "Line", "lay_out"]

NARROWEST, WIDEST = 60, 128  # of cells
CELL_HEIGHT = 56
TRACK = 8  # between parallel lines
AFTER, BEFORE = 9, 15  # from a cell to the first line at its right; from the last line to a cell, with room for a head
BESIDE = 11  # above and below the lines of a channel
PORT, PORTS = 9, 17  # between arrows that enter one cell; the farthest of them from its middle
NEAR, FAR = 20, 26  # from the middle of a cell to the lines to others of its column
MARGIN, NAMES = 12, 74  # around everything; for the names of rows

Point = tuple[float, float]
Corners = tuple[Point, ...]


@dataclass(frozen=True)
class Box:
    """A cell's rectangle in pixels, y downwards."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """The height of its middle."""
        return self.y + self.height / 2


@dataclass(frozen=True)
class Line:
    """An arrow's way, from the source's border to the target's. both: there is a head at either end."""

    source: str
    target: str
    points: tuple[Point, ...]
    both: bool


@dataclass(frozen=True)
class Layout:
    """Boxes by cell, lines, top and bottom of each level's row, and the size of all, in pixels."""

    width: float
    height: float
    boxes: Mapping[str, Box]
    lines: tuple[Line, ...]
    rows: Mapping[int, tuple[float, float]]


def lay_out(
    cells: Sequence[Cell],
    arrows: Sequence[Arrow],
    needed: Mapping[str, float],
    looks: Mapping[tuple[str, str], object],
) -> Layout:
    """Return the layout of cells in rows by level, the finest on top, and columns by depth.

    needed: the width that each cell's text wants, in pixels; a column is as wide as its widest cell, within limits.
    looks: how each arrow, by (source, target), is drawn; only arrows that look alike share lines.
    """
    spots, lanes = place(cells)
    ways, gutters, heights = route(spots, arrows, looks)
    widths = [float(NARROWEST)] * (1 + max(spot.column for spot in spots.values()))
    for cell, spot in spots.items():
        widths[spot.column] = min(WIDEST, max(widths[spot.column], needed[cell]))
    grid = _Grid(widths, 1 + max(spot.lane for spot in spots.values()), gutters, heights)
    boxes = {cell: grid.box(spot) for cell, spot in spots.items()}
    ports = _ports(ways, spots) | _offsets(ways, spots)
    lines = tuple(Line(way.source, way.target, grid.points(way, spots, boxes, ports), way.both) for way in ways)
    rows = {
        level: (grid.lane_tops[held[0]] - BESIDE / 2, grid.lane_tops[held[-1]] + CELL_HEIGHT + BESIDE / 2)
        for level, held in lanes.items()
    }
    return Layout(grid.width, grid.height, boxes, lines, rows)


class _Grid:
    """Pixels of columns, gutters, lanes and channels."""

    def __init__(self, widths: list[float], lanes: int, gutters: Tracks, heights: Tracks):
        columns = len(widths)
        wide = [AFTER + BEFORE + TRACK * max(0, gutters.number(g) - 1) for g in range(columns + 1)]
        high = [2 * BESIDE + TRACK * max(0, heights.number(2 * lane) - 1) for lane in range(lanes + 1)]
        high[0] -= 0 if heights.number(0) else BESIDE
        steps = (gutter + width for gutter, width in zip(wide, widths, strict=False))
        self.widths = widths
        self.gutters = list(accumulate(steps, initial=float(MARGIN + NAMES - wide[0])))
        self.column_starts = [x + w for x, w in zip(self.gutters, wide, strict=True)]
        self.channels = list(accumulate((h + CELL_HEIGHT for h in high[:-1]), initial=0.0))
        self.lane_tops = [y + h for y, h in zip(self.channels, high, strict=True)]
        self.width = self.gutters[-1] + (wide[-1] if gutters.number(columns) else 0) + MARGIN
        self.height = self.lane_tops[-1]

    def box(self, spot: Spot) -> Box:
        return Box(self.column_starts[spot.column], self.lane_tops[spot.lane], self.widths[spot.column], CELL_HEIGHT)

    def x(self, gutter: int, track: int) -> float:
        return self.gutters[gutter] + AFTER + TRACK * track

    def y(self, height: int, track: int) -> float:
        """The middle of a lane, or a channel's line; its first track is the lowest."""
        if height % 2:
            return self.lane_tops[height // 2] + CELL_HEIGHT / 2
        return self.lane_tops[height // 2] - BESIDE - TRACK * track

    def points(
        self, way: Way, spots: Mapping[str, Spot], boxes: Mapping[str, Box], ports: Mapping[tuple[str, str], float]
    ) -> tuple[Point, ...]:
        start, end = boxes[way.source], boxes[way.target]
        a, b = spots[way.source], spots[way.target]
        if a.column == b.column:
            return self._beside(way, start, end, a.column + 1, ports)
        x, y = start.x + start.width, start.middle
        corners = [(x, y)]
        if way.rail is not None:
            along = self.y(way.rail, way.run or 0)
            if way.leave is not None:
                x = self.x(a.column + 1, way.leave)
                corners += [(x, y), (x, along)]
            y = along
        entry = end.middle + ports[way.source, way.target]
        if way.enter is not None:
            x = self.x(b.column, way.enter)
            corners += [(x, y), (x, entry)]
        return (*corners, (end.x, entry))

    def _beside(self, way: Way, start: Box, end: Box, gutter: int, offs: Mapping[tuple[str, str], float]) -> Corners:
        """Between cells of one column: straight to the next lane, else around at the right."""
        down = start.y < end.y
        if way.leave is None:
            x = start.x + start.width / 2
            return ((x, start.y + start.height), (x, end.y)) if down else ((x, start.y), (x, end.y + end.height))
        x, right = self.x(gutter, way.leave), start.x + start.width
        y1, y2 = start.middle + offs[way.source, way.target], end.middle + offs[way.target, way.source]
        return (right, y1), (x, y1), (x, y2), (right, y2)


def _offsets(ways: Sequence[Way], spots: Mapping[str, Spot]) -> dict[tuple[str, str], float]:
    """Return where the lines between cells of one column start and end, from the middle of each (cell, other cell).

    They stay in the half that looks to the other cell, lines farther out nearer to the middle: so none cross.
    """
    tracks: dict[tuple[str, bool], set[int]] = defaultdict(set)
    sides: dict[tuple[str, str], tuple[bool, int]] = {}
    for way in ways:
        if spots[way.source].column == spots[way.target].column and way.leave is not None:
            for cell, other in ((way.source, way.target), (way.target, way.source)):
                down = spots[cell].lane < spots[other].lane
                sides[cell, other] = down, way.leave
                tracks[cell, down].add(way.leave)
    offsets = {}
    for (cell, other), (down, track) in sides.items():
        used = sorted(tracks[cell, down])
        off = FAR - (FAR - NEAR) * used.index(track) / max(1, len(used) - 1)
        offsets[cell, other] = off if down else -off
    return offsets


def _ports(ways: Sequence[Way], spots: Mapping[str, Spot]) -> dict[tuple[str, str], float]:
    """Return where each arrow enters, from the middle of its target: what comes from above enters above, and lines that
    turn in do not cross one another. The middle belongs to the arrow that comes straight, or to none if there is a cell
    right before, whose own line leaves at this height.
    """
    entering: dict[str, list[Way]] = defaultdict(list)
    for way in ways:
        if spots[way.source].column < spots[way.target].column:
            entering[way.target].append(way)
    taken = set(spots.values())
    ports: dict[tuple[str, str], float] = {}
    for target, group in entering.items():
        spot = spots[target]
        sides: dict[int, list[Way]] = {-1: [], 1: []}
        for way in sorted(group, key=lambda w: w.enter or 0):
            start = spots[way.source].height if way.rail is None else way.rail
            ports[way.source, target] = 0.0
            if way.enter is not None:
                sides[1 if start > spot.height else -1].append(way)
        straight = len(sides[1]) + len(sides[-1]) < len(group) or Spot(spot.column - 1, spot.lane) in taken
        step = min(PORT, PORTS / max(1, len(sides[1]), len(sides[-1])))
        shift = 0.0 if straight else (len(sides[-1]) - len(sides[1])) / 2 * step
        for side, entries in sides.items():
            for number, way in enumerate(entries):
                first = 1.0 if straight else 0.5
                ports[way.source, target] = shift + side * step * (number + first)
    return ports
