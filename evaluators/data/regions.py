"""The connected regions of a mask."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["object_areas"]


def object_areas(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the areas in pixels, ascending, of the regions of a mask (H, W); pixels that touch at a corner are one."""
    from scipy.ndimage import label

    regions, count = label(mask, structure=np.ones((3, 3)))
    return np.sort(np.bincount(regions.ravel(), minlength=count + 1)[1:])
