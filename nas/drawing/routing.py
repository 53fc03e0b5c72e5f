"""Ways of arrows through a grid of cells, before any pixel: along gutters, channels and empty lanes only.

Gutter g lies left of column g. Heights are counted in half lanes: lane k is 2k + 1, the channel above it 2k. Arrows of
one cell may share a track, those of different cells never do, so that every line can be followed.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nas.drawing.picture import Arrow, Cell

__all__ = ["Spot", "Tracks", "Way", "place", "route"]


@dataclass(frozen=True)
class Spot:
    """A cell's place in the grid."""

    column: int
    lane: int

    @property
    def height(self) -> int:
        """Its lane in half lanes."""
        return 2 * self.lane + 1


@dataclass
class Way:
    """An arrow in grid terms. both: there is an arrow back, too, and one line shows the two.

    owner: ways of one owner may share tracks.

    rail: the height that a long arrow runs along, or None between neighbours. leave, run, enter: the track of its
    vertical after the source, of its rail, and of its vertical before the target; None where there is no such part.
    """

    source: str
    target: str
    both: bool
    owner: str
    rail: int | None = None
    leave: int | None = None
    run: int | None = None
    enter: int | None = None


class Tracks:
    """Parallel lines by gutter or by height: each track's intervals and whose they are."""

    def __init__(self) -> None:
        self._held: dict[int, list[list[tuple[int, int, str]]]] = defaultdict(list)

    def take(self, place: int, ends: tuple[int, int], owner: str, most: int | None = None) -> int | None:
        """Return a track of `place` that is free between `ends`, the owner's own if it has one there.

        None if there is no free one among the first `most`.
        """
        low, high = min(ends), max(ends)
        tracks = self._held[place]
        free = [
            number
            for number, track in enumerate(tracks)
            if all(high < a or b < low or other == owner for a, b, other in track)
        ]
        own = [number for number in free if any(other == owner for _, _, other in tracks[number])]
        if not free:
            if len(tracks) == most:
                return None
            tracks.append([])
        number = (own or free or [len(tracks) - 1])[0]
        tracks[number].append((low, high, owner))
        return number

    def number(self, place: int) -> int:
        """Return how many tracks a gutter or a height has."""
        return len(self._held[place])


def place(cells: Sequence[Cell]) -> tuple[dict[str, Spot], dict[int, list[int]]]:
    """Return the spot of each cell and the lanes of each level, finest on top; of one spot each has its own lane."""
    stacked: dict[int, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        stacked[cell.level][cell.column].append(cell.id)
    spots: dict[str, Spot] = {}
    lanes: dict[int, list[int]] = {}
    first = 0
    for level in sorted(stacked):
        for column, ids in stacked[level].items():
            spots |= {cell: Spot(column, first + number) for number, cell in enumerate(ids)}
        height = max(len(ids) for ids in stacked[level].values())
        lanes[level] = list(range(first, first + height))
        first += height
    return spots, lanes


def route(
    spots: Mapping[str, Spot], arrows: Sequence[Arrow], looks: Mapping[tuple[str, str], object]
) -> tuple[list[Way], Tracks, Tracks]:
    """Return the ways, and the tracks that they take in gutters and by height.

    looks: arrows of one cell share tracks if they look alike.
    """
    gutters, heights = Tracks(), Tracks()
    taken = set(spots.values())
    ways = _ways(spots, arrows, looks)
    for way in ways:
        a, b = spots[way.source], spots[way.target]
        if a.column == b.column:
            if abs(a.lane - b.lane) > 1:
                way.leave = gutters.take(a.column + 1, (a.height, b.height), f"{way.owner} and back")
            continue
        if b.column > a.column + 1:
            _find_rail(way, a, b, taken, heights)
        start = a.height if way.rail is None else way.rail
        if start != a.height:
            way.leave = gutters.take(a.column + 1, (a.height, start), way.owner)
        if start != b.height:
            way.enter = gutters.take(b.column, (start, b.height), way.owner)
    return ways, gutters, heights


def _ways(spots: Mapping[str, Spot], arrows: Sequence[Arrow], looks: Mapping[tuple[str, str], object]) -> list[Way]:
    """Return a way for each pair of cells; those of cells that reach less far first: their lines lie inside of others'.

    Of one cell the farthest is first: the others branch off it.
    """
    pairs = {(arrow.source, arrow.target) for arrow in arrows}
    span = {(a, b): spots[b].column - spots[a].column for a, b in pairs}
    reach = {a: max(span[pair] for pair in pairs if pair[0] == a) for a, _ in pairs}
    ways = []
    for a, b in sorted(pairs, key=lambda pair: (reach[pair[0]], pair[0], -span[pair], pair[1])):
        back = (b, a) in pairs
        if not back or (spots[a].lane, a) < (spots[b].lane, b):
            ways.append(Way(a, b, back, f"{a} {looks[a, b]}"))
    return ways


def _find_rail(way: Way, a: Spot, b: Spot, taken: set[Spot], heights: Tracks) -> None:
    """Choose the height of a long arrow: an empty lane, else the channel beside the target's lane."""
    ends = (a.column + 1, b.column)
    after, before = range(a.column + 1, b.column + (a.lane != b.lane)), range(a.column + (a.lane == b.lane), b.column)
    for spot, columns in ((a, after), (b, before)):
        if not any(Spot(column, spot.lane) in taken for column in columns):
            way.run = heights.take(spot.height, ends, way.owner, most=1)
            if way.run is not None:
                way.rail = spot.height
                return
    way.rail = 2 * (b.lane + 1) if a.lane > b.lane else 2 * b.lane
    way.run = heights.take(way.rail, ends, way.owner)
