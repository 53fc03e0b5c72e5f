import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evaluators.data import DataError, Samples, content_hash
from nas.errors import NasError


def samples(n=3, **changed):
    fields = {
        "images": torch.arange(n, dtype=torch.uint8)[:, None, None, None].expand(n, 3, 4, 5),
        "masks": torch.arange(n, dtype=torch.uint8)[:, None, None].expand(n, 4, 5),
        "ids": tuple(f"id{i}" for i in range(n)),
        "hashes": tuple(f"hash{i}" for i in range(n)),
    }
    return Samples(**(fields | changed))


@given(st.permutations(range(5)).flatmap(lambda order: st.integers(0, 5).map(lambda n: order[:n])))
def test_select_takes_images_masks_ids_and_hashes_together(indices):
    chosen = samples(5).select(indices)
    assert len(chosen) == len(indices)
    assert chosen.images[:, 0, 0, 0].tolist() == chosen.masks[:, 0, 0].tolist() == list(indices)
    assert chosen.ids == tuple(f"id{i}" for i in indices)
    assert chosen.hashes == tuple(f"hash{i}" for i in indices)


def test_data_error_is_a_fault_that_the_command_line_reports():
    assert issubclass(DataError, NasError)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"images": torch.zeros(3, 3, 4, 5).double()},
            "images must be uint8 or float32 (N, C, H, W), not torch.float64 (3, 3, 4, 5)",
        ),
        (
            {"masks": torch.zeros(3, 1, 4, 5, dtype=torch.uint8)},
            "masks must be uint8 (N, H, W), not torch.uint8 (3, 1,",
        ),
        ({"masks": torch.zeros(3, 5, 4, dtype=torch.uint8)}, "images (3, 3, 4, 5) and masks (3, 5, 4) must agree"),
        ({"masks": torch.zeros(2, 4, 5, dtype=torch.uint8)}, "images (3, 3, 4, 5) and masks (2, 4, 5) must agree"),
        ({"ids": ("a", "b")}, "ids must have one entry for each of 3 images, not 2"),
        ({"hashes": ()}, "hashes must have one entry for each of 3 images, not 0"),
        ({"ids": ("a", "b", "a")}, "ids must differ; more than once: a"),
    ],
)
def test_fields_that_do_not_fit_are_refused(changed, message):
    with pytest.raises(DataError, match=re.escape(message)):
        samples(**changed)


def test_select_refuses_indexes_outside_and_twice():
    with pytest.raises(DataError, match=re.escape("index must be in 0..2, not 3")):
        samples().select([0, 3])
    with pytest.raises(DataError, match=re.escape("index must be in 0..2, not -1")):
        samples().select([-1])
    with pytest.raises(DataError, match="more than once: id1"):
        samples().select([1, 1])


def test_content_hash_is_of_the_pixels_in_their_places():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert content_hash(pixels) == content_hash(np.asfortranarray(pixels))
    others = [pixels.reshape(4, 2, 3), pixels[::-1], pixels + 1]
    assert len({content_hash(pixels), *map(content_hash, others)}) == 4
    assert re.fullmatch("[0-9a-f]{64}", content_hash(pixels))
