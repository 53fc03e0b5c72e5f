"""Masks of several classes: codes, palettes, colours, pixels to ignore; and what no class has as its code."""

import re

import numpy as np
import pytest
from PIL import Image

from evaluators.data import DataError, Form, read_labels

LABELS = np.array([[0, 0, 1], [2, 2, 255]], np.uint8)  # as `read_labels` is to give them
THREE = ("background", "disc", "cup")
COLOURS = {"background": "#000000", "disc": "#ff0000", "cup": "#00ff7f"}


def coded(codes, dtype=np.uint8):
    """LABELS with other values for 0, 1, 2 and 255."""
    pixels = np.zeros((*LABELS.shape, *np.shape(codes[0])), dtype)
    for label, code in zip((0, 1, 2, 255), codes, strict=True):
        pixels[label == LABELS] = code
    return pixels


def written(path, pixels):
    Image.fromarray(pixels).save(path)
    return path


IN_COLOUR = coded([(0, 0, 0), (255, 0, 0), (0, 255, 127), (255, 255, 255)])


@pytest.mark.parametrize(
    ("pixels", "form"),
    [
        (LABELS, Form(THREE, ignore=255)),
        (coded([255, 128, 0, 7]), Form(THREE, {"background": 255, "disc": 128, "cup": 0}, ignore=7)),
        (coded([0, 1000, 2000, 65535], np.uint16), Form(THREE, {"background": 0, "disc": 1000, "cup": 2000}, 65535)),
        (IN_COLOUR, Form(THREE, COLOURS, ignore="#ffffff")),
        (np.dstack([IN_COLOUR, np.full(LABELS.shape, 255, np.uint8)]), Form(THREE, COLOURS, ignore="#ffffff")),
        (np.dstack([LABELS] * 3), Form(THREE, ignore=255)),
    ],
    ids=["indexes", "grey codes", "16-bit codes", "colours", "opaque colours", "grey RGB"],
)
def test_every_coding_gives_class_indexes(tmp_path, pixels, form):
    assert np.array_equal(read_labels(written(tmp_path / "a.png", pixels), form), LABELS)


def test_palette_masks_are_read_by_index_or_by_colour(tmp_path):
    image = Image.fromarray(np.where(LABELS == 255, 3, LABELS).astype(np.uint8)).copy()
    image = image.convert("P")
    image.putdata(np.where(LABELS == 255, 3, LABELS).ravel().tolist())
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 127, 255, 255, 255] + [0] * 756)
    image.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as stored:
        assert stored.mode == "P"
    for form in (Form(THREE, ignore=3), Form(THREE, COLOURS, ignore="#ffffff")):
        assert np.array_equal(read_labels(tmp_path / "a.png", form), LABELS)


@pytest.mark.parametrize("foreground", [1, 255])
def test_two_classes_may_have_pixels_to_ignore_and_be_inverted(tmp_path, foreground):
    ignored = 128
    pixels = np.array([[0, foreground, ignored]], np.uint8)
    path = written(tmp_path / "a.png", pixels)
    assert read_labels(path, Form(ignore=ignored)).tolist() == [[0, 1, 255]]
    assert read_labels(path, Form(ignore=ignored, invert=True)).tolist() == [[1, 0, 255]]
    assert read_labels(written(path, pixels[:, :2]), Form(invert=True)).tolist() == [[1, 0]]


def test_a_code_may_be_255_and_ignored_in_a_mask_of_0_and_1(tmp_path):
    assert read_labels(written(tmp_path / "a.png", np.array([[0, 1, 255]], np.uint8)), Form(ignore=255)).tolist() == [
        [0, 1, 255]
    ]


HALF_CLEAR = np.dstack([IN_COLOUR, np.full(LABELS.shape, 128, np.uint8)])
REFUSED = {
    "an index too many": ("a.png", LABELS, Form(THREE), "unknown labels 255 in 16.7% of the pixels; known: 0, 1, 2;"),
    "an unknown colour": ("a.png", IN_COLOUR, Form(THREE, COLOURS), "unknown labels #ffffff in 16.7%"),
    "colours without codes": ("a.png", IN_COLOUR, Form(THREE), "are coloured or transparent; state each class's"),
    "transparent colours": ("a.png", HALF_CLEAR, Form(THREE, COLOURS), "must not be transparent"),
    "JPEG": ("a.jpg", LABELS, Form(THREE), "JPEG changes the values that stand for classes; save the mask as PNG"),
    "three values of two": ("a.png", LABELS, Form(), "unknown mask values (4 in mode L: 0, 1, 2, 255)"),
}


@pytest.mark.parametrize(("name", "pixels", "form", "message"), REFUSED.values(), ids=REFUSED)
def test_what_no_class_has_as_its_code_is_refused(tmp_path, name, pixels, form, message):
    path = written(tmp_path / name, pixels)
    with pytest.raises(DataError, match=re.escape(f"{path}: ") + ".*" + re.escape(message)) as raised:
        read_labels(path, form)
    assert raised.value.kind == "unknown labels"
