"""Which objects an input size loses."""

import numpy as np
import pytest
from PIL import Image

from evaluators.data import Form, check, find_pairs
from evaluators.data.examination import balance
from evaluators.data.objects import lost_at, specks


@pytest.fixture
def looks(tmp_path):
    """A picture of 100 x 200 pixels with regions of 400, 16 (by its corners), 9 and 3 pixels; one with 9 pixels."""
    masks = np.zeros((2, 100, 200), np.uint8)
    masks[0, 10:30, 10:30] = 255
    masks[0, 50:52, 50:54] = masks[0, 52:54, 54:58] = 255
    masks[:, 70:73, 70:73] = 255
    masks[0, 90, 90:93] = 255
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
        for index, mask in enumerate(masks):
            Image.fromarray(mask).save(tmp_path / part / f"{index}.png")
    return check(find_pairs(tmp_path)).looks


def test_regions_that_touch_at_a_corner_are_one_object(looks):
    assert [look.objects[0].tolist() for look in looks] == [[3, 9, 16, 400], [9]]
    assert specks(looks) == 1


@pytest.mark.parametrize(
    ("size", "fit", "lost", "emptied", "least"),
    [
        (200, "pad", 0, 0, 9.0),
        (100, "pad", 2, 1, 9 / 4),  # 9, 16 and 400 become 2.25, 4 and 100
        (99, "pad", 3, 1, 9 * 0.99**2 / 4),
        (100, "squeeze", 0, 0, 4.5),
        (80, "squeeze", 2, 1, 9 * 0.32),
    ],
)
def test_objects_below_four_pixels_of_the_input_are_lost_and_specks_are_none(looks, size, fit, lost, emptied, least):
    found = lost_at(looks, size, fit)
    assert (found.objects, found.lost, found.images_emptied) == (4, lost, emptied)
    assert found.least_area == pytest.approx(least)


def test_ignored_pixels_are_of_no_class(tmp_path):
    labels = np.zeros((10, 10), np.uint8)
    labels[:2], labels[5:7, :5], labels[9] = 255, 1, 2
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
        Image.fromarray(labels).save(tmp_path / part / "a.png")
    names = ("sky", "sea", "sand", "snow")
    looks = check(find_pairs(tmp_path), form=Form(names, ignore=255)).looks
    rows = balance(looks, names)
    assert [(row.name, row.pixel_share, row.images, row.objects, row.median_area) for row in rows] == [
        ("sky", 60 / 80, 1, 0, None),
        ("sea", 10 / 80, 1, 1, 10),
        ("sand", 10 / 80, 1, 1, 10),
        ("snow", 0, 0, 0, None),
    ]
