"""Picture files as arrays, decoded with a clear fault for each way a file can be wrong."""

import struct
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from evaluators.data.faults import DataError
from evaluators.data.volumes import Slice, is_medical, read_slice

__all__ = ["SUFFIXES", "Picture", "decode", "is_turned", "read_image"]

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff")
EIGHT_BIT_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr")
ORIENTATION = 0x0112  # the EXIF tag that says how a camera was held; 1: upright


class Picture(NamedTuple):
    """A decoded image.

    Attributes:
        pixels: (H, W, C): uint8, or float32 0..1 where limits were given.
        mode: how the file stores it, in Pillow's words (`L`: grey, `RGB`, `P`: palette, ...), or numpy's type.
        turned: whether a rotation tag was obeyed.
    """

    pixels: NDArray[np.uint8] | NDArray[np.float32]
    mode: str
    turned: bool = False


def read_image(
    path: Path, channels: int = 3, limits: Sequence[float] | None = None, slice_: Slice | None = None
) -> Picture:
    """Decode an image; a camera's rotation tag is obeyed, transparency is dropped.

    Args:
        path: A picture, a DICOM file or a NIfTI volume.
        channels: 1 gives grey, 3 red, green and blue.
        limits: Values that become 0 and 1; needed for more than 8 bits.
        slice_: Which slice, of a volume.

    Raises:
        DataError: The file is empty, damaged, no image, a stack of several, or has more than 8 bits and no limits.
    """
    if is_medical(path):
        values = read_slice(path, slice_)
        return Picture(_deep(path, values, channels, limits, str(values.dtype)), str(values.dtype))
    image = decode(path)
    mode, turned = image.mode, image.info.get("turned", False)
    if mode not in EIGHT_BIT_MODES:
        return Picture(_deep(path, np.asarray(image), channels, limits, f"mode {mode}"), mode, turned)
    pixels = np.asarray(_without_palette(image).convert("RGB" if channels == 3 else "L")).reshape(
        image.height, image.width, channels
    )
    if limits is None:
        return Picture(pixels, mode, turned)
    return Picture(_scaled(pixels, limits), mode, turned)


def decode(path: Path) -> Image.Image:
    """Return the one picture in a file, upright; `info["turned"]` says whether it had to be turned.

    Raises:
        DataError: The file is empty, damaged, too large, no image, or a stack of several.
    """
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{path}: the file is empty (0 bytes); copy it again or remove the pair", "empty files")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # large; only the error is an attack's size
            with Image.open(path) as image:
                frames = getattr(image, "n_frames", 1)
                image.load()
                turned = image.getexif().get(ORIENTATION, 1) in range(2, 9)
                ImageOps.exif_transpose(image, in_place=True)
    except Image.DecompressionBombError as error:
        raise DataError(
            f"{path}: too many pixels, a decompression bomb? ({error}); scale it down first", "too large"
        ) from error
    # What Pillow's decoders raise for damaged files, depending on the format and the place of the damage.
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        raise DataError(
            f"{path}: cannot be read as an image ({error}); copy or convert it again, or remove the pair", "unreadable"
        ) from error
    if frames > 1 and image.format != "MPO":  # an MPO is a phone's JPEG with a preview behind it
        raise DataError(
            f"{path}: needed one picture, got a stack of {frames}; save each slice as a file of its own", "stacks"
        )
    image.info["turned"] = turned
    return image


def is_turned(path: Path) -> bool:
    """Return whether a file has a rotation tag that says otherwise than upright. Raises DataError as `decode`."""
    return not is_medical(path) and bool(decode(path).info["turned"])


def _deep(
    path: Path, values: NDArray[np.generic], channels: int, limits: Sequence[float] | None, stored: str
) -> NDArray[np.float32]:
    """Grey values (H, W) of more than 8 bits as float32 (H, W, channels), 0..1."""
    if limits is None:
        raise DataError(
            f"{path}: needed an image of 8 bits per channel, got {stored} with values {values.min():g} to "
            f"{values.max():g}; state which become 0 and 1, such as data.range: [0, 65535], or save it with 8 bits",
            "more than 8 bits",
        )
    return _scaled(np.repeat(values[..., None], channels, -1), limits)


def _scaled(values: NDArray[np.generic], limits: Sequence[float]) -> NDArray[np.float32]:
    low, high = limits
    return np.clip((values.astype(np.float64) - low) / (high - low), 0, 1).astype(np.float32)


def _without_palette(image: Image.Image) -> Image.Image:
    """Pillow warns when a palette with transparency becomes RGB directly."""
    return image.convert("RGBA") if image.mode == "P" else image
