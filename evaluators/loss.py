"""The training loss of segmentation: cross-entropy plus soft Dice, averaged over a network's outputs.

Source of the soft Dice: Milletari et al., 3DV 2016, arXiv:1606.04797, here with plain sums in the denominator and
smoothing 1, image by image as in the metric. The sum of both terms is the usual choice in medical segmentation
(nnU-Net, Isensee et al., Nature Methods 2021), which also leaves the background out of the Dice of several classes.
"""

from collections.abc import Sequence

import torch
from torch.nn import functional

from evaluators.dice import IGNORE
from nas.errors import ShapeError

__all__ = ["at_size", "outputs_for", "segmentation_loss"]

_SMOOTH = 1.0  # pixels; keeps the term finite and its gradient small where nothing is labelled


def segmentation_loss(
    outputs: torch.Tensor | Sequence[torch.Tensor], masks: torch.Tensor, classes: int = 2
) -> torch.Tensor:
    """Return the mean over the outputs of (cross-entropy + 1 - soft Dice), in float32 whatever the logits are.

    Args:
        outputs: Logits (N, K, h, w), or several such for deep supervision; resized to the masks' size. K is 1 for two
            classes (sigmoid), else the number of classes (softmax).
        masks: uint8 (N, H, W) of class indexes, 0 the background; 255 (`IGNORE`) pixels count in neither term.
        classes: Number of classes, the background included.

    Returns:
        A scalar on the device, at least 0.

    Raises:
        ShapeError: The logits are not (N, K, h, w) with the masks' N.
    """
    several = (outputs,) if isinstance(outputs, torch.Tensor) else tuple(outputs)
    labelled = (masks != IGNORE).float()
    resized = [at_size(_checked(logits, masks, outputs_for(classes)), masks) for logits in several]
    if classes > 2:
        return torch.stack([_several(logits, masks, labelled) for logits in resized]).mean()
    target = (masks == 1).float()
    return torch.stack([_binary(logits[:, 0], target, labelled) for logits in resized]).mean()


def outputs_for(classes: int) -> int:
    """Return how many output channels a network has for so many classes: 1 for two (sigmoid), else one each."""
    return 1 if classes == 2 else classes


def at_size(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Return the logits (N, K, h, w) as float32 (N, K, H, W), bilinear without aligned corners, for masks (N, H, W)."""
    size = masks.shape[1:]
    if logits.shape[2:] == size:
        return logits.float()
    return functional.interpolate(logits.float(), size=tuple(size), mode="bilinear", align_corners=False)


def _checked(logits: torch.Tensor, masks: torch.Tensor, channels: int) -> torch.Tensor:
    if logits.ndim != 4 or logits.shape[:2] != (len(masks), channels):
        wanted, came = f"({len(masks)}, {channels}, h, w)", tuple(logits.shape)
        raise ShapeError(f"loss: logits must be {wanted}, got {came}; build the network with classes={channels}")
    return logits


def _binary(logits: torch.Tensor, target: torch.Tensor, labelled: torch.Tensor) -> torch.Tensor:
    entropy = functional.binary_cross_entropy_with_logits(logits, target, weight=labelled, reduction="sum")
    foreground = (logits.sigmoid() * labelled).flatten(1)
    common = (foreground * target.flatten(1)).sum(1)
    areas = foreground.sum(1) + target.flatten(1).sum(1)
    dice = (2 * common + _SMOOTH) / (areas + _SMOOTH)
    return entropy / labelled.sum().clamp(min=1) + 1 - dice.mean()


def _several(logits: torch.Tensor, masks: torch.Tensor, labelled: torch.Tensor) -> torch.Tensor:
    entropy = functional.cross_entropy(logits, masks.long(), ignore_index=IGNORE, reduction="sum")
    dices = []
    for label in range(1, logits.shape[1]):
        target = (masks == label).float().flatten(1)
        found = (logits.softmax(1)[:, label] * labelled).flatten(1)
        dices.append((2 * (found * target).sum(1) + _SMOOTH) / (found.sum(1) + target.sum(1) + _SMOOTH))
    return entropy / labelled.sum().clamp(min=1) + 1 - torch.stack(dices).mean()
