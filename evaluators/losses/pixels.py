"""What every loss is computed from: one output of a network beside the masks, in float32, each view computed once."""

from functools import cached_property

import torch
from torch.nn import functional

from evaluators.dice import IGNORE

__all__ = ["Pixels"]


class Pixels:
    """Logits and masks of one size.

    For two classes a network has one output, the logit of class 1; for more it has one for each (softmax). F counts
    the foreground classes, 1..classes - 1.

    Attributes:
        logits: float32 (N, K, H, W), K 1 for two classes, else `classes`.
        masks: uint8 (N, H, W), class indexes; 255 (`IGNORE`) is of no class and must count nowhere.
        classes: Number of classes, the background included.
    """

    def __init__(self, logits: torch.Tensor, masks: torch.Tensor, classes: int) -> None:
        self.logits = logits
        self.masks = masks
        self.classes = classes

    @cached_property
    def labelled(self) -> torch.Tensor:
        """1 where a mask has a class and 0 where it is ignored, float32 (N, 1, H, W)."""
        return (self.masks != IGNORE).unsqueeze(1).float()

    @cached_property
    def entropy(self) -> torch.Tensor:
        """Minus the logarithm of the true class's probability, (N, 1, H, W); 0 where ignored."""
        if self.classes == 2:
            each = functional.binary_cross_entropy_with_logits(self.logits, self.targets(), reduction="none")
            return each * self.labelled
        each = functional.cross_entropy(self.logits, self.masks.long(), ignore_index=IGNORE, reduction="none")
        return each.unsqueeze(1)

    @cached_property
    def log_odds(self) -> torch.Tensor:
        """log(p / (1 - p)) of each foreground class against all others, (N, F, H, W)."""
        if self.classes == 2:
            return self.logits
        odds = []
        for label in range(1, self.classes):
            others = torch.cat((self.logits[:, :label], self.logits[:, label + 1 :]), 1)
            odds.append(self.logits[:, label] - others.logsumexp(1))
        return torch.stack(odds, 1)

    def probabilities(self, background: bool = False) -> torch.Tensor:
        """Return those of the foreground classes (N, F, H, W), or of all classes; 0 where ignored."""
        every = self._probabilities
        if background and self.classes == 2:
            return torch.cat((self.labelled - every, every), 1)
        return every if background or self.classes == 2 else every[:, 1:]

    def targets(self, background: bool = False) -> torch.Tensor:
        """Return 1 where a pixel is of the class, else 0: float32 (N, F, H, W), or of all classes."""
        labels = torch.arange(0 if background else 1, self.classes, device=self.masks.device, dtype=torch.uint8)
        return (self.masks.unsqueeze(1) == labels.view(1, -1, 1, 1)).float()

    @cached_property
    def _probabilities(self) -> torch.Tensor:
        every = self.logits.sigmoid() if self.classes == 2 else self.logits.softmax(1)
        return every * self.labelled
