"""The Dice coefficient of one foreground class or of several, image by image.

Name: dice. Unit: none, 0 (nothing right) to 1 (all right), higher is better. Needs: predictions and masks.
Source: Dice, Ecology 26 (1945), 297-302: twice the common area over the sum of the two areas.
"""

import torch

from nas.errors import ShapeError

__all__ = ["IGNORE", "dice_of_classes", "dice_per_image", "mean_of_classes", "overlaps", "pooled_dice"]

IGNORE = 255  # value of mask pixels that nobody labelled


def dice_per_image(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the Dice of each image; nothing is read back to the host.

    Both empty gives 1, one empty gives 0, so that no image is nan and every image counts in a mean.

    Args:
        prediction: bool or 0/1, shape (N, *spatial); pixels equal to 1 are foreground.
        target: likewise, same shape and device; pixels that are 255 (`IGNORE`) count nowhere.

    Returns:
        float64, shape (N,), on the same device, each in [0, 1].

    Raises:
        ShapeError: The shapes differ or have no axis beside N.
    """
    _check(prediction, target)
    common, areas = _overlap(prediction == 1, target, 1)
    return torch.where(areas == 0, 1.0, 2.0 * common.double() / areas.clamp(min=1))


def dice_of_classes(prediction: torch.Tensor, target: torch.Tensor, classes: int) -> torch.Tensor:
    """Return the mean Dice of each image over the classes 1..classes-1; nothing is read back to the host.

    A class that is neither in the target nor predicted is left out of its image's mean; with none left it is 1. For two
    classes this is `dice_per_image`.

    Args:
        prediction: Class indexes, shape (N, *spatial).
        target: Likewise, same shape and device; pixels that are 255 (`IGNORE`) count nowhere.
        classes: Number of classes, the background (0) included.

    Returns:
        float64, shape (N,), on the same device, each in [0, 1].

    Raises:
        ShapeError: The shapes differ or have no axis beside N.
    """
    return mean_of_classes(*overlaps(prediction, target, classes))


def overlaps(prediction: torch.Tensor, target: torch.Tensor, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the common area and the sum of both areas of each class and image, in pixels: int64 (classes - 1, N).

    Args:
        prediction: Class indexes, shape (N, *spatial).
        target: Likewise, same shape and device; pixels that are 255 (`IGNORE`) count nowhere.
        classes: Number of classes, the background (0) included.

    Raises:
        ShapeError: The shapes differ or have no axis beside N.
    """
    _check(prediction, target)
    each = [_overlap(prediction == label, target, label) for label in range(1, classes)]
    common, areas = (torch.stack(some) for some in zip(*each, strict=True))
    return common, areas


def mean_of_classes(common: torch.Tensor, areas: torch.Tensor) -> torch.Tensor:
    """Return the Dice of each column, float64 (N,), from `overlaps`: the mean over the rows whose area is not 0."""
    present = areas > 0
    dice = torch.where(present, 2.0 * common.double() / areas.clamp(min=1), 0.0).sum(0)
    return torch.where(present.any(0), dice / present.sum(0).clamp(min=1), 1.0)


def pooled_dice(common: torch.Tensor, areas: torch.Tensor) -> torch.Tensor:
    """Return the Dice of all images as if they were one, a float64 scalar, from `overlaps` (classes - 1, N).

    Large objects weigh more in it than in the mean of the images' Dice. Classes that are nowhere are left out.
    """
    return mean_of_classes(common.sum(1, keepdim=True), areas.sum(1, keepdim=True))[0]


def _overlap(found: torch.Tensor, target: torch.Tensor, label: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The common area and the sum of both areas, each (N,), in pixels: integers, exact at any image size."""
    labelled = (found & (target != IGNORE)).flatten(1)
    wanted = (target == label).flatten(1)
    return (labelled & wanted).sum(1), labelled.sum(1) + wanted.sum(1)


def _check(prediction: torch.Tensor, target: torch.Tensor) -> None:
    if prediction.shape != target.shape or prediction.ndim < 2:
        raise ShapeError(
            f"dice: prediction and target must have one shape (N, *spatial), "
            f"got {tuple(prediction.shape)} and {tuple(target.shape)}"
        )
