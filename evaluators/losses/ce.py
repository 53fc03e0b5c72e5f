"""Cross-entropy: minus the logarithm of the probability that the network gives to a pixel's class."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from evaluators.losses.pixels import Pixels

__all__ = ["Ce"]


@dataclass(frozen=True)
class Ce:
    """Mean over the labelled pixels of the batch, all classes alike; for two classes the binary cross-entropy."""

    def __call__(self, pixels: "Pixels") -> "Tensor":
        """Return a scalar, 0 if nothing is labelled."""
        return pixels.entropy.sum() / pixels.labelled.sum().clamp(min=1)
