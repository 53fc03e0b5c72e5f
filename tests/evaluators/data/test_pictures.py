import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from evaluators.data import DataError, read_image, read_mask, resize_image, resize_mask

DISC = np.hypot(*(np.mgrid[:40, :60] - np.array((20, 30))[:, None, None])) < 12
COLOURS = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)


def written(path, pixels, **options):
    Image.fromarray(np.asarray(pixels)).save(path, **options)
    return path


def grey(mask, foreground=255):
    return (mask * foreground).astype(np.uint8)


def paletted(mask, palette):
    image = Image.fromarray(mask.astype(np.uint8), mode=None).convert("P")
    image.putdata(mask.astype(np.uint8).flatten().tolist())
    image.putpalette([*palette, *([0] * (768 - len(palette)))])
    return image


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
def test_images_keep_their_pixels(tmp_path, suffix):
    picture = read_image(written(tmp_path / f"a.{suffix}", COLOURS))
    assert picture.mode == "RGB" and np.array_equal(picture.pixels, COLOURS)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1"])
def test_every_mode_is_read_as_rgb(tmp_path, mode):
    Image.fromarray(COLOURS).convert(mode).save(
        tmp_path / "a.png", **({"transparency": b"\x00"} if mode == "P" else {})
    )
    picture = read_image(tmp_path / "a.png")
    assert picture.mode == mode and picture.pixels.shape == (9, 7, 3) and picture.pixels.dtype == np.uint8
    if mode == "RGBA":
        assert np.array_equal(picture.pixels, COLOURS)


