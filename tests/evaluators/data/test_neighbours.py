"""Neighbouring slices as channels."""

import re
from pathlib import Path

import pytest
import torch

from evaluators.data import DataError, Pair, Samples, places_of, with_neighbours
from evaluators.data.volumes import Slice


def slices(*names):
    """Images of one pixel that hold their place in the list, 10, 20, ...; 8 bits, or float."""
    count = len(names)
    images = torch.arange(10, 10 * count + 1, 10, dtype=torch.uint8).view(count, 1, 1, 1)
    return Samples(images, torch.zeros(count, 1, 1, dtype=torch.uint8), names, names)


def pairs(*names):
    return [Pair(name, Path("a"), (Path("b"),)) for name in names]


def channels(*names, reach):
    stacked = with_neighbours(slices(*names), places_of(pairs(*names)), reach)
    assert stacked.ids == names and stacked.images.dtype == torch.uint8
    return stacked.images.flatten(1).tolist()


def test_each_slice_lies_between_its_neighbours_whatever_the_order():
    assert channels("s2", "s0", "s1", reach=1) == [[30, 10, 10], [20, 20, 30], [20, 30, 10]]


def test_a_missing_neighbour_is_replaced_by_the_next_on_the_way():
    # s3 is missing: s2 has itself behind it, s4 itself before it; two away the nearer one stands in.
    assert channels("s0", "s1", "s2", "s4", reach=2) == [
        [10, 10, 10, 20, 30],
        [10, 10, 20, 30, 30],
        [10, 20, 30, 30, 40],
        [30, 40, 40, 40, 40],
    ]


def test_other_stacks_are_no_neighbours():
    assert channels("a1", "b2", "b3", reach=1) == [[10, 10, 10], [20, 20, 30], [20, 30, 30]]


def test_slices_of_volumes_have_their_own_numbers():
    volumes = [
        Pair(f"{name}-{index:04d}", Path("a"), (Path("b"),), Slice(2, index), {"volume": name})
        for name in ("p1", "p2")
        for index in (0, 1)
    ]
    assert places_of(volumes)["p2-0001"] == ("p2", 1)


def test_ids_without_a_number_are_named():
    with pytest.raises(
        DataError, match=re.escape("data.neighbours: 2 ids have no number: a, b; set data.neighbours: 0")
    ):
        places_of(pairs("a", "b", "c1"))
