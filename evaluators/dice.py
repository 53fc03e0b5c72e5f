"""The Dice coefficient of one foreground class, image by image.

Name: dice. Unit: none, 0 (nothing right) to 1 (all right), higher is better. Needs: predictions and masks.
Source: Dice, Ecology 26 (1945), 297-302: twice the common area over the sum of the two areas.
"""

import torch

from nas.errors import ShapeError

__all__ = ["IGNORE", "dice_per_image"]

IGNORE = 255  # value of mask pixels that nobody labelled


def dice_per_image(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the Dice of each image; nothing is read back to the host.

    Both empty gives 1, one empty gives 0, so that no image is nan and every image counts in a mean.
    For one of K classes pass `prediction == k` and `target == k`, with ignored pixels cleared in both.

    Args:
        prediction: bool or 0/1, shape (N, *spatial); pixels equal to 1 are foreground.
        target: likewise, same shape and device; pixels that are 255 (`IGNORE`) count nowhere.

    Returns:
        float64, shape (N,), on the same device, each in [0, 1].

    Raises:
        ShapeError: The shapes differ or have no axis beside N.
    """
    if prediction.shape != target.shape or prediction.ndim < 2:
        raise ShapeError(
            f"dice: prediction and target must have one shape (N, *spatial), "
            f"got {tuple(prediction.shape)} and {tuple(target.shape)}"
        )
    found = ((prediction == 1) & (target != IGNORE)).flatten(1)
    wanted = (target == 1).flatten(1)
    common = (found & wanted).sum(1)  # integers: exact at any image size
    areas = found.sum(1) + wanted.sum(1)
    return torch.where(areas == 0, 1.0, 2.0 * common.double() / areas.clamp(min=1))
