"""Groups, and splits that keep them together or are given."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.data import DataError, Pair, Split, groups_of, read_list, split_as_given, split_by_group, split_by_hash
from evaluators.data.volumes import Slice

PARTS = ("train", "validation", "test")


def pairs(*ids, **columns):
    return [
        Pair(name, Path("a"), (Path("b"),), columns={key: cells[index] for key, cells in columns.items()})
        for index, name in enumerate(ids)
    ]


def sides(split, count):
    return [next(part for part in PARTS if index in getattr(split, part)) for index in range(count)]


def test_a_pattern_or_a_column_names_the_group():
    named = pairs("p1_a", "p1_b", "p2_a", patient=["x", "y", "y"])
    assert groups_of(named, "^(p[0-9]+)_", None) == ("p1", "p1", "p2")
    assert groups_of(named, "patient", None) == ("x", "y", "y")
    assert groups_of(named, None, None) is None


def test_blocks_are_of_consecutive_numbers_within_a_group():
    assert groups_of(pairs("s0", "s3", "s4", "s11", "t0"), None, 4) == ("s#0", "s#0", "s#1", "s#2", "t#0")
    assert groups_of(pairs("p1_s7", "p2_s7"), "^(p[0-9]+)_", 4) == ("p1#1", "p2#1")
    assert groups_of(pairs("7_left", "8_left", "7_right"), None, 8) == ("_left#0", "_left#1", "_right#0")


def test_slices_are_grouped_by_volume_and_blocks_within_it():
    some = pairs("v-0003", "v-0004", "w-0004", volume=["v", "v", "w"])
    slices = [replace(pair, slice=Slice(2, int(pair.id[-4:]))) for pair in some]
    assert groups_of(slices, None, None) == ("v", "v", "w")
    assert groups_of(slices, None, 4) == ("v#0", "v#1", "w#1")


@pytest.mark.parametrize(
    ("group", "block", "message"),
    [
        ("^q(.)", None, "data.group: '^q(.)' does not match 2 ids: a, b; widen it"),
        ("patient", None, "data.group: no column 'patient'; the pairs have ward"),
        ("ward", None, "data.group: 1 rows have an empty ward: b; fill them in"),
        (None, 3, "data.block: 2 ids have no number: a, b; leave out data.block"),
    ],
)
def test_ids_without_a_group_are_named(group, block, message):
    with pytest.raises(DataError, match=re.escape(message)):
        groups_of(pairs("a", "b", ward=["x", ""]), group, block)


@given(st.lists(st.integers(0, 30), min_size=150, max_size=150), st.integers(0, 99))
def test_no_group_lies_on_two_sides(numbers, seed):
    groups, hashes = [f"g{n}" for n in numbers], [f"h{i}" for i in range(150)]
    try:
        split = split_by_group(groups, hashes, validation=0.3, test=0.2, seed=seed)
    except DataError:
        return  # few groups may leave a part empty
    side = sides(split, 150)
    assert len({(group, part) for group, part in zip(groups, side, strict=True)}) == len(set(groups))


def test_groups_that_share_an_image_stay_together_and_others_do_not_move():
    groups, hashes = [f"g{i}" for i in range(60)], [f"h{i}" for i in range(60)]
    alone = sides(split_by_group(groups, hashes, validation=0.3, test=0.2, seed=0), 60)
    assert alone == sides(split_by_hash(groups, validation=0.3, test=0.2, seed=0), 60)
    other = next(i for i in range(1, 60) if alone[i] != alone[0])
    hashes[other] = hashes[0]
    shared = sides(split_by_group(groups, hashes, validation=0.3, test=0.2, seed=0), 60)
    assert shared[other] == shared[0]
    assert [part for i, part in enumerate(shared) if i not in (0, other)] == [
        part for i, part in enumerate(alone) if i not in (0, other)
    ]


def test_a_given_split_is_taken_as_it_is():
    split = split_as_given(("a", "b", "c"), {"c": "train", "a": "validation", "b": "test"})
    assert split == Split(train=(2,), validation=(0,), test=(1,))


@pytest.mark.parametrize(
    ("part_of", "message"),
    [
        ({"a": "train", "b": "val"}, "parts must be train, validation, test; got val"),
        ({"a": "train"}, "1 images are in no part: b"),
        ({"a": "train", "b": "test"}, "needed images in training and in validation; got 1 and 0"),
    ],
)
def test_a_given_split_must_place_every_image(part_of, message):
    with pytest.raises(DataError, match=re.escape(message)):
        split_as_given(("a", "b"), part_of)


def test_lists_hold_ids_or_file_names(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("\ufeffa\n\nb.1\n  c.jpg \n", encoding="utf-8")
    assert read_list(path, ("a", "b.1", "c")) == ["a", "b.1", "c"]
    with pytest.raises(DataError, match=re.escape(f"{path}: 1 names have no image: c; remove them from the list")):
        read_list(path, ("a", "b.1"))
    with pytest.raises(DataError, match=r"no.txt: cannot be read as a list of images"):
        read_list(tmp_path / "no.txt", ("a",))
