"""What Dice a prediction gets that looks at no image: the numbers a network has to beat."""

import torch
from torch import Tensor

from evaluators.data.samples import DataError
from evaluators.dice import dice_of_classes

__all__ = ["all_foreground_dice", "mean_mask_dice"]

N_THRESHOLDS = 33
SEARCH_SIDE = 64  # masks larger than this are thinned while the threshold is chosen: the choice hardly depends on it


def all_foreground_dice(masks: Tensor, classes: int = 2) -> float:
    """Mean Dice, 0..1, of calling every pixel foreground; masks (N, H, W) of class indexes, 255 ignored.

    Of several foreground classes it is the one with which that scores best.

    Raises:
        DataError: There are no masks, or they are not (N, H, W).
    """
    _check(masks)
    return max(_mean_dice(torch.full_like(masks[:1], label), masks, classes) for label in range(1, classes))


def mean_mask_dice(train_masks: Tensor, masks: Tensor, classes: int = 2) -> float:
    """Mean Dice, 0..1, on `masks` (N, H, W) of always predicting where objects mostly are in `train_masks` (M, H, W).

    The prediction is the mean training mask above a threshold: of 33 between 0 and its maximum (where nothing is left),
    the one with the best mean Dice on the training masks. Of several foreground classes a pixel gets the most frequent.

    Raises:
        DataError: One of the two has no masks, is not (N, H, W), or they differ in H or W.
    """
    _check(train_masks)
    _check(masks)
    if train_masks.shape[1:] != masks.shape[1:]:
        raise DataError(
            f"mean_mask_dice: masks must have one size; got {tuple(train_masks.shape)} and {tuple(masks.shape)}"
        )
    shares = torch.stack(
        [(train_masks == label).double().mean(0) for label in range(1, classes)]
    )  # (classes - 1, H, W)
    mean, usual = shares.sum(0, keepdim=True), (shares.argmax(0, keepdim=True) + 1).to(masks.dtype)
    predictions = [usual * (mean > level) for level in torch.linspace(0, 1, N_THRESHOLDS).double() * mean.max().cpu()]
    step = max(1, min(train_masks.shape[1:]) // SEARCH_SIDE)
    thin = train_masks[:, ::step, ::step].contiguous()
    best = max(predictions, key=lambda prediction: _mean_dice(prediction[:, ::step, ::step], thin, classes))
    return _mean_dice(best, masks, classes)


def _mean_dice(prediction: Tensor, masks: Tensor, classes: int) -> float:
    """Mean over the masks of the Dice of one prediction (1, H, W) for all of them."""
    return float(dice_of_classes(prediction.expand(masks.shape), masks, classes).mean())


def _check(masks: Tensor) -> None:
    if masks.dim() != 3 or len(masks) == 0:
        raise DataError(f"baselines: masks must be (N, H, W) with N >= 1, not {tuple(masks.shape)}")
