"""What a training leaves behind beside the weights: one record per epoch."""

from dataclasses import dataclass, field

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
        micro_batch: Images that went through the network at a time at the end of the epoch; None where nobody said.
        peak_bytes: The most memory in use during the epoch, of the CUDA device by tensors, else of the whole process;
            None where it cannot be told. Epochs that differ in nothing else are equal.
    """

    epoch: int
    train_loss: float
    dice: float
    seconds: float
    pooled_dice: float
    micro_batch: int | None = None
    peak_bytes: int | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Curve:
    """All epochs of a training, in order; at least one."""

    epochs: tuple[EpochRecord, ...]

    @property
    def dice(self) -> float:
        """The result: Dice at the last epoch."""
        return self.epochs[-1].dice

    @property
    def peak_bytes(self) -> int | None:
        """The most memory in use in any epoch; None where it could not be told."""
        return max((record.peak_bytes for record in self.epochs if record.peak_bytes is not None), default=None)

    @property
    def best_dice(self) -> float:
        """The highest Dice of any epoch; to look at only, because a maximum over noise is too high."""
        return max(record.dice for record in self.epochs)
