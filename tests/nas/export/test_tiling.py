"""Tiles: every pixel once or more, none too large, and blended to what the whole image gives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from nas.export.tiling import in_tiles


def pointwise(pixels: NDArray[np.generic]) -> NDArray[np.float32]:
    values = pixels.astype(np.float32).transpose(2, 0, 1)
    return np.concatenate([2 * values - 1, values**2])


def local(pixels: NDArray[np.generic]) -> NDArray[np.float32]:
    """A mean over 9 x 9 pixels, with zeros beyond the image, as a network with padding sees it."""
    return ndimage.uniform_filter(pixels[..., 0].astype(np.float32), 9, mode="constant")[None]


def noise(height: int, width: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(size=(height, width, 1)).astype(np.float32)


@given(height=st.integers(1, 120), width=st.integers(1, 120), tile=st.integers(4, 64))
def test_what_looks_at_single_pixels_gives_the_same_in_tiles(height: int, width: int, tile: int) -> None:
    sizes: list[tuple[int, ...]] = []

    def run(pixels: NDArray[np.generic]) -> NDArray[np.float32]:
        sizes.append(pixels.shape[:2])
        return pointwise(pixels)

    pixels = noise(height, width)
    np.testing.assert_allclose(in_tiles(run, pixels, tile), pointwise(pixels), atol=1e-5)
    assert max(max(size) for size in sizes) <= tile
    assert min(min(size) for size in sizes) >= min(height, width, tile / 4)


def test_there_is_no_seam_where_tiles_meet() -> None:
    pixels = np.ones((200, 230, 1), np.float32)
    whole, tiled = local(pixels), in_tiles(local, pixels, 64)
    inner = tiled[0, 8:-8, 8:-8]
    assert np.abs(inner - 1).max() < 0.08, "a pixel near a tile's edge hardly counts there"
    worst = np.abs(np.diff(inner, axis=0)).max(), np.abs(np.diff(inner, axis=1)).max()
    assert max(worst) < 0.03
    np.testing.assert_allclose(tiled[0, 0], whole[0, 0], atol=0.06)  # at the image's own edge tiles count fully


def test_tiles_overlap_by_a_quarter_or_more_and_an_image_of_one_tile_is_run_whole() -> None:
    starts: list[float] = []

    def run(pixels: NDArray[np.generic]) -> NDArray[np.float32]:
        starts.append(float(pixels[0, 0, 0]))
        return pointwise(pixels)

    ramp = np.arange(500, dtype=np.float32)[:, None, None] * np.ones((1, 40, 1), np.float32)
    in_tiles(run, ramp, 100)
    steps = np.diff(sorted(starts))
    assert steps.max() <= 75 and all(start % 32 == 0 for start in starts), "strides fall on the same pixels"
    starts.clear()
    in_tiles(run, ramp[:100], 100)
    assert starts == [0.0]


@pytest.mark.parametrize("size", [(64, 64), (10, 64)])
def test_the_whole_image_is_handed_on_as_it_is(size: tuple[int, int]) -> None:
    pixels = noise(*size)
    seen: list[NDArray[np.generic]] = []
    in_tiles(lambda p: (seen.append(p), pointwise(p))[1], pixels, 64)
    assert len(seen) == 1 and seen[0] is pixels
