"""Tversky loss: a Dice in which false positives and false negatives weigh differently.

Source: Salehi et al., MLMI 2017, arXiv:1706.05721; alpha 0.3 and beta 0.7 are that paper's best. Both 0.5 give Dice.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluators.faults import require

if TYPE_CHECKING:
    from torch import Tensor

    from evaluators.losses.pixels import Pixels

__all__ = ["Tversky"]


@dataclass(frozen=True)
class Tversky:
    """Mean over images and classes of 1 - (tp + smooth) / (tp + alpha fp + beta fn + smooth).

    Attributes:
        alpha: Weight of false positives, 0 or more.
        beta: Weight of false negatives, 0 or more.
        smooth: Pixels, above 0.
        background: Count the background as a class too.
        pooled: Sum areas over the batch before dividing.
    """

    alpha: float = 0.3
    beta: float = 0.7
    smooth: float = 1.0
    background: bool = False
    pooled: bool = False

    def __post_init__(self) -> None:
        require("loss: tversky: alpha", self.alpha, "0 or more", self.alpha >= 0)
        require("loss: tversky: beta", self.beta, "0 or more", self.beta >= 0)
        require("loss: tversky: smooth", self.smooth, "more than 0", self.smooth > 0)

    def __call__(self, pixels: "Pixels") -> "Tensor":
        """Return a scalar in [0, 1]."""
        found, wanted = pixels.probabilities(self.background), pixels.targets(self.background)
        axes = (0, 2, 3) if self.pooled else (2, 3)
        common = (found * wanted).sum(axes)
        wrong = self.alpha * (found.sum(axes) - common) + self.beta * (wanted.sum(axes) - common)
        return 1 - ((common + self.smooth) / (common + wrong + self.smooth)).mean()
