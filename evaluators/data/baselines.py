"""What Dice a prediction gets that looks at no image: the numbers a network has to beat."""

import torch
from torch import Tensor

from evaluators.data.samples import DataError
from evaluators.dice import dice_per_image

__all__ = ["all_foreground_dice", "mean_mask_dice"]

N_THRESHOLDS = 33
SEARCH_SIDE = 64  # masks larger than this are thinned while the threshold is chosen: the choice hardly depends on it


def all_foreground_dice(masks: Tensor) -> float:
    """Mean Dice, 0..1, of calling every pixel foreground; masks (N, H, W) of 0 and 1, 255 ignored.

    Raises:
        DataError: There are no masks, or they are not (N, H, W).
    """
    _check(masks)
    return _mean_dice(torch.ones_like(masks[:1]), masks)


def mean_mask_dice(train_masks: Tensor, masks: Tensor) -> float:
    """Mean Dice, 0..1, on `masks` (N, H, W) of always predicting where lesions mostly are in `train_masks` (M, H, W).

    The prediction is the mean training mask above a threshold: of 33 between 0 and its maximum (where nothing is left),
    the one with the best mean Dice on the training masks.

    Raises:
        DataError: One of the two has no masks, is not (N, H, W), or they differ in H or W.
    """
    _check(train_masks)
    _check(masks)
    if train_masks.shape[1:] != masks.shape[1:]:
        raise DataError(
            f"mean_mask_dice: masks must have one size; got {tuple(train_masks.shape)} and {tuple(masks.shape)}"
        )
    mean = (train_masks == 1).double().mean(0, keepdim=True)  # (1, H, W)
    predictions = [mean > level for level in torch.linspace(0, 1, N_THRESHOLDS).double() * mean.max().cpu()]
    step = max(1, min(train_masks.shape[1:]) // SEARCH_SIDE)
    thin = train_masks[:, ::step, ::step].contiguous()
    best = max(predictions, key=lambda prediction: _mean_dice(prediction[:, ::step, ::step], thin))
    return _mean_dice(best, masks)


def _mean_dice(prediction: Tensor, masks: Tensor) -> float:
    """Mean over the masks of the Dice of one prediction (1, H, W) for all of them."""
    return float(dice_per_image(prediction.expand(masks.shape), masks).mean())


def _check(masks: Tensor) -> None:
    if masks.dim() != 3 or len(masks) == 0:
        raise DataError(f"baselines: masks must be (N, H, W) with N >= 1, not {tuple(masks.shape)}")
