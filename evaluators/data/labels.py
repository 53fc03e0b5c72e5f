"""Mask files as maps of class indexes: binary masks, codes of grey values, palettes and colours."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from evaluators.data.form import Form, to_rgb
from evaluators.data.pictures import decode
from evaluators.data.samples import DataError
from evaluators.data.volumes import Slice, is_medical, read_slice
from evaluators.dice import IGNORE

__all__ = ["label_values", "read_labels", "read_mask"]

LOSSY_FORMATS = ("JPEG", "MPO")
# JPEG blurs edges: at most 0.8 % of a mask's pixels in Kvasir-SEG (600 masks) are further than this from 0 and 255.
JPEG_TOLERANCE = 16
JPEG_SHARE_BETWEEN = 0.02
THRESHOLD = 127
SHOWN_VALUES = 8
UNKNOWN = "unknown labels"


def read_labels(path: Path, form: Form, slice_: Slice | None = None) -> NDArray[np.uint8]:
    """Decode a mask as class indexes (H, W), 255 where it is to be ignored.

    Raises:
        DataError: As for `read_mask`, or a value stands for no class.
    """
    if form.is_plain and not is_medical(path):
        labels = read_mask(path).astype(np.uint8)
    else:
        values = label_values(path, form.in_colour, slice_)
        labels = _looked_up(path, values, _table(form, values), form)
    return np.where(labels == IGNORE, IGNORE, 1 - labels) if form.invert else labels


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Decode a binary mask: True is foreground, shape (H, W).

    Lossless files must hold {0, 255} or {0, 1} only. JPEG changes values a little: nearly all must be close to
    0 or 255, and above 127 is foreground.

    Raises:
        DataError: As for `read_image`, or 'unknown mask values': grey levels, colours, transparency or several classes.
    """
    image = decode(path)
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
        raise DataError(f"{path}: unknown mask values {_described(image, values, odd)}", UNKNOWN)
    return foreground


def label_values(path: Path, in_colour: bool, slice_: Slice | None = None) -> NDArray[np.int64]:
    """Return what a mask states for each pixel (H, W): grey value or palette index, or 0xrrggbb if `in_colour`.

    Raises:
        DataError: The file cannot be read, is JPEG (which changes values), holds fractions, or is transparent;
            or coloured where grey values are needed.
    """
    if is_medical(path):
        values = read_slice(path, slice_)
        whole = np.rint(values.astype(np.float64)).astype(np.int64)
        if (whole != values).any():
            raise DataError(f"{path}: a mask needs whole numbers, got fractions; do not interpolate labels", UNKNOWN)
        return whole
    image = decode(path)
    if image.format in LOSSY_FORMATS:
        raise DataError(f"{path}: JPEG changes the values that stand for classes; save the mask as PNG", UNKNOWN)
    if in_colour:
        return _packed(path, image)
    if image.mode == "P":
        return np.asarray(image).astype(np.int64)
    values, odd = _grey(image)
    if odd.any():
        raise DataError(
            f"{path}: {odd.mean():.1%} of the pixels are coloured or transparent; state each class's colour in "
            "data.codes, such as '#ff0000', or save grey values",
            UNKNOWN,
        )
    return values


def _table(form: Form, values: NDArray[np.int64]) -> dict[int, int]:
    """What each value stands for: {value: class index or 255}."""
    ignored = {} if form.ignore is None else {_number(form.ignore): IGNORE}
    if form.codes:
        return {_number(form.codes[name]): index for index, name in enumerate(form.classes)} | ignored
    if len(form.classes) > 2:
        return {index: index for index in range(len(form.classes))} | ignored
    plain = values[~np.isin(values, list(ignored))]
    return {0: 0, (255 if 255 in plain else 1): 1} | ignored


def _looked_up(path: Path, values: NDArray[np.int64], table: Mapping[int, int], form: Form) -> NDArray[np.uint8]:
    labels = np.full(values.shape, -1, dtype=np.int16)
    for value, label in table.items():
        labels[values == value] = label
    unknown = values[labels < 0]
    if unknown.size:
        came, known = (_shown(numbers, form.in_colour) for numbers in (np.unique(unknown), np.array(list(table))))
        raise DataError(
            f"{path}: unknown labels {came} in {unknown.size / values.size:.1%} of the pixels; known: {known}; "
            "state them in data.classes, data.codes or data.ignore, or mend the mask",
            UNKNOWN,
        )
    return labels.astype(np.uint8)


def _number(code: int | str) -> int:
    if isinstance(code, int):
        return code
    red, green, blue = to_rgb(code)
    return red << 16 | green << 8 | blue


def _shown(values: NDArray[np.int64], in_colour: bool) -> str:
    texts = [f"#{value:06x}" if in_colour else str(value) for value in values[:SHOWN_VALUES]]
    return ", ".join(texts) + (f" and {values.size - SHOWN_VALUES} more" if values.size > SHOWN_VALUES else "")


def _packed(path: Path, image: Image.Image) -> NDArray[np.int64]:
    rgba = np.asarray(image.convert("RGBA")).astype(np.int64)
    if (rgba[..., 3] != 255).any():
        raise DataError(f"{path}: a mask of colours must not be transparent; save it without alpha", UNKNOWN)
    return rgba[..., 0] << 16 | rgba[..., 1] << 8 | rgba[..., 2]


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
    shown = np.asarray(image.convert("RGBA")).astype(np.int64)
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
        "background 0, foreground 255; save it so as a grey PNG, or state data.classes and data.codes"
    )
