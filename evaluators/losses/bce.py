"""Binary cross-entropy of each foreground class against all others.

For two classes it is the cross-entropy (`ce`). Of more, every class's probability after the softmax is one of a yes or
a no: binary_cross_entropy(softmax(logits)[:, 1:], one_hot[:, 1:]), computed from logits and so finite.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from evaluators.losses.pixels import Pixels

__all__ = ["Bce"]


@dataclass(frozen=True)
class Bce:
    """Mean over the batch's labelled pixels and the foreground classes."""

    def __call__(self, pixels: "Pixels") -> "Tensor":
        """Return a scalar, 0 if nothing is labelled."""
        from torch.nn import functional  # here: a study's losses are checked without torch

        targets = pixels.targets()
        each = functional.binary_cross_entropy_with_logits(
            pixels.log_odds, targets, weight=pixels.labelled, reduction="sum"
        )
        return each / (targets.shape[1] * pixels.labelled.sum()).clamp(min=1)
