import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evaluators.dice import dice_of_classes, dice_per_image
from nas.errors import ShapeError

masks = st.lists(st.booleans(), min_size=12, max_size=12).map(lambda bits: torch.tensor(bits).view(1, 3, 4))


@given(masks, masks)
def test_symmetric_and_bounded(one: torch.Tensor, other: torch.Tensor) -> None:
    dice = dice_per_image(one, other)
    assert dice.shape == (1,)
    assert 0 <= dice.item() <= 1
    assert dice.item() == dice_per_image(other, one).item()


@given(masks, masks)
def test_equals_the_definition_on_sets(one: torch.Tensor, other: torch.Tensor) -> None:
    a = {tuple(pixel) for pixel in one.nonzero().tolist()}
    b = {tuple(pixel) for pixel in other.nonzero().tolist()}
    expected = 2 * len(a & b) / (len(a) + len(b)) if a or b else 1.0
    assert dice_per_image(one, other).item() == expected


def test_conventions_for_empty_masks() -> None:
    empty, full = torch.zeros(1, 4, 4, dtype=torch.bool), torch.ones(1, 4, 4, dtype=torch.bool)
    assert dice_per_image(empty, empty).item() == 1
    assert dice_per_image(empty, full).item() == 0
    assert dice_per_image(full, empty).item() == 0
    assert dice_per_image(full, full).item() == 1


def test_each_image_has_its_own() -> None:
    prediction = torch.tensor([[[1, 1, 0, 0]], [[0, 0, 0, 0]], [[1, 0, 0, 0]]])
    target = torch.tensor([[[1, 0, 0, 0]], [[0, 0, 0, 0]], [[0, 0, 0, 1]]])
    assert dice_per_image(prediction, target).tolist() == [2 / 3, 1.0, 0.0]


def test_types_of_masks_do_not_matter() -> None:
    prediction, target = torch.rand(2, 5, 6, generator=torch.Generator().manual_seed(0)) > 0.5, torch.ones(2, 5, 6) == 1
    expected = dice_per_image(prediction, target)
    for dtype in (torch.uint8, torch.int64, torch.float32):
        assert torch.equal(dice_per_image(prediction.to(dtype), target.to(dtype)), expected)


def test_ignored_pixels_count_nowhere() -> None:
    target = torch.tensor([[[1, 0, 255, 255]]], dtype=torch.uint8)
    right, wrong = torch.tensor([[[1, 0, 1, 0]]]), torch.tensor([[[0, 0, 1, 1]]])
    assert dice_per_image(right, target).item() == 1
    assert dice_per_image(wrong, target).item() == 0


def test_different_shapes_are_an_error() -> None:
    with pytest.raises(ShapeError, match=r"\(1, 2, 2\) and \(1, 3, 3\)"):
        dice_per_image(torch.zeros(1, 2, 2), torch.zeros(1, 3, 3))


def test_the_mean_over_classes_leaves_out_what_is_neither_there_nor_predicted():
    target = torch.tensor(
        [[0, 1, 1, 2, 2, 255], [0, 0, 1, 1, 255, 255], [0] * 6, [0, 0, 0, 0, 0, 3]], dtype=torch.uint8
    )
    prediction = torch.tensor([[0, 1, 0, 2, 2, 3], [0, 0, 1, 1, 3, 1], [0] * 6, [2, 0, 0, 0, 0, 3]])
    dice = dice_of_classes(prediction, target, 4)
    # First: class 1 has 2/3, class 2 has 1, class 3 only where it is ignored. Last: class 2 is wrongly predicted.
    assert dice.tolist() == pytest.approx([(2 / 3 + 1) / 2, 1, 1, 0.5])


@given(st.lists(st.lists(st.sampled_from([0, 1, 255]), min_size=6, max_size=6), min_size=1, max_size=4), st.randoms())
def test_for_two_classes_the_mean_over_classes_is_the_dice(target, rng):
    truth = torch.tensor(target, dtype=torch.uint8)
    prediction = torch.tensor([[rng.randint(0, 1) for _ in row] for row in target])
    assert torch.equal(dice_of_classes(prediction, truth, 2), dice_per_image(prediction, truth))
