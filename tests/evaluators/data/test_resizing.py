"""Images at a network's size and predictions back at the image's own."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evaluators.data import Form, Layout, Pair, load, resize_image, resize_labels, resize_mask, scenes, to_original
from evaluators.data.resizing import fit_image, fit_labels, inner_size
from evaluators.dice import dice_per_image
from nas.errors import ShapeError

sides = st.integers(1, 40)


def blob(height, width):
    """A disc in the middle and a square in the upper left corner: classes 1 and 2."""
    rows, columns = np.mgrid[:height, :width]
    labels = (np.hypot(rows / height - 0.55, columns / width - 0.55) < 0.3).astype(np.uint8)
    labels[: height // 4, : width // 4] = 2
    return labels


@pytest.mark.parametrize("fit", ["squeeze", "pad"])
@pytest.mark.parametrize("shape", [(90, 160), (160, 90), (100, 100), (301, 77)])
def test_a_prediction_comes_back_at_the_image_s_own_size_and_place(shape, fit):
    labels = blob(*shape)
    at_size = torch.from_numpy(fit_labels(labels, 96, fit).astype(np.int64))
    scores = torch.nn.functional.one_hot(at_size % 255, 3).permute(2, 0, 1)[None]
    back = to_original(scores, *shape, fit).argmax(1)
    assert back.shape == (1, *shape)
    for label in (1, 2):
        dice = dice_per_image((back == label).to(torch.uint8), torch.from_numpy(labels == label)[None].to(torch.uint8))
        assert dice.item() > 0.93, label


@given(sides, sides, st.integers(1, 50))
def test_padding_keeps_the_aspect_and_is_ignored(height, width, size):
    rows, columns = inner_size(height, width, size, "pad")
    assert max(rows, columns) == size
    scale = size / max(height, width)
    assert abs(rows - max(1, height * scale)) <= 0.5 and abs(columns - max(1, width * scale)) <= 0.5
    image = fit_image(np.full((height, width, 3), 200, np.uint8), size, "pad")
    labels = fit_labels(np.ones((height, width), np.uint8), size, "pad")
    assert (image[:rows, :columns] == 200).all() and image.sum() == 600 * rows * columns
    assert (labels[:rows, :columns] == 1).all() and (labels == 255).sum() == size * size - rows * columns


def test_an_image_of_the_network_s_longer_side_is_padded_and_cut_to_the_pixel():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 32, 3), dtype=np.uint8)
    padded = fit_image(pixels, 32, "pad")
    scores = torch.from_numpy(padded).permute(2, 0, 1)[None]
    assert np.array_equal(to_original(scores, 20, 32, "pad")[0].permute(1, 2, 0).numpy(), pixels)


def test_scores_of_another_form_are_refused():
    with pytest.raises(ShapeError, match=r"must be \(N, K, S, S\), got \(1, 2, 3, 4\)"):
        to_original(torch.zeros(1, 2, 3, 4), 5, 5, "pad")


@given(sides, sides, sides, sides, st.randoms(use_true_random=False))
def test_two_classes_are_resized_as_a_binary_mask(height, width, rows, columns, rng):
    mask = np.array([[rng.random() < 0.5 for _ in range(width)] for _ in range(height)])
    assert np.array_equal(resize_labels(mask.astype(np.uint8), (rows, columns)), resize_mask(mask, (rows, columns)))


def test_the_class_that_covers_most_wins_and_ties_go_to_the_greater():
    labels = np.array([[0, 1, 2, 2], [0, 1, 2, 1], [3, 3, 255, 255], [0, 1, 2, 255]], np.uint8)
    assert resize_labels(labels, 2).tolist() == [[1, 2], [3, 255]]
    assert resize_labels(labels, (4, 4)).tolist() == labels.tolist()
    assert (resize_labels(np.full((3, 5), 255, np.uint8), 4) == 255).all()


@given(sides, sides, st.randoms(use_true_random=False))
def test_resizing_makes_no_new_classes(height, width, rng):
    labels = np.array([[rng.choice((0, 1, 2, 5, 255)) for _ in range(width)] for _ in range(height)], np.uint8)
    assert set(np.unique(resize_labels(labels, 7))) <= set(np.unique(labels))


def test_padding_is_asked_for_by_the_form(tmp_path):
    from PIL import Image

    drawn = scenes(1, 32, 0)
    Image.fromarray(drawn.images[0].permute(1, 2, 0).numpy()[:16]).save(tmp_path / "a.png")
    Image.fromarray(drawn.masks[0].numpy()[:16] * 255).save(tmp_path / "b.png")
    pair = Pair("a", tmp_path / "a.png", (tmp_path / "b.png",))
    padded = load([pair], 32, form=Form(fit="pad"))
    assert torch.equal(padded.images[0, :, :16], drawn.images[0, :, :16]) and not padded.images[0, :, 16:].any()
    assert torch.equal(padded.masks[0, :16], drawn.masks[0, :16]) and (padded.masks[0, 16:] == 255).all()
    assert Layout(tmp_path).kind == "pairs"


@pytest.mark.parametrize("size", [7, 24, (9, 60)])
@pytest.mark.parametrize("channels", [1, 3])
def test_float_images_are_resized_like_their_eight_bit_twins(size, channels):
    pixels = np.random.default_rng(0).integers(0, 256, (24, 31, channels), dtype=np.uint8)
    twin = resize_image((pixels / 255).astype(np.float32), size)
    assert twin.dtype == np.float32
    assert np.abs(twin * 255 - resize_image(pixels, size)).max() <= 1.01  # rounding, twice
