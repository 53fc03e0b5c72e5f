"""The Dice of a network on images with masks: what a search optimises."""

from collections.abc import Sequence

import torch
from torch import nn

from evaluators.augment import normalise
from evaluators.dice import dice_of_classes, dice_per_image
from evaluators.faults import Diverged
from evaluators.loss import at_size, outputs_for
from nas.errors import ShapeError

__all__ = ["mean_dice", "prepare"]


def mean_dice(
    module: nn.Module,
    images: torch.Tensor,
    masks: torch.Tensor,
    *,
    prediction: int = 0,
    batch: int = 8,
    dtype: torch.dtype = torch.float32,
    channels_last: bool = True,
    classes: int = 2,
) -> float:
    """Return the mean over the images of the Dice, at the masks' size; the host waits once.

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
    dices, finite = [], []
    with torch.inference_mode(), torch.autocast(images.device.type, torch.bfloat16, dtype == torch.bfloat16):
        for some, target in zip(torch.split(images, batch), torch.split(masks, batch), strict=True):
            outputs = module(prepare(normalise(some), channels_last))
            logits = at_size(_counted(outputs, prediction, outputs_for(classes)), target)
            dices.append(_dices(logits, target, classes))
            finite.append(logits.isfinite().all())
        total = torch.cat(dices).mean()
        dice = torch.where(torch.stack(finite).all(), total, torch.nan).item()
    if dice != dice:
        raise Diverged("scoring: the network's logits on the validation images are not finite; lower the learning rate")
    return dice


def prepare(images: torch.Tensor, channels_last: bool) -> torch.Tensor:
    """Return float images (N, C, H, W) in the memory layout that a step reads fastest."""
    return images.contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)


def _dices(logits: torch.Tensor, target: torch.Tensor, classes: int) -> torch.Tensor:
    if classes == 2:
        return dice_per_image(logits[:, 0] > 0, target)  # logit 0 is probability 0.5
    return dice_of_classes(logits.argmax(1), target, classes)


def _counted(outputs: torch.Tensor | Sequence[torch.Tensor], prediction: int, channels: int) -> torch.Tensor:
    logits = outputs if isinstance(outputs, torch.Tensor) else outputs[prediction]
    if logits.shape[1] != channels:
        came = tuple(logits.shape)
        raise ShapeError(f"scoring: logits must be (N, {channels}, h, w), got {came}; build with classes={channels}")
    return logits
