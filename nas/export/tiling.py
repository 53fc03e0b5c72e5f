"""A large image in tiles that overlap, blended so that no seam is seen."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["in_tiles"]

Floats = NDArray[np.float32]
OVERLAP = 0.25  # of a tile's side
GRID = 32  # pixels; the stride of most encoders


def in_tiles(run: Callable[[NDArray[np.generic]], Floats], pixels: NDArray[np.generic], tile: int) -> Floats:
    """Return logits (K, H, W) of an image (H, W, C) by `run`, which is given at most tile x tile pixels at a time.

    Tiles overlap by at least a quarter. Where they do, each counts the more the further a pixel is from its edge: there
    a network sees padding where the image goes on.
    """
    height, width = pixels.shape[:2]
    rows, columns = list(_spans(height, tile)), list(_spans(width, tile))
    if len(rows) == len(columns) == 1:
        return run(pixels)
    total, weights = np.zeros((1, height, width), np.float32), np.zeros((height, width), np.float32)
    for top, bottom in rows:
        for left, right in columns:
            logits = run(pixels[top:bottom, left:right])
            if len(total) != len(logits):
                total = np.zeros((len(logits), height, width), np.float32)
            weight = np.outer(_weights(top, bottom, height, tile), _weights(left, right, width, tile))
            total[:, top:bottom, left:right] += logits * weight
            weights[top:bottom, left:right] += weight
    return np.asarray(total / weights, np.float32)


def _spans(side: int, tile: int) -> Iterator[tuple[int, int]]:
    """Yield first and last + 1 of each tile along a side; the last may be shorter, never than a quarter.

    They begin at multiples of `GRID`, where a network's strides fall on the same pixels as in the whole image.
    """
    step = max(1, int(tile * (1 - OVERLAP)))
    step -= step % GRID if step >= GRID else 0
    for start in range(0, side, step):
        yield start, min(start + tile, side)
        if start + tile >= side:
            return


def _weights(first: int, last: int, side: int, tile: int) -> Floats:
    """Return what each pixel of a tile counts: less towards an edge, unless that is the image's own."""
    ramp = max(1, int(tile * OVERLAP))
    places = np.arange(last - first)
    before = np.ones(last - first) if first == 0 else (places + 0.5) / ramp
    after = np.ones(last - first) if last == side else (places[::-1] + 0.5) / ramp
    return np.asarray(np.clip(np.minimum(before, after), None, 1), np.float32)
