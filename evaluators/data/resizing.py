"""Images and masks at a network's size, and predictions back at the image's own."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from evaluators.data.form import Fit
from nas.errors import ShapeError

if TYPE_CHECKING:
    import torch

__all__ = ["fit_image", "fit_labels", "inner_size", "resize_image", "resize_labels", "resize_mask", "to_original"]

Size = int | tuple[int, int]  # of a square, or height and width; in pixels
Pixels = NDArray[np.uint8] | NDArray[np.float32]


def fit_image(pixels: Pixels, size: int, fit: Fit) -> Pixels:
    """Bring (H, W, C) to (size, size, C); padding is 0, on the right or at the bottom."""
    height, width = inner_size(pixels.shape[0], pixels.shape[1], size, fit)
    square: Pixels = np.zeros((size, size, pixels.shape[2]), dtype=pixels.dtype)
    square[:height, :width] = resize_image(pixels, (height, width))
    return square


def fit_labels(labels: NDArray[np.uint8], size: int, fit: Fit) -> NDArray[np.uint8]:
    """Bring class indexes (H, W) to (size, size); padding is 255, which counts nowhere."""
    from evaluators.dice import IGNORE  # loads torch, which resizing images does without

    height, width = inner_size(labels.shape[0], labels.shape[1], size, fit)
    square = np.full((size, size), IGNORE, dtype=np.uint8)
    square[:height, :width] = resize_labels(labels, (height, width))
    return square


def inner_size(height: int, width: int, size: int, fit: Fit) -> tuple[int, int]:
    """Return height and width of what an image covers of the square that is given to the network."""
    if fit == "squeeze":
        return size, size
    longer = max(height, width)
    return max(1, round(height * size / longer)), max(1, round(width * size / longer))


def to_original(scores: "torch.Tensor", height: int, width: int, fit: Fit) -> "torch.Tensor":
    """Undo `fit_image` for a prediction: logits or probabilities (N, K, S, S) become float32 (N, K, height, width).

    The padding is cut off; the rest is resized bilinearly. Threshold or take the argmax afterwards.

    Raises:
        ShapeError: The scores are not (N, K, S, S).
    """
    from torch.nn import functional

    if scores.ndim != 4 or scores.shape[2] != scores.shape[3]:
        raise ShapeError(f"to_original: scores must be (N, K, S, S), got {tuple(scores.shape)}")
    rows, columns = inner_size(height, width, scores.shape[-1], fit)
    inner = scores[..., :rows, :columns].float()
    return functional.interpolate(inner, size=(height, width), mode="bilinear", align_corners=False)


def resize_image(pixels: Pixels, size: Size) -> Pixels:
    """Resize (H, W, C): bilinear, with the average over the covered pixels when shrinking; the type stays."""
    height, width = (size, size) if isinstance(size, int) else size
    if pixels.dtype == np.uint8:
        image = Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)
        resized = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
        return resized.reshape(height, width, pixels.shape[-1])
    planes = [Image.fromarray(np.ascontiguousarray(plane)) for plane in np.moveaxis(pixels, -1, 0)]
    return np.stack([np.asarray(p.resize((width, height), Image.Resampling.BILINEAR)) for p in planes], axis=-1)


def resize_mask(mask: NDArray[np.bool_], size: Size) -> NDArray[np.uint8]:
    """Resize (H, W) to 0 and 1: 1 where at least half of a new pixel's area is foreground."""
    return (_share(mask, size) >= 0.5 - 1e-9).astype(np.uint8)  # sums of thirds reach an exact half only up to rounding


def resize_labels(labels: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Resize class indexes (H, W): each new pixel is of the class that covers most of it, a tie goes to the greater.

    For two classes that is `resize_mask`. Pixels to ignore (255) are a class in this.
    """
    present = np.unique(labels)
    if present.size == 1 or labels.max() <= 1:
        return resize_mask(labels == 1, size) if present[-1] <= 1 else np.full(_two(size), present[0], np.uint8)
    best = np.full(_two(size), -1.0)
    winner = np.zeros(_two(size), dtype=np.uint8)
    for label in present:
        share = _share(labels == label, size)
        wins = share >= best - 1e-9
        winner[wins], best[wins] = label, share[wins]
    return winner


def _two(size: Size) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


def _share(mask: NDArray[np.bool_], size: Size) -> NDArray[np.float64]:
    """Share of each new pixel's area that is True."""
    height, width = _two(size)
    return _area_mean(_area_mean(mask.astype(np.float64), height).T, width).T


def _area_mean(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Mean over `size` equal intervals of axis 0, border pixels counted by the part inside; (H, W) -> (size, W)."""
    height = values.shape[0]
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    edges = np.arange(size + 1) * height / size
    whole = np.minimum(edges.astype(np.int64), height - 1)
    upto = total[whole] + (edges - whole)[:, None] * values[whole]
    mean: NDArray[np.float64] = np.diff(upto, axis=0) * size / height
    return mean
