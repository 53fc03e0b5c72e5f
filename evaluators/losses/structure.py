"""Structure loss: cross-entropy and IoU in which pixels near a boundary weigh more.

Source: F3Net (Wei et al., AAAI 2020, arXiv:1911.11445); PraNet and HarDNet-MSEG train with it. There are two readings:
the papers weigh each pixel's cross-entropy; their code hands the text 'none' to an argument that torch reads as
"average", so the cross-entropy is a plain mean over the batch and only the IoU is weighted. `weighted_entropy` chooses;
the default is the papers'.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from evaluators.losses.pixels import Pixels

__all__ = ["Structure"]

_WINDOW = 31  # pixels
_EMPHASIS = 5.0


@dataclass(frozen=True)
class Structure:
    """Mean over images and foreground classes of cross-entropy + 1 - (I + 1) / (U - I + 1).

    w = 1 + 5 |mean of the mask over 31 x 31 pixels - mask| (what lies outside or is ignored counts as 0);
    I = sum w p g, U = sum w (p + g). Of several classes each is taken against all others.

    Attributes:
        weighted_entropy: True: sum w BCE / sum w of each image (the papers); False: the mean BCE (their code).
    """

    weighted_entropy: bool = True

    def __call__(self, pixels: "Pixels") -> "Tensor":
        """Return a scalar, 0 if nothing is labelled."""
        from torch.nn import functional  # here: a study's losses are checked without torch

        wanted, found = pixels.targets(), pixels.probabilities()
        weights = (1 + _EMPHASIS * (_mean_around(wanted) - wanted).abs()) * pixels.labelled
        entropy = functional.binary_cross_entropy_with_logits(pixels.log_odds, wanted, reduction="none")
        common, both = ((weights * area).sum((2, 3)) for area in (found * wanted, found + wanted))
        iou = (common + 1) / (both - common + 1)
        if self.weighted_entropy:
            mean = (weights * entropy).sum((2, 3)) / weights.sum((2, 3)).clamp(min=1)
        else:
            mean = (entropy * pixels.labelled).sum((0, 2, 3)) / pixels.labelled.sum().clamp(min=1)
        return (mean + 1 - iou).mean()


def _mean_around(areas: "Tensor") -> "Tensor":
    """Mean of (N, F, H, W) over the window; rows, then columns, which is a fifteenth of the work."""
    from torch.nn import functional

    reach = _WINDOW // 2
    rows = functional.avg_pool2d(areas, (_WINDOW, 1), stride=1, padding=(reach, 0))
    return functional.avg_pool2d(rows, (1, _WINDOW), stride=1, padding=(0, reach))
