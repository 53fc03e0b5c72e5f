"""How far two areas are the same: Dice, IoU, precision and recall from three counts of pixels.

Unit: none, 0 (nothing right) to 1 (all right), higher is better. Where MONAI gives nan, that is where an area is empty:
both empty gives 1, one empty gives 0, in each of the four. So an object that is not there costs as much as one missed.
"""

from typing import NamedTuple

__all__ = ["Areas", "dice", "iou", "precision", "recall"]


class Areas(NamedTuple):
    """Pixels that are predicted, that are true, and that are both."""

    found: int
    wanted: int
    common: int


def dice(areas: Areas) -> float:
    """Return 2 common / (found + wanted). Source: Dice, Ecology 26 (1945), 297-302."""
    return _share(2 * areas.common, areas.found + areas.wanted)


def iou(areas: Areas) -> float:
    """Return common / union. Source: Jaccard, 1901."""
    return _share(areas.common, areas.found + areas.wanted - areas.common)


def precision(areas: Areas) -> float:
    """Return the share of what is predicted that is true; 0 where nothing is predicted of something."""
    return _share(areas.common, areas.found) if areas.found or not areas.wanted else 0.0


def recall(areas: Areas) -> float:
    """Return the share of what is true that is predicted (sensitivity); 0 where something is predicted of nothing."""
    return _share(areas.common, areas.wanted) if areas.wanted or not areas.found else 0.0


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
