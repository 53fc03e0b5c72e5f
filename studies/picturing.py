"""From a trained network to pictures of what it predicts: the image, the mask, the prediction, and what is wrong in it.

At the training size, and by the Dice that the search optimises. Masks and errors are PNGs with a palette, whose indexes
are what the colours stand for.
"""

import base64
import io
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from evaluators.data import Samples
from evaluators.data.outlining import OUTLINES, UNLABELLED
from evaluators.dice import IGNORE, dice_of_classes
from evaluators.scoring import predicted_labels
from studies.predictions import Case, Predictions

__all__ = ["ERRORS", "chosen", "errors_of", "middle_pixels", "predictions_of"]

WORST = 6
Colour = tuple[int, int, int]

ERRORS: dict[str, tuple[Colour, int]] = {
    "background": ((0, 0, 0), 0),
    "right": ((255, 255, 255), 110),
    "missed": ((230, 159, 0), 255),
    "extra": ((86, 180, 233), 255),
    "other class": ((204, 121, 167), 255),
    "not labelled": (UNLABELLED, 200),
}
"""Kinds of pixels by index, each with a colour of Okabe and Ito's and how opaque it is, 0..255."""


def predictions_of(
    module: nn.Module,
    samples: Samples,
    *,
    prediction: int,
    batch: int,
    dtype: torch.dtype,
    channels_last: bool,
    slices: int = 1,
) -> Predictions:
    """Return what a network predicts on the worst images, the median and the best one.

    The module is in evaluation mode and scored as `predicted_labels` says; the samples are on its device. Of an image
    whose channels are several slices the middle one is shown. Raises Diverged if a logit is not finite.
    """
    found = predicted_labels(
        module,
        samples.images,
        prediction=prediction,
        batch=batch,
        dtype=dtype,
        channels_last=channels_last,
        classes=samples.classes,
    )
    dices = dice_of_classes(found, samples.masks, samples.classes).cpu()
    cases = [_case(samples, index, found[index], float(dices[index]), slices) for index in chosen(dices.tolist())]
    return Predictions(len(samples), float(dices.mean()), tuple(cases))


def chosen(dices: Sequence[float]) -> list[int]:
    """Return the indexes of the worst, then of the median and the best image; of equals the first."""
    order = sorted(range(len(dices)), key=dices.__getitem__)
    return list(dict.fromkeys([*order[:WORST], order[len(order) // 2], order[-1]]))


def errors_of(truth: NDArray[np.uint8], found: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the kind of each pixel (H, W), as its place in `ERRORS`, from class indexes (H, W)."""
    kinds = {
        "not labelled": truth == IGNORE,
        "background": (truth == 0) & (found == 0),
        "right": truth == found,
        "missed": found == 0,
        "extra": truth == 0,
        "other class": truth != found,
    }
    places = [list(ERRORS).index(name) for name in kinds]
    return np.select(list(kinds.values()), places).astype(np.uint8)  # of several the first that holds


def middle_pixels(image: torch.Tensor, slices: int = 1) -> NDArray[np.uint8]:
    """Return an image (C, H, W) as it is looked at, (H, W, 1) or (H, W, 3): of several slices the middle one."""
    channels = image.shape[0] // slices
    first = slices // 2 * channels
    pixels = image[first : first + channels].permute(1, 2, 0).cpu().numpy()
    return pixels if pixels.dtype == np.uint8 else np.rint(255 * pixels.clip(0, 1)).astype(np.uint8)


def _case(samples: Samples, index: int, found: torch.Tensor, dice: float, slices: int) -> Case:
    truth, labels = samples.masks[index].cpu().numpy(), found.cpu().numpy()
    pixels = middle_pixels(samples.images[index], slices)
    colours = _class_colours(samples.classes)
    kinds, opaque = [colour for colour, _ in ERRORS.values()], [share for _, share in ERRORS.values()]
    pictures = {
        "image": _png(Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)),
        "truth": _indexed(truth, colours),
        "prediction": _indexed(labels, colours),
        "error": _indexed(errors_of(truth, labels), kinds, opaque),
    }
    return Case(samples.ids[index], round(dice, 6), pictures)


def _class_colours(classes: int) -> list[Colour]:
    """Return a colour for each label: white on black, or the outlines' where there are several classes."""
    shown = OUTLINES if classes > 2 else ((255, 255, 255),)
    return [(0, 0, 0), *(shown[i % len(shown)] for i in range(IGNORE - 1)), UNLABELLED]


def _indexed(labels: NDArray[np.uint8], colours: Sequence[Colour], opaque: Sequence[int] | None = None) -> str:
    picture = Image.fromarray(labels)
    picture.putpalette([part for colour in colours for part in colour])
    return _png(picture, **({} if opaque is None else {"transparency": bytes(opaque)}))


def _png(picture: Image.Image, **options: bytes) -> str:
    file = io.BytesIO()
    picture.save(file, "png", optimize=True, **options)
    return base64.b64encode(file.getvalue()).decode()
