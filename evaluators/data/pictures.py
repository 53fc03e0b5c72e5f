"""Picture files as arrays: decoding with a clear fault for each way a file can be wrong, and resizing."""

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from evaluators.data.samples import DataError

__all__ = ["Picture", "read_image", "read_mask", "resize_image", "resize_mask"]

EIGHT_BIT_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr")
LOSSY_FORMATS = ("JPEG", "MPO")
# JPEG blurs edges: at most 0.8 % of a mask's pixels in Kvasir-SEG (600 masks) are further than this from 0 and 255.
JPEG_TOLERANCE = 16
JPEG_SHARE_BETWEEN = 0.02
THRESHOLD = 127


class Picture(NamedTuple):
    """A decoded image.

    Attributes:
        pixels: uint8 (H, W, 3), red, green, blue.
        mode: how the file stores it, in Pillow's words (`L`: grey, `RGB`, `P`: palette, ...).
    """

    pixels: NDArray[np.uint8]
    mode: str


def read_image(path: Path) -> Picture:
    """Decode an 8-bit image; a camera's rotation tag is obeyed, transparency is dropped.

    Raises:
        DataError: The file is empty, damaged, no image, a stack of several, or deeper than 8 bits.
    """
    image = _decode(path)
    if image.mode not in EIGHT_BIT_MODES:
        raise DataError(
            f"{path}: needed an image of 8 bits per channel, got mode {image.mode}; scale it to 8 bits (PNG) first"
        )
    return Picture(np.asarray(_without_palette(image).convert("RGB")), image.mode)


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Decode a binary mask: True is foreground, shape (H, W).

    Lossless files must hold {0, 255} or {0, 1} only. JPEG changes values a little: nearly all must be close to
    0 or 255, and above 127 is foreground.

    Raises:
        DataError: As for `read_image`, or 'unknown mask values': grey levels, colours, transparency or several classes.
    """
    image = _decode(path)
    values, odd = _grey(image)
    if image.format in LOSSY_FORMATS:
        between = odd | ((values > JPEG_TOLERANCE) & (values < 255 - JPEG_TOLERANCE))
        # JPEG keeps a constant picture exact. Low values alone are a mask of {0, 1}, which JPEG cannot hold.
        known = between.mean() <= JPEG_SHARE_BETWEEN and (not values.any() or values.max() >= 255 - JPEG_TOLERANCE)
        foreground: NDArray[np.bool_] = values > THRESHOLD
    else:
        known = not odd.any() and (_only(values, 0, 255) or _only(values, 0, 1))
        foreground = values > 0
    if not known:
        raise DataError(f"{path}: unknown mask values {_described(image, values, odd)}")
    return foreground


def resize_image(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Squeeze (H, W, 3) to (size, size, 3): bilinear, with the average over the covered pixels when shrinking."""
    return np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR))


def resize_mask(mask: NDArray[np.bool_], size: int) -> NDArray[np.uint8]:
    """Squeeze (H, W) to (size, size) of 0 and 1: 1 where at least half of a new pixel's area is foreground."""
    share = _area_mean(_area_mean(mask.astype(np.float64), size).T, size).T
    return (share >= 0.5 - 1e-9).astype(np.uint8)  # sums of thirds reach an exact half only up to rounding


def _decode(path: Path) -> Image.Image:
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{path}: the file is empty (0 bytes); copy it again or remove the pair")
        with Image.open(path) as image:
            frames = getattr(image, "n_frames", 1)
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
    # What Pillow's decoders raise for damaged files, depending on the format and the place of the damage.
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise DataError(
            f"{path}: cannot be read as an image ({error}); copy or convert it again, or remove the pair"
        ) from error
    if frames > 1 and image.format != "MPO":  # an MPO is a phone's JPEG with a preview behind it
        raise DataError(f"{path}: needed one picture, got a stack of {frames}; save each slice as a file of its own")
    return image


def _without_palette(image: Image.Image) -> Image.Image:
    """Pillow warns when a palette with transparency becomes RGB directly."""
    return image.convert("RGBA") if image.mode == "P" else image


def _grey(image: Image.Image) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """A mask's values (H, W), and where they are no grey: coloured or transparent."""
    if image.mode == "P":
        return _palette_grey(image)
    values = np.asarray(image.convert("L") if image.mode == "1" else image).astype(np.int64)
    if values.ndim == 2:
        return values, np.zeros(values.shape, dtype=np.bool_)
    colours = 1 if image.mode == "LA" else 3
    odd = (values[..., colours:] != 255).any(-1)
    tolerance = JPEG_TOLERANCE if image.format in LOSSY_FORMATS else 0
    odd |= np.ptp(values[..., :colours], axis=-1) > tolerance
    return values[..., 0], odd


def _palette_grey(image: Image.Image) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Black and white where the palette has just these; else its indexes (tools colour the classes for display)."""
    shown = np.asarray(_without_palette(image)).astype(np.int64)
    plain = np.zeros(shown.shape[:2], dtype=np.bool_)
    if _only(shown[..., :3], 0, 255) and not np.ptp(shown[..., :3], axis=-1).any():
        return shown[..., 0], plain
    return np.asarray(image).astype(np.int64), plain


def _only(values: NDArray[np.int64], low: int, high: int) -> bool:
    return bool(((values == low) | (values == high)).all())


def _described(image: Image.Image, values: NDArray[np.int64], odd: NDArray[np.bool_]) -> str:
    """What came, what was needed and what to do, for a mask that is not binary."""
    seen = np.unique(values)
    numbers = ", ".join(str(value) for value in seen[:8]) + (f" ... {seen[-1]}" if seen.size > 8 else "")
    colours = f", {odd.mean():.1%} of the pixels coloured or transparent" if odd.any() else ""
    needed = (
        f"near 0 or 255 for {1 - JPEG_SHARE_BETWEEN:.0%} of a JPEG" if image.format in LOSSY_FORMATS else "{0, 255}"
    )
    return (
        f"({seen.size} in mode {image.mode}: {numbers}{colours}); needed {needed}: "
        "background 0, foreground 255; save it so as a grey PNG, one file for each class"
    )


def _area_mean(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Mean over `size` equal intervals of axis 0, border pixels counted by the part inside; (H, W) -> (size, W)."""
    height = values.shape[0]
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    edges = np.arange(size + 1) * height / size
    whole = np.minimum(edges.astype(np.int64), height - 1)
    upto = total[whole] + (edges - whole)[:, None] * values[whole]
    mean: NDArray[np.float64] = np.diff(upto, axis=0) * size / height
    return mean
