"""Focal loss: cross-entropy in which pixels that are already right count little.

Source: Lin et al., ICCV 2017, arXiv:1708.02002, equation 5. Of several classes the probability of the true one
after the softmax is p_t; MONAI's FocalLoss also divides by the number of classes then, this one does not.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluators.faults import require

if TYPE_CHECKING:
    from torch import Tensor

    from evaluators.losses.pixels import Pixels

__all__ = ["Focal"]


@dataclass(frozen=True)
class Focal:
    """Mean over the labelled pixels of the batch of -a (1 - p_t)^gamma log p_t.

    Attributes:
        gamma: 0 (cross-entropy) or more.
        alpha: a of foreground pixels, 0..1; background pixels have 1 - alpha. None: both have 1.
    """

    gamma: float = 2.0
    alpha: float | None = None

    def __post_init__(self) -> None:
        require("loss: focal: gamma", self.gamma, "0 or more", self.gamma >= 0)
        if self.alpha is not None:
            require("loss: focal: alpha", self.alpha, "0 to 1", 0 <= self.alpha <= 1)

    def __call__(self, pixels: "Pixels") -> "Tensor":
        """Return a scalar, 0 if nothing is labelled."""
        import torch  # here: a study's losses are checked without torch

        wrong = -torch.expm1(-pixels.entropy)  # 1 - p_t
        each = wrong.clamp(min=torch.finfo(wrong.dtype).tiny) ** self.gamma * pixels.entropy  # 0^gamma has no slope
        if self.alpha is not None:
            each = each * torch.where(pixels.masks.unsqueeze(1) == 0, 1 - self.alpha, self.alpha)
        return each.sum() / pixels.labelled.sum().clamp(min=1)
