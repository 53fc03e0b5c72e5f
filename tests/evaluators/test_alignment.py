"""Image and mask stay aligned: the image holds its own mask, and must hold it still after every augmentation.

A mask that is a slope of rows, or of columns, has a class for each of them, and the image's channels are the same
slopes as numbers; a bilinear slope is exact, a nearest one is off by half a pixel at most, each time (and the
second time, after a turn and a shrinking, by half a diagonal of what was more than a pixel).
"""

from collections.abc import Callable
from dataclasses import fields, replace

import pytest
import torch

from evaluators import augment
from evaluators.augment import augmented, rescale, warp
from evaluators.dice import IGNORE
from evaluators.recipe import Recipe

SEVERAL = 24  # images: enough for every flip and turn to occur
OFF = Recipe(flips=False, quarter_turns=False, colour=0.0)
MOVES: dict[str, dict[str, object]] = {
    "flips": {"flips": True},
    "quarter_turns": {"quarter_turns": True},
    "rotation": {"rotation": 40.0},
    "zoom": {"zoom": (0.6, 1.7)},
    "scales": {"scales": (0.75, 1.0, 1.25)},
    "all": {
        "flips": True,
        "quarter_turns": True,
        "rotation": 25.0,
        "zoom": (0.8, 1.4),
        "scales": (0.75, 1.25),
    },
}
STAYS = {"colour", "epochs", "batch", "loss", "supervision", "optimizer", "learning_rate", "momentum", "weight_decay"}
STAYS |= {"decay_biases", "warmup", "decay", "schedule", "ema_decay", "clip_norm", "clip_value", "precision"}
STAYS |= {"channels_last", "seed"}  # settings of a recipe that leave every pixel in its place


