"""The training loss: a weighted sum of losses (`evaluators.losses`) for each output of a network, weighted in turn.

The default, soft Dice plus cross-entropy, is the usual choice in medical segmentation (nnU-Net, Isensee et al., Nature
Methods 2021), which also leaves the background out of the Dice of several classes.
"""

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch.nn import functional

from evaluators.losses import DEFAULT_LOSS, LossSpec, read_loss
from evaluators.losses.pixels import Pixels
from nas.errors import ShapeError

__all__ = ["SegmentationLoss", "Supervision", "at_size", "outputs_for"]

Supervision: TypeAlias = str | Sequence[float]


class SegmentationLoss:
    """The loss of a network's outputs, in float32 whatever the logits are.

    Args:
        spec: Losses by name with their weights (`evaluators.losses.read_loss`).
        supervision: How several outputs count. "mean": alike, weights adding up to 1; "sum": each with 1; "halving":
            half of it for each place further from the output that is scored, adding up to 1; or the weights, as they
            are, in the order of the outputs. A network with one output has its loss, whatever this is.
        classes: Number of classes, the background included.
        prediction: Index of the output that is scored.

    Raises:
        RecipeError: `spec` is not legal.
    """

    def __init__(
        self,
        spec: LossSpec = DEFAULT_LOSS,
        supervision: Supervision = "mean",
        classes: int = 2,
        prediction: int = 0,
    ) -> None:
        self.terms = read_loss(spec)
        self.supervision = supervision
        self.classes = classes
        self.prediction = prediction

    def __call__(self, outputs: torch.Tensor | Sequence[torch.Tensor], masks: torch.Tensor) -> torch.Tensor:
        """Return a scalar on the device, at least 0.

        Args:
            outputs: Logits (N, K, h, w), or several such for deep supervision; resized to the masks' size. K is 1 for
                two classes (sigmoid), else the number of classes (softmax).
            masks: uint8 (N, H, W) of class indexes, 0 the background; 255 (`IGNORE`) pixels count nowhere.

        Raises:
            ShapeError: The logits are not (N, K, h, w) with the masks' N, or not as many as `supervision` has weights.
        """
        several = (outputs,) if isinstance(outputs, torch.Tensor) else tuple(outputs)
        weights = self.weights_of(len(several))
        losses = [self._of_one(logits, masks) for logits in several]
        return torch.stack([weight * loss for weight, loss in zip(weights, losses, strict=True)]).sum()

    def weights_of(self, outputs: int) -> tuple[float, ...]:
        """Return the weight of each of so many outputs.

        Raises:
            ShapeError: `supervision` lists another number of weights.
        """
        if outputs == 1:
            return (1.0,)
        if isinstance(self.supervision, str):
            raw = [
                0.5 ** abs(index - self.prediction) if self.supervision == "halving" else 1 for index in range(outputs)
            ]
            total = 1.0 if self.supervision == "sum" else sum(raw)
            return tuple(weight / total for weight in raw)
        if len(self.supervision) != outputs:
            raise ShapeError(
                f"loss: supervision must have a weight for each of the network's {outputs} outputs, "
                f"got {len(self.supervision)}; use mean, sum or halving for networks that differ in it"
            )
        return tuple(self.supervision)

    def _of_one(self, logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        channels = outputs_for(self.classes)
        if logits.ndim != 4 or logits.shape[:2] != (len(masks), channels):
            wanted, came = f"({len(masks)}, {channels}, h, w)", tuple(logits.shape)
            raise ShapeError(f"loss: logits must be {wanted}, got {came}; build the network with classes={channels}")
        pixels = Pixels(at_size(logits, masks), masks, self.classes)
        return torch.stack([weighted.weight * weighted.term(pixels) for weighted in self.terms]).sum()


def outputs_for(classes: int) -> int:
    """Return how many output channels a network has for so many classes: 1 for two (sigmoid), else one each."""
    return 1 if classes == 2 else classes


def at_size(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Return the logits (N, K, h, w) as float32 (N, K, H, W), bilinear without aligned corners, for masks (N, H, W)."""
    size = masks.shape[1:]
    if logits.shape[2:] == size:
        return logits.float()
    return functional.interpolate(logits.float(), size=tuple(size), mode="bilinear", align_corners=False)
