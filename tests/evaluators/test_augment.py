import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evaluators.augment import move, normalise, recolour

SEVERAL = 64  # images: enough for every flip and turn to occur under any seed


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def coordinates(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images and masks in which every pixel has its own value, the same in both."""
    masks = torch.arange(height * width, dtype=torch.uint8).view(1, height, width).repeat(SEVERAL, 1, 1)
    return masks.unsqueeze(1).repeat(1, 3, 1, 1), masks


@given(st.integers(0, 1000), st.booleans(), st.booleans(), st.sampled_from([(6, 6), (4, 7)]))
def test_image_and_mask_move_together(seed: int, flips: bool, turns: bool, size: tuple[int, int]) -> None:
    images, masks = move(*coordinates(*size), seeded(seed), flips=flips, quarter_turns=turns)
    for channel in range(3):
        assert torch.equal(images[:, channel], masks)


def orientations(flips: bool, quarter_turns: bool, size: tuple[int, int]) -> set[tuple[int, ...]]:
    _, masks = move(*coordinates(*size), seeded(0), flips=flips, quarter_turns=quarter_turns)
    return {tuple(mask.flatten().tolist()) for mask in masks}


def exact(*orientations: torch.Tensor) -> set[tuple[int, ...]]:
    return {tuple(mask.flatten().tolist()) for mask in orientations}


def test_flips_are_exactly_the_four() -> None:
    mask = torch.arange(20).view(4, 5)
    assert orientations(True, False, (4, 5)) == exact(mask, mask.flip(0), mask.flip(1), mask.flip(0, 1))


def test_turns_are_exactly_the_four() -> None:
    mask = torch.arange(16).view(4, 4)
    assert orientations(False, True, (4, 4)) == exact(*(torch.rot90(mask, turns) for turns in range(4)))


def test_flips_and_turns_are_the_eight_symmetries_of_the_square() -> None:
    mask = torch.arange(16).view(4, 4)
    turned = [torch.rot90(mask, turns) for turns in range(4)]
    assert orientations(True, True, (4, 4)) == exact(*turned, *(mask.flip(0) for mask in turned))


def test_an_oblong_image_is_turned_by_halves_only() -> None:
    mask = torch.arange(20).view(4, 5)
    assert orientations(False, True, (4, 5)) == exact(mask, mask.flip(0, 1))


def test_everything_off_changes_nothing() -> None:
    images, masks = coordinates(4, 4)
    moved = move(images, masks, seeded(0), flips=False, quarter_turns=False)
    assert torch.equal(moved[0], images)
    assert torch.equal(moved[1], masks)
    assert torch.equal(recolour(images.float() / 255, seeded(0), 0.0), images.float() / 255)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_colour_stays_in_range_and_differs_between_images(channels: int) -> None:
    images = torch.rand(1, channels, 5, 6, generator=seeded(1)).repeat(4, 1, 1, 1)
    changed = recolour(images, seeded(2), 0.5)
    assert changed.shape == images.shape
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert len({round(image.sum().item(), 3) for image in changed}) == 4


def test_colour_keeps_grey_grey_and_flat_flat() -> None:
    grey = torch.rand(3, 1, 4, 4, generator=seeded(3)).repeat(1, 3, 1, 1) / 2
    changed = recolour(grey, seeded(4), 0.3)
    assert torch.allclose(changed[:, 0], changed[:, 1], atol=1e-6)
    flat = recolour(torch.full((3, 3, 4, 4), 0.25), seeded(5), 0.4)
    assert torch.allclose(flat, flat[:, :1, :1, :1].expand_as(flat), atol=1e-6)
    assert ((flat > 0.25 * 0.6 - 1e-6) & (flat < 0.25 * 1.4 + 1e-6)).all()


def test_the_generator_decides_all() -> None:
    images, masks = coordinates(6, 6)
    one, again, other = (move(images, masks, seeded(seed), flips=True, quarter_turns=True)[0] for seed in (7, 7, 8))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    unit = images.float() / 255
    assert torch.equal(recolour(unit, seeded(7), 0.3), recolour(unit, seeded(7), 0.3))


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_normalise_scales_bytes_and_unit_floats_alike(channels: int) -> None:
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).view(3, 1, 1, 1).repeat(1, channels, 2, 2)
    expected = torch.tensor([-2.0, -1.2, 2.0]).view(3, 1, 1, 1).expand(3, channels, 2, 2)
    assert torch.allclose(normalise(images), expected)
    assert torch.equal(normalise(images.float() / 255), normalise(images))


def test_float_images_move_like_their_eight_bit_twins_and_masks_stay_whole() -> None:
    images = torch.randint(256, (6, 1, 5, 5), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    masks = torch.tensor([0, 1, 2, 255, 3, 4]).to(torch.uint8).view(6, 1, 1).expand(6, 5, 5)
    moved = [
        move(some, masks, torch.Generator().manual_seed(1), flips=True, quarter_turns=True)
        for some in (images, images.float())
    ]
    assert torch.equal(moved[0][0].float(), moved[1][0])
    assert torch.equal(moved[0][1], moved[1][1]) and moved[1][1].dtype == torch.uint8
