"""The training loss of binary segmentation: cross-entropy plus soft Dice, averaged over a network's outputs.

Source of the soft Dice: Milletari et al., 3DV 2016, arXiv:1606.04797, here with plain sums in the denominator and
smoothing 1, image by image as in the metric. The sum of both terms is the usual choice in medical segmentation
(nnU-Net, Isensee et al., Nature Methods 2021).
"""

from collections.abc import Sequence

import torch
from torch.nn import functional

from evaluators.dice import IGNORE
from nas.errors import ShapeError

__all__ = ["at_size", "segmentation_loss"]

_SMOOTH = 1.0  # pixels; keeps the term finite and its gradient small where nothing is labelled


def segmentation_loss(outputs: torch.Tensor | Sequence[torch.Tensor], masks: torch.Tensor) -> torch.Tensor:
    """Return the mean over the outputs of (cross-entropy + 1 - soft Dice), in float32 whatever the logits are.

    Args:
        outputs: Logits (N, 1, h, w), or several such for deep supervision; resized to the masks' size.
        masks: uint8 (N, H, W): 1 foreground, 0 background; 255 (`IGNORE`) pixels count in neither term.

    Returns:
        A scalar on the device, at least 0.

    Raises:
        ShapeError: The logits are not (N, 1, h, w) with the masks' N. More classes need a softmax form of both terms.
    """
    several = (outputs,) if isinstance(outputs, torch.Tensor) else tuple(outputs)
    labelled = (masks != IGNORE).float()
    target = (masks == 1).float()
    losses = [_binary(at_size(_checked(logits, masks), masks)[:, 0], target, labelled) for logits in several]
    return torch.stack(losses).mean()


def at_size(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Return the logits (N, K, h, w) as float32 (N, K, H, W), bilinear without aligned corners, for masks (N, H, W)."""
    size = masks.shape[1:]
    if logits.shape[2:] == size:
        return logits.float()
    return functional.interpolate(logits.float(), size=tuple(size), mode="bilinear", align_corners=False)


def _checked(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    if logits.ndim != 4 or logits.shape[:2] != (len(masks), 1):
        wanted = f"({len(masks)}, 1, h, w)"
        raise ShapeError(f"loss: logits must be {wanted}, got {tuple(logits.shape)}; build the network with classes=1")
    return logits


def _binary(logits: torch.Tensor, target: torch.Tensor, labelled: torch.Tensor) -> torch.Tensor:
    entropy = functional.binary_cross_entropy_with_logits(logits, target, weight=labelled, reduction="sum")
    foreground = (logits.sigmoid() * labelled).flatten(1)
    common = (foreground * target.flatten(1)).sum(1)
    areas = foreground.sum(1) + target.flatten(1).sum(1)
    dice = (2 * common + _SMOOTH) / (areas + _SMOOTH)
    return entropy / labelled.sum().clamp(min=1) + 1 - dice.mean()
