"""What a training leaves behind beside the weights: one record per epoch."""

from dataclasses import dataclass

__all__ = ["Curve", "EpochRecord"]


@dataclass(frozen=True)
class EpochRecord:
    """One finished epoch.

    Attributes:
        epoch: 1 for the first.
        train_loss: Mean over the epoch's steps, of the weights as they were at each step.
        dice: Of the averaged weights on the validation images: mean of the images' Dice, 0..1.
        seconds: Wall clock, training and scoring.
        pooled_dice: Likewise of all validation pixels together, as if the images were one; to look at only.
    """

    epoch: int
    train_loss: float
    dice: float
    seconds: float
    pooled_dice: float


@dataclass(frozen=True)
class Curve:
    """All epochs of a training, in order; at least one."""

    epochs: tuple[EpochRecord, ...]

    @property
    def dice(self) -> float:
        """The result: Dice at the last epoch."""
        return self.epochs[-1].dice

    @property
    def best_dice(self) -> float:
        """The highest Dice of any epoch; to look at only, because a maximum over noise is too high."""
        return max(record.dice for record in self.epochs)
