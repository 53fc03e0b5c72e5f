"""Expected gain of hypervolume where Dice alone is uncertain and the costs are known exactly.

With the costs fixed, what a member adds is a volume over the cells that the front's costs cut the space of costs into:
in each, the expected improvement of 1 - Dice on the best of the front that is no dearer, times the cell's size as far
as the member is no dearer than it. So the expectation is a closed form (for one objective: Jones et al., 1998; over
cells of all objectives: Emmerich et al., 2011); here the cells are of the costs alone.
"""

from collections.abc import Sequence

import moocore
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

__all__ = ["expected_gains"]

MOST_CELLS = 20_000

Array = NDArray[np.float64]


def expected_gains(mean: Array, deviation: Array, costs: Array, front: Array, reference: Array) -> Array:
    """Return the hypervolume that each of n members is expected to add.

    mean, deviation (n): of 1 - Dice. costs (n, k): logarithms. front (m, 1 + k), reference (1 + k): 1 - Dice, then
    the costs. Where the cells would be more than `MOST_CELLS` the costs of the front are cut at fewer places, and a
    gain there is taken a little too high.
    """
    inside = front[(front < reference).all(axis=1)]
    inside = inside[moocore.is_nondominated(inside)] if len(inside) else inside
    cuts = [_cuts(inside[:, 1 + axis], costs.shape[1]) for axis in range(costs.shape[1])]
    lowest = [np.concatenate([[-np.inf], cut]) for cut in cuts]
    highest = [np.append(cut, limit) for cut, limit in zip(cuts, reference[1:], strict=True)]
    levels = _levels(inside, cuts, reference[0]).ravel()
    improvement = _improvement(mean, deviation, levels)
    sizes = np.ones((len(mean), 1))
    for axis, (low, high) in enumerate(zip(lowest, highest, strict=True)):
        width = np.clip(high[None, :] - np.maximum(low[None, :], costs[:, axis, None]), 0.0, None)
        sizes = (sizes[:, :, None] * width[:, None, :]).reshape(len(mean), -1)
    gains: Array = (sizes * improvement).sum(axis=1)
    return gains


def _cuts(values: Array, axes: int) -> Array:
    """Return the places at which an axis is cut, ascending; only some of them where there are too many."""
    cuts, most = np.unique(values), max(2, int(MOST_CELLS ** (1 / axes)) - 1)
    return cuts if len(cuts) <= most else cuts[np.linspace(0, len(cuts) - 1, most).astype(int)]


def _levels(front: Array, cuts: Sequence[Array], worst: float) -> Array:
    """Return by cell the least 1 - Dice of the front among those that are no dearer than the cell's lower corner."""
    levels: Array = np.full([len(cut) + 1 for cut in cuts], worst)
    begins = tuple(np.searchsorted(cut, front[:, 1 + axis]) + 1 for axis, cut in enumerate(cuts))
    np.minimum.at(levels, begins, front[:, 0])
    for axis in range(len(cuts)):
        np.minimum.accumulate(levels, axis=axis, out=levels)
    return levels


def _improvement(mean: Array, deviation: Array, levels: Array) -> Array:
    """Return E[max(0, level - Y)] of every normal Y and level (n, levels)."""
    distinct, which = np.unique(levels, return_inverse=True)
    ahead = distinct[None, :] - mean[:, None]
    z = ahead / deviation[:, None]
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    improvement: Array = (ahead * ndtr(z) + deviation[:, None] * density)[:, which]
    return improvement
