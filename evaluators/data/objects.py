"""Which objects in masks a small input loses."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evaluators.data.checking import Look
from evaluators.data.form import Fit

__all__ = ["LEAST_AREA", "Lost", "lost_at", "specks"]

LEAST_AREA = 4.0  # pixels; an object that covers less of the input is at most a 2 x 2 block, and may vanish


class Lost(NamedTuple):
    """Of a data set at one input size: objects, how many of them are lost, images that lose all, the least area.

    The area is in pixels of the input; None if there are no objects.
    """

    objects: int
    lost: int
    images_emptied: int
    least_area: float | None


def lost_at(looks: Sequence[Look], size: int, fit: Fit) -> Lost:
    """Return what an input of `size` x `size` pixels loses of the objects that have 4 pixels or more at their own size.

    Smaller regions are specks of the annotation, and count as no objects.
    """
    areas: list[float] = []
    images_emptied = 0
    for look in looks:
        scale = size**2 / (look.height * look.width if fit == "squeeze" else max(look.height, look.width) ** 2)
        own = np.concatenate(look.objects)
        scaled = own[own >= LEAST_AREA] * scale
        areas += scaled.tolist()
        images_emptied += bool(scaled.size) and bool((scaled < LEAST_AREA).all())
    return Lost(len(areas), sum(area < LEAST_AREA for area in areas), images_emptied, min(areas, default=None))


def specks(looks: Sequence[Look]) -> int:
    """Return how many regions have less than 4 pixels at their image's own size."""
    return sum(int((areas < LEAST_AREA).sum()) for look in looks for areas in look.objects)
