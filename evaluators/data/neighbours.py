"""Slices with their neighbours as channels (2.5-D): what lies before and behind tells a membrane from a smear."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from evaluators.data.grouping import numbered
from evaluators.data.layouts.layout import Pair
from evaluators.data.samples import DataError, Samples, listed

__all__ = ["places_of", "with_neighbours"]

Place = tuple[str, int]  # the stack's name, and the slice's number in it


def places_of(pairs: Sequence[Pair]) -> dict[str, Place]:
    """Return the place of each id in its stack: its slice of a volume, or the last number of the id.

    Raises:
        DataError: An id has no number.
    """
    places: dict[str, Place] = {}
    lost = []
    for pair in pairs:
        base, number = numbered(pair.id) if pair.slice is None else (pair.columns["volume"], pair.slice.index)
        if number is None:
            lost.append(pair.id)
        else:
            places[pair.id] = (base, number)
    if lost:
        raise DataError(f"data.neighbours: {len(lost)} ids have no number: {listed(lost)}; set data.neighbours: 0")
    return places


def with_neighbours(samples: Samples, place_of: Mapping[str, Place], reach: int) -> Samples:
    """Return the samples with `reach` slices before and behind each as channels.

    Shapes: images (N, 1, H, W) -> (N, 2 * reach + 1, H, W). Where a neighbour is not among the samples, the next one on
    the way to the slice itself stands in for it. So the parts of a split never see each other's images.
    """
    index_of = {place_of[name]: index for index, name in enumerate(samples.ids)}
    channels = []
    for offset in range(-reach, reach + 1):
        steps = range(offset, 0, -1 if offset > 0 else 1)
        rows = []
        for index, name in enumerate(samples.ids):
            base, number = place_of[name]
            near = (index_of[base, number + step] for step in steps if (base, number + step) in index_of)
            rows.append(next(near, index))
        channels.append(samples.images[torch.tensor(rows)])
    return replace(samples, images=torch.cat(channels, 1))
