"""Sizes of the objects in masks, and which of them a smaller input would lose."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evaluators.data.form import Fit

__all__ = ["LEAST_AREA", "areas_at", "object_areas"]

LEAST_AREA = 4.0  # pixels; an object that covers less of the input is at most a 2 x 2 block, and may vanish


def object_areas(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the areas in pixels, ascending, of the regions of a mask (H, W); pixels that touch at a corner are one."""
    from scipy.ndimage import label

    regions, count = label(mask, structure=np.ones((3, 3)))
    return np.sort(np.bincount(regions.ravel(), minlength=count + 1)[1:])


def areas_at(areas: Sequence[NDArray[np.int64]], sides: Sequence[tuple[int, int]], size: int, fit: Fit) -> list[float]:
    """Return all objects' areas in pixels of an input of `size` x `size`.

    Args:
        areas: Of each image, its objects' areas in its own pixels.
        sides: Of each image, (height, width) in pixels.
        size: Side of the input.
        fit: How images are brought to it.
    """
    found: list[float] = []
    for some, (height, width) in zip(areas, sides, strict=True):
        scale = size**2 / (height * width if fit == "squeeze" else max(height, width) ** 2)
        found += (some * scale).tolist()
    return found
