"""Soft Dice: 1 minus twice the common area over the sum of both areas, probabilities for areas.

Source: Milletari et al., 3DV 2016, arXiv:1606.04797, here with plain sums in the denominator, as MONAI's DiceLoss.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluators.faults import require

if TYPE_CHECKING:
    from torch import Tensor

    from evaluators.losses.pixels import Pixels

__all__ = ["Dice"]


@dataclass(frozen=True)
class Dice:
    """Mean over images and classes of 1 - (2 common + smooth) / (areas + smooth).

    Attributes:
        smooth: Pixels, above 0; keeps the term finite and its gradient small where nothing is labelled.
        background: Count the background as a class too.
        pooled: Sum areas over the batch before dividing, as if it were one image.
    """

    smooth: float = 1.0
    background: bool = False
    pooled: bool = False

    def __post_init__(self) -> None:
        require("loss: dice: smooth", self.smooth, "more than 0", self.smooth > 0)

    def __call__(self, pixels: "Pixels") -> "Tensor":
        """Return a scalar in [0, 1]; an image without the class that is not predicted either costs nothing."""
        found, wanted = pixels.probabilities(self.background), pixels.targets(self.background)
        axes = (0, 2, 3) if self.pooled else (2, 3)
        common, areas = (found * wanted).sum(axes), found.sum(axes) + wanted.sum(axes)
        return 1 - ((2 * common + self.smooth) / (areas + self.smooth)).mean()
