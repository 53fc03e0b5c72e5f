import json
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evaluators.data import DataError, Split, split_by_hash

PARTS = ("train", "validation", "test")
HASHES = tuple(f"{i:064x}" for i in range(200))
IDS = tuple(f"case{i}" for i in range(200))
shares = st.floats(0, 0.45)


def placed(hashes, **options):
    """Part of each hash: {hash: part}."""
    split = split_by_hash(hashes, **options)
    return {hashes[index]: part for part in PARTS for index in getattr(split, part)}


@given(st.integers(), st.floats(0.1, 0.45), shares)
def test_every_image_is_in_one_part(seed, validation, test):
    split = split_by_hash(HASHES, validation=validation, test=test, seed=seed)
    assert sorted(split.train + split.validation + split.test) == list(range(200))
    for part in PARTS:
        assert list(getattr(split, part)) == sorted(getattr(split, part))


@given(st.integers(), st.permutations(range(200)), st.integers(100, 200))
def test_other_images_and_their_order_move_none(seed, order, kept):
    everything = placed(HASHES, validation=0.3, test=0.2, seed=seed)
    some = [HASHES[index] for index in order[:kept]]
    assert placed(some, validation=0.3, test=0.2, seed=seed) == {name: everything[name] for name in some}


def test_identical_images_land_on_the_same_side():
    split = split_by_hash(HASHES + HASHES, validation=0.3, test=0.2, seed=5)
    for part in PARTS:
        assert {index % 200 for index in getattr(split, part)} == {i for i in getattr(split, part) if i < 200}


@given(st.integers(), st.floats(0.1, 0.4), st.floats(0.1, 0.4), st.floats(0, 0.4))
def test_one_share_moves_images_between_its_part_and_training_only(seed, validation, other, test):
    before = placed(HASHES, validation=validation, test=test, seed=seed)
    after = placed(HASHES, validation=other, test=test, seed=seed)
    assert {name for name in HASHES if before[name] == "test"} == {name for name in HASHES if after[name] == "test"}
    assume(other >= validation)
    assert all(after[name] == "validation" for name in HASHES if before[name] == "validation")


def test_parts_have_about_their_shares_and_seeds_differ():
    many = [f"{i:064x}" for i in range(20_000)]
    split = split_by_hash(many, validation=0.2, test=0.1, seed=0)
    assert len(split.validation) == pytest.approx(4000, abs=250) and len(split.test) == pytest.approx(2000, abs=200)
    both = set(split.validation) & set(split_by_hash(many, validation=0.2, test=0.1, seed=1).validation)
    assert len(both) == pytest.approx(800, abs=120)


def test_the_places_are_those_of_earlier_versions():
    """A stored study is resumed with the same split: the formula may not change."""
    split = split_by_hash(HASHES[:12], validation=0.3, test=0.2, seed=0)
    assert split == Split(train=(0, 1, 2, 4, 5, 6, 7, 8), validation=(3, 9), test=(10, 11))


@pytest.mark.parametrize(
    ("validation", "test"),
    [(-0.1, 0), (1, 0), (0.2, -0.1), (0.2, 1), (0.5, 0.5), (float("nan"), 0), (0.2, float("nan"))],
)
def test_impossible_shares_are_refused(validation, test):
    message = f"needed validation and test in [0, 1) with a sum below 1; got {validation=}, {test=}"
    with pytest.raises(DataError, match=re.escape(message)):
        split_by_hash(HASHES, validation=validation, test=test, seed=0)


@pytest.mark.parametrize(
    ("hashes", "validation", "message"),
    [
        ((), 0.2, "none of 0 images (0 different) fell to train with validation=0.2, test=0, seed=0; add images"),
        (HASHES[:2], 0, "none of 2 images (2 different) fell to validation with validation=0"),
        (HASHES[:1] * 9, 0.5, "none of 9 images (1 different) fell to"),
    ],
)
def test_an_empty_part_is_refused_with_the_number_of_images(hashes, validation, message):
    with pytest.raises(DataError, match=re.escape(message)):
        split_by_hash(hashes, validation=validation, test=0, seed=0)


@given(st.integers(), st.permutations(range(200)))
def test_a_stored_split_is_read_back_in_any_order(seed, order):
    split = split_by_hash(HASHES, validation=0.3, test=0.2, seed=seed)
    text = split.to_json(IDS, HASHES)
    assert Split.from_json(text, IDS, HASHES) == split
    ids, hashes = [IDS[i] for i in order], [HASHES[i] for i in order]
    again = Split.from_json(text, ids, hashes)
    for part in PARTS:
        assert {ids[i] for i in getattr(again, part)} == {IDS[i] for i in getattr(split, part)}


def test_the_stored_form_names_part_and_hash():
    stored = json.loads(Split((0,), (2,), (1,)).to_json(("a", "b", "c"), ("x", "y", "z")))
    assert stored == {"a": ["train", "x"], "b": ["test", "y"], "c": ["validation", "z"]}


@pytest.mark.parametrize(
    ("ids", "hashes", "message"),
    [
        (("a", "b", "c", "d"), ("x", "y", "z", "w"), "1 added: d; restore them or start a new study"),
        (("a", "c"), ("x", "z"), "made for: 1 removed: b;"),
        (("a", "b", "c"), ("x", "Y", "Z"), "made for: 2 changed: b, c;"),
        (("a", "b", "d"), ("w", "y", "v"), "made for: 1 added: d; 1 removed: c; 1 changed: a;"),
        (("a", "b"), ("x",), "needed a hash for each id; got 2 ids and 1 hashes"),
        (("a", "b", "b"), ("x", "y", "z"), "ids must differ; more than once: b"),
    ],
)
def test_other_images_than_stored_are_named(ids, hashes, message):
    text = Split((0,), (2,), (1,)).to_json(("a", "b", "c"), ("x", "y", "z"))
    with pytest.raises(DataError, match=re.escape(message)):
        Split.from_json(text, ids, hashes)


def test_of_many_differences_twenty_are_named():
    text = split_by_hash(HASHES, validation=0.3, test=0, seed=0).to_json(IDS, HASHES)
    with pytest.raises(DataError, match=r"199 removed: (case\d+, ){19}case\d+ and 179 more;"):
        Split.from_json(text, IDS[:1], HASHES[:1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "got no JSON ("),
        ("[]", "got a list; restore the file"),
        ('{"a": ["train"]}', "got ['train'] for 'a'"),
        ('{"a": ["dev", "x"]}', "got ['dev', 'x'] for 'a'"),
        ('{"a": ["train", 3]}', "got ['train', 3] for 'a'"),
        ('{"a": "train"}', "got 'train' for 'a'"),
    ],
)
def test_damaged_text_is_refused(text, message):
    with pytest.raises(DataError, match=re.escape("needed what Split.to_json writes, {id: [part, hash]}; " + message)):
        Split.from_json(text, ("a",), ("x",))


@pytest.mark.parametrize("split", [Split((0,), (1,), ()), Split((0, 1), (1,), (2,)), Split((0,), (1,), (3,))])
def test_a_split_of_other_images_is_not_written(split):
    with pytest.raises(DataError, match="but there are 3 images; use the split's own images"):
        split.to_json(("a", "b", "c"), ("x", "y", "z"))
