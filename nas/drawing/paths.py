"""SVG paths, which plotly's shapes take, too: rounded lines, rectangles and heads of arrows."""

from nas.drawing.layout import Box, Point

__all__ = ["arrowhead", "path_of", "rounded"]

TURN = 5  # radius of a line's turn
HEAD = 7  # length of an arrow's head


def path_of(points: tuple[Point, ...], most: float = TURN) -> str:
    """Return an SVG path through the points with turns of radius `most` or less."""
    parts = [f"M{_text(points[0])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(most, _distance(before, corner) / 2, _distance(corner, after) / 2)
        enter, leave = _towards(corner, before, radius), _towards(corner, after, radius)
        parts.append(f"L{_text(enter)}Q{_text(corner)},{_text(leave)}")
    return "".join(parts) + f"L{_text(points[-1])}"


def rounded(box: Box, radius: float) -> str:
    """Return the SVG path of a rectangle with rounded corners."""
    left, top, right, bottom = box.x, box.y, box.x + box.width, box.y + box.height
    start = ((left + right) / 2, bottom)
    return path_of((start, (left, bottom), (left, top), (right, top), (right, bottom), start), radius) + "Z"


def arrowhead(before: Point, tip: Point) -> str:
    """Return the SVG path of the head of an arrow that comes from `before`."""
    x, y = _towards(tip, before, HEAD)
    across = ((tip[1] - y) / 2, (x - tip[0]) / 2)
    return f"M{_text(tip)}L{_text((x + across[0], y + across[1]))}L{_text((x - across[0], y - across[1]))}Z"


def _towards(start: Point, end: Point, distance: float) -> Point:
    share = distance / (_distance(start, end) or 1)
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _distance(a: Point, b: Point) -> float:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def _text(point: Point) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"