def slopes(height: int, width: int, kind: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return images of 3 channels (row, column, all white) and masks of the row and of the column."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    white = torch.full_like(rows, 255)
    image = torch.stack((rows, columns, white)).unsqueeze(0).repeat(SEVERAL, 1, 1, 1)
    images = image.to(torch.uint8) if kind == torch.uint8 else image.float() / 255
    row, column = (slope.to(torch.uint8).repeat(SEVERAL, 1, 1) for slope in (rows, columns))
    return images, row, column


def change(
    recipe: Recipe, images: torch.Tensor, masks: torch.Tensor, scale: float, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the images on the scale 0..255 of the slopes, and the masks."""
    moved, labels = augmented(images, masks, torch.Generator().manual_seed(seed), recipe, scale)
    return (moved * augment.STD + augment.MEAN) * 255, labels


def check(recipe: Recipe, size: tuple[int, int], kind: torch.dtype, tolerance: float = 0.51) -> None:
    images, row, column = slopes(*size, kind)
    for scale in recipe.scales:
        for channel, mask in ((0, row), (1, column)):
            moved, labels = change(recipe, images, mask, scale)
            assert moved.shape[-2:] == labels.shape[-2:]
            seen = moved[:, 2] / 255  # the share of a pixel that lies in the image
            inside, outside = seen > 0.999, seen < 0.001
            assert inside.any(dim=(1, 2)).all()
            assert (labels[inside] != IGNORE).all() and (labels[outside] == IGNORE).all()
            off = (moved[:, channel] - labels)[inside].abs().max()
            assert off <= tolerance, f"scale {scale}, channel {channel}: {off:.2f} pixels apart"


@pytest.mark.parametrize("kind", [torch.uint8, torch.float32], ids=["bytes", "floats"])
@pytest.mark.parametrize("size", [(96, 96), (64, 128)], ids=["square", "oblong"])
@pytest.mark.parametrize("name", MOVES)
def test_image_and_mask_move_together(name: str, size: tuple[int, int], kind: torch.dtype) -> None:
    check(replace(OFF, **MOVES[name]), size, kind, 1.35 if name == "all" else 0.51)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(MOVES.keys() - {"scales"}))
def test_every_move_moves(name: str) -> None:
    images, row, column = slopes(96, 96, torch.uint8)
    recipe = replace(OFF, **MOVES[name])  # type: ignore[arg-type]
    moved = [change(recipe, images, mask, 1.0)[1] for mask in (row, column)]
    images_that_moved = sum(
        not all(torch.equal(new[i], old[i]) for new, old in zip(moved, (row, column), strict=True))
        for i in range(SEVERAL)
    )
    assert images_that_moved > SEVERAL / 2 - 5


def test_a_new_setting_is_told_to_this_test() -> None:
    assert {entry.name for entry in fields(Recipe)} == (MOVES.keys() - {"all"}) | STAYS


@pytest.mark.parametrize("name", ["flips", "quarter_turns", "rotation", "zoom"])
@pytest.mark.parametrize("which", ["image", "mask"])
def test_the_check_fails_if_one_moves_without_the_other(name: str, which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    part = "move" if name in ("flips", "quarter_turns") else "warp"
    right = getattr(augment, part)

    def one_stays(images: torch.Tensor, masks: torch.Tensor, *some: object, **options: object) -> object:
        moved, labels = right(images, masks, *some, **options)
        return (images, labels) if which == "image" else (moved, masks)

    monkeypatch.setattr(augment, part, one_stays)
    with pytest.raises(AssertionError):
        check(replace(OFF, **MOVES[name]), (96, 96), torch.uint8)  # type: ignore[arg-type]


def test_the_check_fails_for_a_mask_a_pixel_off(monkeypatch: pytest.MonkeyPatch) -> None:
    right: Callable[..., tuple[torch.Tensor, torch.Tensor]] = rescale

    def shifted(*some: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        images, masks = right(*some)
        return images, masks.roll(1, 1)

    monkeypatch.setattr(augment, "rescale", shifted)
    with pytest.raises(AssertionError):
        check(replace(OFF, **MOVES["scales"]), (96, 96), torch.uint8)  # type: ignore[arg-type]


def test_an_enlarged_image_is_cropped_anywhere_and_has_no_border() -> None:
    images, row, _ = slopes(96, 96, torch.float32)
    moved, labels = warp(images, row, torch.Generator().manual_seed(1), rotation=0.0, zoom=(2.0, 2.0))
    assert (labels != IGNORE).all()
    spans = [(int(mask.min()), int(mask.max())) for mask in labels]
    assert all(46 <= last - first <= 49 for first, last in spans)  # half of the rows
    assert min(first for first, _ in spans) < 15 and max(last for _, last in spans) > 80
    assert torch.allclose(moved[:, 2], torch.ones_like(moved[:, 2]), atol=0.51)


def test_a_shrunken_image_is_whole_and_lies_anywhere() -> None:
    images, row, _ = slopes(96, 96, torch.float32)
    _, labels = warp(images, row, torch.Generator().manual_seed(1), rotation=0.0, zoom=(0.5, 0.5))
    known = labels != IGNORE
    assert all(46 * 46 <= int(part.sum()) <= 50 * 50 for part in known)
    assert all(int(mask[part].max()) - int(mask[part].min()) >= 92 for mask, part in zip(labels, known, strict=True))
    tops = [int(part.any(1).int().argmax()) for part in known]
    assert min(tops) < 12 and max(tops) > 36


def test_turning_keeps_lengths_in_an_oblong_image() -> None:
    images = torch.zeros(SEVERAL, 1, 64, 128)
    masks = torch.zeros(SEVERAL, 64, 128, dtype=torch.uint8)
    rows, columns = torch.meshgrid(torch.arange(64) - 31.5, torch.arange(128) - 63.5, indexing="ij")
    masks[:, rows**2 + columns**2 < 20**2] = 1
    _, labels = warp(images, masks, torch.Generator().manual_seed(0), rotation=90.0, zoom=(1.0, 1.0))
    assert all(int((now ^ was).eq(1).sum()) < 60 for now, was in zip(labels, masks, strict=True))  # a disc stays one


def test_scales_are_rounded_to_what_networks_take() -> None:
    images, row, _ = slopes(96, 96, torch.float32)
    sizes = [rescale(images, row, scale)[1].shape[-1] for scale in (0.1, 0.75, 1.0, 1.25, 1.5)]
    assert sizes == [32, 64, 96, 128, 128]


@pytest.mark.parametrize("scale", [0.5, 1.25, 2.0])
def test_corners_stay_corners_at_every_scale(scale: float) -> None:
    images, row, _ = slopes(96, 96, torch.float32)
    moved, labels = rescale(images, row, scale)
    for first, last in ((255 * moved[:, 0, 0], 255 * moved[:, 0, -1]), (labels[:, 0], labels[:, -1])):
        assert torch.allclose(first.float(), torch.tensor(0.0)) and torch.allclose(last.float(), torch.tensor(95.0))


def test_off_draws_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    images, row, _ = slopes(8, 8, torch.float32)
    moved = warp(images, row, generator, rotation=0.0, zoom=(1.0, 1.0))
    assert moved[0] is images and moved[1] is row and torch.equal(generator.get_state(), before)
