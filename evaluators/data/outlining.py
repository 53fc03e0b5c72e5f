"""Outlines of masks on images, a colour for each class."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["OUTLINES", "outlined", "outlines"]

# Of the classes 1, 2, ...; told apart with any colour vision (Okabe and Ito), on tissue and on grey.
OUTLINES = ((0, 255, 0), (86, 180, 233), (230, 159, 0), (240, 228, 66), (204, 121, 167), (213, 94, 0), (0, 114, 178))
UNLABELLED = (160, 160, 160)


def outlined(
    pixels: NDArray[np.uint8] | NDArray[np.float32], labels: NDArray[np.uint8], unlabelled: int | None = None
) -> NDArray[np.uint8]:
    """Return an image (H, W, C), C 1 or 3, in colours (H, W, 3) with the outlines of its classes (H, W).

    float32 pixels are 0..1. unlabelled: the label of pixels that are of no class; its outline is grey.
    """
    bytes_ = pixels if pixels.dtype == np.uint8 else (pixels * 255).astype(np.uint8)
    drawn = np.repeat(bytes_, 3 // pixels.shape[-1], -1).astype(np.uint8)
    edges = outlines(labels)
    for label in np.unique(labels[labels > 0]):
        colour = UNLABELLED if label == unlabelled else OUTLINES[(int(label) - 1) % len(OUTLINES)]
        drawn[edges & (labels == label)] = colour
    return drawn


def outlines(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where a pixel (H, W) has a neighbour of another class to the left, right, above or below."""
    edges = np.zeros(labels.shape, dtype=np.bool_)
    across, down = labels[:, 1:] != labels[:, :-1], labels[1:] != labels[:-1]
    edges[:, 1:] |= across
    edges[:, :-1] |= across
    edges[1:] |= down
    edges[:-1] |= down
    return edges
