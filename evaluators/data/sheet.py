"""A contact sheet: many images on one page, each with the outlines of its mask."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from evaluators.data.findings import Finding
from evaluators.data.form import Form
from evaluators.data.layouts.layout import Pair
from evaluators.data.loading import decode_pair
from evaluators.data.outlining import outlined, outlines
from evaluators.data.resizing import inner_size, resize_image, resize_labels
from evaluators.dice import IGNORE

__all__ = ["contact_sheet", "outlines"]

TILE, CAPTION, GAP, COLUMNS = 192, 14, 4, 8  # pixels, and tiles in a row
CAPTION_LENGTH = 18  # characters of an id
PART_COLOURS = {"train": (210, 210, 210), "validation": (86, 180, 233), "test": (230, 159, 0)}


def contact_sheet(pairs: Sequence[Pair], form: Form, part_of: Mapping[str, str]) -> Image.Image:
    """Return the pairs that can be read as tiles of 192 pixels, with id and part of the split below each."""
    tiles = [(pair, tile) for pair in pairs if (tile := _tile(pair, form)) is not None]
    rows = max(1, -(-len(tiles) // COLUMNS))
    columns = max(1, min(COLUMNS, len(tiles)))
    sheet = Image.new("RGB", (columns * (TILE + GAP), rows * (TILE + CAPTION + GAP)))
    draw = ImageDraw.Draw(sheet)
    for place, (pair, tile) in enumerate(tiles):
        left, top = place % COLUMNS * (TILE + GAP), place // COLUMNS * (TILE + CAPTION + GAP)
        sheet.paste(Image.fromarray(tile), (left, top))
        part = part_of.get(pair.id, "")
        name = pair.id if len(pair.id) <= CAPTION_LENGTH else f"{pair.id[: CAPTION_LENGTH - 2]}.."
        text = f"{name} {part}"
        draw.text((left + 2, top + TILE), text, fill=PART_COLOURS.get(part, (255, 80, 80)))
    return sheet


def _tile(pair: Pair, form: Form) -> NDArray[np.uint8] | None:
    findings: list[Finding] = []
    decoded = decode_pair(pair, form, findings)
    if decoded is None:
        return None
    pixels, labels = decoded.picture.pixels, decoded.labels
    size = inner_size(labels.shape[0], labels.shape[1], TILE, "pad")
    shown = resize_image(pixels, size)
    return outlined(shown, resize_labels(labels, size), unlabelled=IGNORE)