def test_the_rotation_tag_is_obeyed_in_images_and_masks(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn by 90 degrees
    image = read_image(written(tmp_path / "a.png", COLOURS, exif=exif))
    assert np.array_equal(image.pixels, np.rot90(COLOURS, -1))
    assert np.array_equal(read_mask(written(tmp_path / "b.png", grey(DISC), exif=exif)), np.rot90(DISC, -1))
    assert read_mask(written(tmp_path / "b.jpg", grey(DISC), exif=exif)).shape == (60, 40)


@pytest.mark.parametrize("foreground", [255, 1])
@pytest.mark.parametrize("mask", [DISC, DISC & False, DISC | True], ids=["disc", "empty", "full"])
def test_two_valued_masks_are_read_exactly(tmp_path, mask, foreground):
    for suffix in ("png", "bmp", "tif"):
        assert np.array_equal(read_mask(written(tmp_path / f"a.{suffix}", grey(mask, foreground))), mask)
    assert np.array_equal(read_mask(written(tmp_path / "rgb.png", np.dstack([grey(mask, foreground)] * 3))), mask)


def test_one_bit_opaque_and_sixteen_bit_masks_are_read(tmp_path):
    assert np.array_equal(read_mask(written(tmp_path / "bit.png", DISC)), DISC)
    opaque = np.dstack([grey(DISC)] * 3 + [grey(DISC | True)])
    assert np.array_equal(read_mask(written(tmp_path / "rgba.png", opaque)), DISC)
    assert np.array_equal(read_mask(written(tmp_path / "deep.png", grey(DISC).astype(np.uint16))), DISC)


@pytest.mark.parametrize(
    ("palette", "inverted"),
    [((0, 0, 0, 255, 255, 255), False), ((255, 255, 255, 0, 0, 0), True), ((0, 0, 0, 128, 0, 0), False)],
    ids=["white is 1", "white is 0", "coloured classes"],
)
def test_palette_masks_mean_what_they_show_or_their_indexes(tmp_path, palette, inverted):
    paletted(DISC, palette).save(tmp_path / "a.png")
    assert np.array_equal(read_mask(tmp_path / "a.png"), DISC ^ inverted)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_masks_are_read_within_their_blur(tmp_path, channels):
    pixels = grey(DISC) if channels == 1 else np.dstack([grey(DISC)] * 3)
    mask = read_mask(written(tmp_path / "a.jpg", pixels, quality=90))
    assert (mask != DISC).mean() < 0.005


@pytest.mark.parametrize("value", [0, 255])
def test_constant_jpeg_masks_are_empty_or_full(tmp_path, value):
    assert (read_mask(written(tmp_path / "a.jpg", np.full((9, 9), value, np.uint8))) == bool(value)).all()


RAMP = np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1))
RED = np.dstack([grey(DISC), grey(DISC & False), grey(DISC & False)])
UNKNOWN = {
    "three classes": ("a.png", grey(DISC) // 2 + grey(~DISC, 2), "(2 in mode L: 2, 127)"),
    "0, 1 and 255": ("a.png", np.array([[0, 1, 255]], np.uint8), "(3 in mode L: 0, 1, 255)"),
    "0 and 128": ("a.png", grey(DISC, 128), "needed {0, 255}: background 0, foreground 255; save it so as a grey PNG"),
    "ramp": ("a.png", RAMP, "(64 in mode L: 0, 4, 8, 12, 16, 20, 24, 28 ... 252)"),
    "16 bits": ("a.png", grey(DISC).astype(np.uint16) * 257, "(2 in mode I;16: 0, 65535)"),
    "red": ("a.png", RED, "of the pixels coloured or transparent)"),
    "hidden in alpha": ("a.png", np.dstack([RED * 0, grey(DISC)]), "of the pixels coloured or transparent)"),
    "JPEG ramp": ("a.jpg", RAMP, "needed near 0 or 255 for 98% of a JPEG"),
    "JPEG of 0 and 1": ("a.jpg", grey(DISC, 3), "needed near 0 or 255"),
    "JPEG of red": ("a.jpg", RED, "coloured"),
}


@pytest.mark.parametrize(("name", "pixels", "message"), UNKNOWN.values(), ids=UNKNOWN)
def test_other_mask_values_are_refused_with_what_was_seen(tmp_path, name, pixels, message):
    path = written(tmp_path / name, pixels)
    with pytest.raises(DataError, match=re.escape(f"{path}: unknown mask values") + ".*" + re.escape(message)):
        read_mask(path)


def test_a_jpeg_mask_may_have_two_percent_between_and_no_more(tmp_path):
    def half_grey(columns):
        pixels = np.zeros((64, 320), np.uint8)
        pixels[:, 160:] = 255
        pixels[:, :columns] = 128
        return written(tmp_path / "a.jpg", pixels, quality=100)

    assert read_mask(half_grey(6)).shape == (64, 320)  # 1.9 %
    with pytest.raises(DataError, match="unknown mask values"):
        read_mask(half_grey(8))  # 2.5 %


@pytest.mark.parametrize("read", [read_image, read_mask])
@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif"])
def test_empty_cut_and_foreign_files_are_named(tmp_path, read, suffix):
    path = written(tmp_path / f"a.{suffix}", grey(DISC))
    content = path.read_bytes()
    for bad, message in (
        (b"", "the file is empty (0 bytes); copy it again"),
        (content[: len(content) // 2], "cannot be read as an image ("),
        (b"not an image at all", "cannot be read as an image ("),
    ):
        path.write_bytes(bad)
        with pytest.raises(DataError, match=re.escape(f"{path}: {message}")):
            read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="cannot be read as an image .*No such file"):
        read_image(tmp_path / "a.png")


def test_deep_images_and_stacks_are_refused(tmp_path):
    deep = written(tmp_path / "a.png", np.full((4, 4), 1000, np.uint16))
    with pytest.raises(DataError, match=re.escape("needed an image of 8 bits per channel, got mode I;16")):
        read_image(deep)
    slices = [Image.fromarray(grey(DISC))] * 3
    slices[0].save(tmp_path / "a.tif", save_all=True, append_images=slices[1:])
    with pytest.raises(DataError, match="needed one picture, got a stack of 3"):
        read_image(tmp_path / "a.tif")


def exact_share(mask, size):
    """Foreground share of each new pixel by counting in a grid that both sizes divide."""
    height, width = mask.shape
    fine = np.kron(mask.astype(np.int64), np.ones((size, size), np.int64))
    counts = fine.reshape(size, height, size, width).sum((1, 3))
    return [[Fraction(int(count), height * width) for count in row] for row in counts]


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.randoms(use_true_random=False))
def test_a_mask_pixel_is_foreground_from_half_of_its_area(height, width, size, rng):
    mask = np.array([[rng.random() < 0.5 for _ in range(width)] for _ in range(height)])
    expected = [[share >= Fraction(1, 2) for share in row] for row in exact_share(mask, size)]
    assert resize_mask(mask, size).tolist() == expected


@given(st.integers(1, 12), st.randoms(use_true_random=False))
def test_a_mask_of_its_own_size_stays(size, rng):
    mask = np.array([[rng.random() < 0.5 for _ in range(size)] for _ in range(size)])
    assert np.array_equal(resize_mask(mask, size), mask)


@given(st.integers(4, 60), st.integers(4, 60), st.integers(1, 30), st.integers(0, 255))
def test_a_plain_image_stays_plain_at_every_size(height, width, size, value):
    assume(size != height)
    resized = resize_image(np.full((height, width, 3), value, np.uint8), size)
    assert resized.shape == (size, size, 3) and (resized == value).all()


def test_shrinking_an_image_averages_it():
    checkers = grey(np.indices((64, 64)).sum(0) % 2 == 0)
    resized = resize_image(np.dstack([checkers] * 3), 8).astype(int)
    assert abs(resized - 127).max() <= 4
