"""The Dice of a network on images with masks: what a search optimises, and all scores at the masks' own size."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from evaluators.augment import normalise
from evaluators.data.form import Fit
from evaluators.data.resizing import to_original
from evaluators.dice import mean_of_classes, overlaps, pooled_dice
from evaluators.faults import Diverged
from evaluators.loss import at_size, outputs_for
from evaluators.scores import Score, score_image
from nas.errors import ShapeError

__all__ = [
    "DiceScore",
    "class_indexes",
    "dice_score",
    "predicted_labels",
    "predicted_masks",
    "prepare",
    "score_network",
]


@dataclass(frozen=True)
class DiceScore:
    """The Dice of a network on a set of images, each 0..1.

    Attributes:
        mean: Mean of the images' Dice: what a search optimises.
        pooled: Dice of all pixels together, in which large objects weigh more.
    """

    mean: float
    pooled: float


def dice_score(
    module: nn.Module,
    images: torch.Tensor,
    masks: torch.Tensor,
    *,
    prediction: int = 0,
    batch: int = 8,
    dtype: torch.dtype = torch.float32,
    channels_last: bool = True,
    classes: int = 2,
) -> DiceScore:
    """Return the Dice of the images, at the masks' size; the host waits once.

    Two classes are told apart at probability 0.5; of more the greatest logit counts, and an image's Dice is the mean
    over its classes but the background (`dice_of_classes`).

    Args:
        module: In evaluation mode; gives logits (N, K, h, w) or a list of such; K is 1 for two classes.
        images: uint8 or float32 (N, C, H, W), on the module's device.
        masks: uint8 (N, H, W), likewise; 255 is ignored.
        prediction: Index of the output that counts.
        batch: Images at a time.
        dtype: bfloat16 runs the heavy operators in it (autocast).
        channels_last: Give the images in this layout.
        classes: Number of classes, the background included.

    Raises:
        Diverged: A logit is infinite or nan, of which no Dice can be told.
        ShapeError: The logits have not K channels.
    """
    areas, finite = [], []
    with torch.inference_mode(), torch.autocast(images.device.type, torch.bfloat16, dtype == torch.bfloat16):
        for some, target in zip(torch.split(images, batch), torch.split(masks, batch), strict=True):
            logits = _logits(module, some, target, prediction, channels_last, classes)
            areas.append(torch.stack(overlaps(class_indexes(logits, classes), target, classes)))
            finite.append(logits.isfinite().all())
        common, both = torch.cat(areas, 2)
        dices = torch.stack((mean_of_classes(common, both).mean(), pooled_dice(common, both)))
        mean, pooled = torch.where(torch.stack(finite).all(), dices, torch.nan).tolist()
    if mean != mean:
        raise Diverged("scoring: the network's logits on the validation images are not finite; lower the learning rate")
    return DiceScore(mean, pooled)


def predicted_labels(
    module: nn.Module,
    images: torch.Tensor,
    *,
    prediction: int = 0,
    batch: int = 8,
    dtype: torch.dtype = torch.float32,
    channels_last: bool = True,
    classes: int = 2,
) -> torch.Tensor:
    """Return what a network predicts for each image at its size, class indexes uint8 (N, H, W), on the images' device.

    Arguments and errors are those of `dice_score`: `dice_of_classes` of these labels are the Dice that it averages.
    """
    found = []
    with torch.inference_mode(), torch.autocast(images.device.type, torch.bfloat16, dtype == torch.bfloat16):
        for some in torch.split(images, batch):
            logits = _logits(module, some, some[:, 0], prediction, channels_last, classes)
            if not logits.isfinite().all():
                raise Diverged("scoring: the network's logits are not finite; its training diverged")
            found.append(class_indexes(logits, classes))
        return torch.cat(found)


def score_network(
    module: nn.Module,
    images: torch.Tensor,
    names: Sequence[str],
    truths: Sequence[NDArray[np.uint8]],
    *,
    fit: Fit = "squeeze",
    classes: int = 2,
    prediction: int = 0,
    batch: int = 8,
    spacings: Sequence[Sequence[float] | None] | None = None,
    tolerance: float = 2.0,
) -> tuple[Score, ...]:
    """Return every score of each image and class at the masks' original sizes; float32, for final reports.

    Logits are resized and only then told apart, so that a prediction's border is as smooth as the mask's.

    Args:
        module: In evaluation mode; gives logits (N, K, h, w) or a list of such.
        images: uint8 or float32 (N, C, S, S), as `load` gives them, on the module's device.
        names: Of the images.
        truths: Their masks at their own sizes, each (H, W) of class indexes; 255 is ignored.
        fit: How the images were brought to S x S (`evaluators.data.resizing`).
        classes: Number of classes, the background included.
        prediction: Index of the output that counts.
        batch: Images at a time.
        spacings: Size of a pixel of each mask, rows then columns; None: pixels.
        tolerance: Of the surface Dice, in the spacing's unit.

    Raises:
        Diverged: A logit is infinite or nan.
        ShapeError: The logits have not K channels, or names, masks and images are not as many.
    """
    spaced = [None] * len(names) if spacings is None else list(spacings)
    if not len(images) == len(names) == len(truths) == len(spaced):
        counts = f"{len(images)} images, {len(names)} names, {len(truths)} masks, {len(spaced)} spacings"
        raise ShapeError(f"scoring: needs as many of each, got {counts}")
    sizes = [(truth.shape[0], truth.shape[1]) for truth in truths]
    found = predicted_masks(module, images, sizes, fit=fit, classes=classes, prediction=prediction, batch=batch)
    rows = [
        score_image(name, mask, truth, classes, spacing=spacing, tolerance=tolerance)
        for name, mask, truth, spacing in zip(names, found, truths, spaced, strict=True)
    ]
    return tuple(score for scores in rows for score in scores)


def predicted_masks(
    module: nn.Module,
    images: torch.Tensor,
    sizes: Sequence[tuple[int, int]],
    *,
    fit: Fit = "squeeze",
    classes: int = 2,
    prediction: int = 0,
    batch: int = 8,
) -> Iterator[NDArray[np.uint8]]:
    """Yield what a network predicts for each image, class indexes (H, W) at its own size.

    Arguments and errors are those of `score_network`; sizes: height and width of each image.
    """
    for start in range(0, len(images), batch):
        some = images[start : start + batch]
        with torch.inference_mode():
            logits = _logits(module, some, some[:, 0], prediction, True, classes)
        if not logits.isfinite().all():
            raise Diverged("scoring: the network's logits are not finite; its training diverged")
        for scores, (height, width) in zip(logits, sizes[start : start + batch], strict=True):
            resized = to_original(scores.unsqueeze(0), height, width, fit)
            yield class_indexes(resized, classes)[0].cpu().numpy()


def prepare(images: torch.Tensor, channels_last: bool) -> torch.Tensor:
    """Return float images (N, C, H, W) in the memory layout that a step reads fastest."""
    return images.contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)


def class_indexes(logits: torch.Tensor, classes: int) -> torch.Tensor:
    """Return what logits (N, K, H, W) predict, uint8 (N, H, W): probability above 0.5, or the greatest of several."""
    if classes == 2:
        return (logits[:, 0] > 0).to(torch.uint8)  # logit 0 is probability 0.5
    return logits.argmax(1).to(torch.uint8)


def _logits(
    module: nn.Module, images: torch.Tensor, like: torch.Tensor, prediction: int, channels_last: bool, classes: int
) -> torch.Tensor:
    """Return the logits that count, (N, K, H, W), at the height and width of `like`."""
    outputs = module(prepare(normalise(images), channels_last))
    return at_size(_counted(outputs, prediction, outputs_for(classes)), like)


def _counted(outputs: torch.Tensor | Sequence[torch.Tensor], prediction: int, channels: int) -> torch.Tensor:
    logits = outputs if isinstance(outputs, torch.Tensor) else outputs[prediction]
    if logits.shape[1] != channels:
        came = tuple(logits.shape)
        raise ShapeError(f"scoring: logits must be (N, {channels}, h, w), got {came}; build with classes={channels}")
    return logits
