import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.data import DataError, scenes
from evaluators.dice import dice_per_image


@pytest.fixture(scope="module")
def drawn():
    return scenes(400, 64, seed=0)


@settings(max_examples=10)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(16, 80), st.integers(0, 2**31))
def test_a_scene_depends_on_its_index_size_and_seed_only(few, more, size, seed):
    short, long = scenes(few, size, seed), scenes(few + more, size, seed)
    assert torch.equal(short.images, long.images[:few]) and torch.equal(short.masks, long.masks[:few])
    assert short.ids == long.ids[:few] and short.hashes == long.hashes[:few]
    assert short.images.shape == (few, 3, size, size) and short.masks.shape == (few, size, size)


def test_scenes_of_all_indexes_and_seeds_differ(drawn):
    assert len({*drawn.hashes, *scenes(50, 64, seed=1).hashes}) == 450
    assert not set(drawn.ids) & set(scenes(50, 64, seed=1).ids)


def test_the_size_changes_the_resolution_and_not_the_lesions():
    large, small = scenes(40, 96, seed=3).masks, scenes(40, 48, seed=3).masks
    assert dice_per_image(large[:, ::2, ::2], small).mean() > 0.9


def test_lesions_have_every_size_and_a_few_scenes_have_none(drawn):
    assert set(drawn.masks.unique().tolist()) == {0, 1}
    share = drawn.masks.double().mean((1, 2))
    seen = share[share > 0]
    assert 0.01 < (share == 0).double().mean() < 0.06
    assert (seen < 0.01).double().mean() > 0.05 and (seen > 0.3).double().mean() > 0.05
    assert seen.max() < 0.55
    assert 0.03 < seen.median() < 0.12


def test_pictures_are_reddish_varied_and_exposed(drawn):
    red, green, blue = drawn.images.double().mean((0, 2, 3))
    assert red > 1.2 * green > 1.2 * blue
    brightness = drawn.images.double().mean((1, 2, 3))
    assert brightness.min() > 20 and brightness.max() < 220 and brightness.std() > 15


def test_a_colour_threshold_finds_little(drawn):
    """Shape and surroundings have to be learnt: no level of a colour channel, above or below, reaches a useful Dice."""
    best = max(
        dice_per_image(prediction, drawn.masks).mean().item()
        for channel in drawn.images.unbind(1)
        for level in range(0, 256, 12)
        for prediction in (channel >= level, channel < level)
    )
    assert best < 0.35


def test_some_lesions_have_no_colour_of_their_own_and_some_have(drawn):
    """Mean colour of a lesion against the ring around it: in 8-bit steps, and as red over green in any light."""
    images, inside = drawn.images.float(), drawn.masks[:, None].float()
    ring = torch.nn.functional.max_pool2d(inside, 9, stride=1, padding=4) - inside
    present = inside.sum((1, 2, 3)) > 0

    def mean_colour(where):
        return ((images * where).sum((2, 3)) / where.sum((2, 3)).clamp(min=1)).clamp(min=1)[present]

    lesion, around = mean_colour(inside), mean_colour(ring)
    contrast = (lesion - around).abs().amax(1)
    redness = (lesion[:, 0] * around[:, 1] / (lesion[:, 1] * around[:, 0])).log().abs()
    assert (contrast < 10).float().mean() > 0.1 and (contrast > 40).float().mean() > 0.1
    assert (redness < 0.05).float().mean() > 0.2 and (redness > 0.2).float().mean() > 0.05


def test_no_lesion_is_marked_in_the_black_corners(drawn):
    brightest = drawn.images.float().amax(1, keepdim=True)
    black = torch.nn.functional.avg_pool2d(brightest, 3, stride=1, padding=1)[:, 0] < 6
    assert black.float().mean() > 0.01
    assert not (black & (drawn.masks == 1)).any()


@pytest.mark.parametrize(("count", "size", "seed"), [(0, 64, 0), (1, 15, 0), (1, 64, -1)])
def test_impossible_requests_are_refused(count, size, seed):
    message = f"needed count >= 1, size >= 16, seed >= 0; got {count=}, {size=}, {seed=}"
    with pytest.raises(DataError, match=re.escape(message)):
        scenes(count, size, seed)
