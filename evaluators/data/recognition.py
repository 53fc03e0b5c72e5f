"""What a folder of images most likely is: its layout, what its masks mean, and lists of a split, said aloud."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluators.data.form import Code, Form
from evaluators.data.labels import label_values, read_mask
from evaluators.data.layouts.detection import detect, detect_lists
from evaluators.data.layouts.finding import find
from evaluators.data.layouts.layout import Layout, Pair
from evaluators.data.pictures import EIGHT_BIT_MODES, decode
from evaluators.data.samples import DataError
from evaluators.data.volumes import is_medical, read_slice
from evaluators.dice import IGNORE

__all__ = ["Recognised", "recognise"]

LOOKED_AT = 40  # images and masks, spread over the data set
MOST_CLASSES = 32
STRAY_SHARE = 0.2  # fewer masks than this with other values than a binary mask's are faults, not a coding


class Recognised(NamedTuple):
    """The layout and form of a folder, lists of a given split ({part: file}), and a line for each guess."""

    layout: Layout
    form: Form
    lists: dict[str, str]
    said: tuple[str, ...]


def recognise(root: Path) -> Recognised:
    """Look at names, and at a few images and masks. What cannot be told is left as it is by default.

    Raises:
        DataError: There are no images, or several layouts would do.
    """
    layout = detect(root)
    pairs = find(layout).pairs
    said = [f"layout {layout.kind}" + (f": {layout.images} with {layout.masks}" if layout.images else "")]
    some = pairs[:: max(1, len(pairs) // LOOKED_AT)]
    limits = _limits(some)
    is_coded = sum(map(_is_coded, some)) > STRAY_SHARE * len(some)
    classes, codes, ignore = _classes(pairs) if is_coded else (Form().classes, {}, None)
    form = Form(classes, codes, ignore, channels=1 if limits else 3, limits=limits)
    if limits:
        said.append(f"grey of more than 8 bits; data.range: [{limits[0]:g}, {limits[1]:g}] become 0 and 1")
    if not form.is_plain:
        told = ", ".join(f"{name} {codes.get(name, index)}" for index, name in enumerate(classes))
        said.append(f"masks: {told}" + ("" if ignore is None else f"; {ignore} is ignored") + "; name the classes")
    lists = detect_lists(root)
    if lists:
        said.append(f"the split is given by {', '.join(lists.values())}")
    return Recognised(layout, form, lists, tuple(said))


def _limits(pairs: Sequence[Pair]) -> tuple[float, float] | None:
    """The range of deep images: that of their bits, from 0; of medical ones the least and greatest value."""
    ranges: list[tuple[float, float]] = []
    for pair in pairs:
        try:
            if is_medical(pair.image):
                values = read_slice(pair.image, pair.slice)
                ranges.append((float(values.min()), float(values.max())))
                continue
            image = decode(pair.image)
        except DataError:
            continue  # the check names it
        if image.mode not in EIGHT_BIT_MODES:
            greatest = float(np.asarray(image).max())
            ranges.append((0.0, 2.0 ** max(8, int(greatest).bit_length()) - 1 if greatest >= 1 else 1.0))
    if not ranges:
        return None
    low, high = np.floor(min(low for low, _ in ranges)), np.ceil(max(high for _, high in ranges))
    return float(low), float(max(high, low + 1))


def _is_coded(pair: Pair) -> bool:
    """Whether a mask that can be read is more than foreground and background."""
    try:
        if is_medical(pair.masks[0]):
            return bool((label_values(pair.masks[0], False, pair.slice) > 1).any())
        decode(pair.masks[0])
        read_mask(pair.masks[0])
    except DataError as fault:
        return fault.kind == "unknown labels"
    return False


def _classes(pairs: Sequence[Pair]) -> tuple[tuple[str, ...], dict[str, Code], Code | None]:
    """Classes, codes and what is ignored, from the values of all masks; the defaults where there are too many."""
    values, in_colour = _counted(pairs)
    default: tuple[tuple[str, ...], dict[str, Code], Code | None] = (Form().classes, {}, None)
    if not 2 <= len(values) <= MOST_CLASSES:
        return default
    others = values - {IGNORE}
    ignore = IGNORE if not in_colour and IGNORE in values and len(others) >= 2 and max(others) < MOST_CLASSES else None
    known = sorted(values - {ignore})
    if not in_colour and known[-1] < MOST_CLASSES:
        return _names(known[-1] + 1), {}, ignore
    names = _names(len(known))
    codes = [f"#{value:06x}" if in_colour else value for value in known]
    return names, dict(zip(names, codes, strict=True)), None


def _names(count: int) -> tuple[str, ...]:
    return Form().classes if count <= 2 else ("background", *(f"class{index}" for index in range(1, count)))


def _counted(pairs: Sequence[Pair]) -> tuple[set[int], bool]:
    """The values in all masks, or if some are coloured their colours; too many stop the search."""
    for in_colour in (False, True):
        values: set[int] = set()
        try:
            for pair in pairs:
                for path in pair.masks:
                    values |= set(_unique(label_values(path, in_colour, pair.slice)))
                if len(values) > MOST_CLASSES + 1:
                    break
        except DataError:
            continue  # coloured, or unreadable, which the check names
        return values, in_colour
    return set(), False


def _unique(values: NDArray[np.int64]) -> list[int]:
    return [int(value) for value in np.unique(values)]
