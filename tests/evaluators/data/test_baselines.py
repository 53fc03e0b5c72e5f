import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evaluators.data import DataError, all_foreground_dice, mean_mask_dice, scenes
from evaluators.dice import dice_per_image


def masks(*rows):
    """Masks of one row of pixels each, written as digits: (N, 1, W)."""
    return torch.tensor([[[int(digit) for digit in row]] for row in rows], dtype=torch.uint8)


def test_all_foreground_is_worked_out_by_hand():
    # Shares 1/4 and 1: Dice 2 * 1 / (4 + 1) and 1. A mask without foreground: 0.
    assert all_foreground_dice(masks("1000", "1111")) == pytest.approx((0.4 + 1) / 2)
    assert all_foreground_dice(masks("0000")) == 0


@given(st.integers(1, 5), st.integers(1, 6), st.randoms(use_true_random=False))
def test_all_foreground_follows_from_the_shares(n, width, rng):
    drawn = torch.tensor([[[rng.randrange(2) for _ in range(width)]] for _ in range(n)], dtype=torch.uint8)
    share = drawn.double().mean((1, 2))
    assert all_foreground_dice(drawn) == pytest.approx((2 * share / (1 + share)).mean().item())


def test_the_mean_mask_is_cut_where_it_suits_the_training_masks():
    train = masks("1100", "1100", "1000")
    # Means 1, 2/3, 0, 0. "1100" gives (1 + 1 + 2/3) / 3, "1000" (2/3 + 2/3 + 1) / 3: the first is taken.
    assert mean_mask_dice(train, train) == pytest.approx((1 + 1 + 2 / 3) / 3)
    # And kept for other masks, where the second would have been perfect.
    assert mean_mask_dice(train, masks("1000")) == pytest.approx(2 / 3)


def test_mostly_empty_training_masks_predict_nothing():
    train = masks("0000", "0000", "0100")
    assert mean_mask_dice(train, masks("0000", "1111")) == 0.5


@given(st.integers(1, 6), st.randoms(use_true_random=False))
def test_no_level_of_the_mean_mask_is_better_on_the_training_masks(n, rng):
    train = torch.tensor([[[rng.randrange(2) for _ in range(5)]] for _ in range(n)], dtype=torch.uint8)
    mean = train.double().mean(0, keepdim=True)
    levels = [-1.0, *mean.unique().tolist()]
    cuts = [dice_per_image((mean > level).expand(train.shape), train).mean().item() for level in levels[1:]]
    assert mean_mask_dice(train, train) == pytest.approx(
        max(cuts + [all_foreground_dice(train)] * bool(mean.min() > 0))
    )


def test_knowing_the_usual_place_beats_all_foreground_on_large_masks():
    drawn = scenes(60, 128, seed=2).masks
    assert mean_mask_dice(drawn[:40], drawn[40:]) > all_foreground_dice(drawn[40:])


def test_masks_that_do_not_fit_are_refused():
    good = masks("10")
    with pytest.raises(DataError, match=re.escape("must be (N, H, W) with N >= 1, not (0, 1, 2)")):
        all_foreground_dice(good[:0])
    with pytest.raises(DataError, match=re.escape("must be (N, H, W) with N >= 1, not (1, 1, 1, 2)")):
        mean_mask_dice(good[None], good)
    with pytest.raises(DataError, match=re.escape("must have one size; got (1, 1, 2) and (1, 1, 3)")):
        mean_mask_dice(good, masks("100"))


def test_of_several_classes_a_pixel_gets_the_most_frequent_and_the_best_one_fills_an_image():
    train, some = masks("1120", "1220", "0220"), masks("1120", "0020")
    # The mean mask predicts 1220 or less; on the training masks 1220 is best: Dice (2/3 + 2/3)/2, 1, (0 + 1)/2.
    expected = ((2 / 3 + 2 / 3) / 2 + (0 + 2 / 3) / 2) / 2
    assert mean_mask_dice(train, some, 3) == pytest.approx(expected)
    # All 1: Dice (2*2/6 + 0)/2 and 0. All 2: (0 + 2/5)/2 and 2/5.
    assert all_foreground_dice(some, 3) == pytest.approx(max(1 / 3 / 2, (0.2 + 0.4) / 2))
