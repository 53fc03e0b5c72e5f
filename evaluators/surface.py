"""How far the borders of two areas lie apart: HD95 and the normalised surface Dice.

Sources: Huttenlocher et al., TPAMI 1993 (Hausdorff distance); Nikolov et al., arXiv:1809.04430 (surface Dice at a
tolerance). What is left open there is as in MONAI (without its sub-pixel surfaces): a border pixel belongs to the area
and touches what does not, by a side, not a corner; beyond the image nothing belongs to it, so an area cut off by the
image's edge has a border there; the 95th percentile is taken of each direction, between neighbours linearly, and the
greater of the two counts. Where MONAI gives nan or infinity, that is where an area is empty: see each function.
"""

from collections.abc import Sequence
from math import hypot

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["Distances", "diagonal_of", "hd95", "nsd", "surface_distances"]

Distances = tuple[NDArray[np.float64], NDArray[np.float64]]
Mask = NDArray[np.bool_]

_ROUNDING = 1e-9  # of distances in units such as 0.1 mm, so that three of them are within 0.3


def surface_distances(found: Mask, wanted: Mask, spacing: Sequence[float]) -> Distances | None:
    """Return how far each border pixel of the one area is from the other's border, both ways; None if one is empty.

    Args:
        found: The predicted area, (H, W) or (D, H, W).
        wanted: The true one, same shape.
        spacing: Size of a pixel along each axis, in any unit; the distances are in it.
    """
    if not found.any() or not wanted.any():
        return None
    box = ndimage.find_objects((found | wanted).astype(np.uint8))[0]
    borders = [area[box] & ~ndimage.binary_erosion(area[box]) for area in (found, wanted)]
    away = [ndimage.distance_transform_edt(~border, sampling=tuple(spacing)) for border in borders]
    return away[1][borders[0]], away[0][borders[1]]


def hd95(distances: Distances | None, both_empty: bool, diagonal: float) -> float:
    """Return the 95th percentile of the distances between two borders. Unit: that of the spacing; lower is better.

    Both empty gives 0; one empty gives the image's diagonal, which no distance within it exceeds.
    """
    if distances is None:
        return 0.0 if both_empty else diagonal
    return max(float(np.quantile(some, 0.95)) for some in distances)


def nsd(distances: Distances | None, both_empty: bool, tolerance: float) -> float:
    """Return the share of both borders that is within `tolerance` of the other. Unit: none, 0..1, higher is better.

    Both empty gives 1, one empty gives 0.
    """
    if distances is None:
        return 1.0 if both_empty else 0.0
    every = np.concatenate(distances)
    return float((every <= tolerance * (1 + _ROUNDING)).mean())


def diagonal_of(shape: Sequence[int], spacing: Sequence[float]) -> float:
    """Return the length of an image's diagonal in the spacing's unit."""
    return hypot(*(side * step for side, step in zip(shape, spacing, strict=True)))
