"""How a network is trained: the numbers, and the learning rate that follows from them."""

import json
from dataclasses import asdict, dataclass

from evaluators.faults import RecipeError

__all__ = ["Recipe", "learning_rate_at"]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training but the network, the data and the device.

    Attributes:
        epochs: Passes over the training images.
        batch: Images per step; the last, smaller batch of an epoch is left out.
        learning_rate: AdamW's rate between warm-up and decay.
        weight_decay: AdamW's, on weights with two axes or more (neither biases nor norms).
        warmup: Share of the steps, 0..1, in which the rate rises linearly.
        decay: Share of the steps, 0..1, at the end, in which the rate falls linearly to about 0.
        ema_decay: Of the averaged weights, 0..1; an average over about 1 / (1 - ema_decay) steps.
        clip_norm: The gradient's greatest length.
        flips: Flip images at random.
        quarter_turns: Turn images at random by quarters.
        colour: Strength of the random changes of colour, 0 (off) to 1.
        precision: `auto`, `fp32` or `bf16` (weights stay float32).
        channels_last: Store feature maps channels last, which is faster on CPU and GPU alike.
        seed: Of order, augmentation and dropout. The initial weights are the caller's.

    Raises:
        RecipeError: A value is outside its range.
    """

    epochs: int = 12
    batch: int = 8
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warmup: float = 0.05
    decay: float = 0.2
    ema_decay: float = 0.98
    clip_norm: float = 1.0
    flips: bool = True
    quarter_turns: bool = True
    colour: float = 0.05
    precision: str = "auto"
    channels_last: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "learning_rate", "clip_norm"):
            _require(name, getattr(self, name), "more than 0", getattr(self, name) > 0)
        for name in ("weight_decay", "seed"):
            _require(name, getattr(self, name), "0 or more", getattr(self, name) >= 0)
        for name in ("warmup", "decay", "ema_decay", "colour"):
            _require(name, getattr(self, name), "0 to 1", 0 <= getattr(self, name) <= 1)
        _require("warmup + decay", self.warmup + self.decay, "at most 1", self.warmup + self.decay <= 1)

    def fingerprint(self) -> str:
        """Return the values as one line of JSON: equal for equal recipes, in every process."""
        return json.dumps(asdict(self), sort_keys=True)


def learning_rate_at(step: int, steps: int, recipe: Recipe) -> float:
    """Return the rate of step 0..steps-1: a linear rise, `recipe.learning_rate`, a linear fall that ends before 0.

    Of w warm-up steps the first has 1 / w of the rate and the last all of it. Of d decay steps the first has
    d / (d + 1) of it and the last 1 / (d + 1).
    """
    warmup_steps = round(recipe.warmup * steps)
    decay_steps = round(recipe.decay * steps)
    rise = (step + 1) / warmup_steps if warmup_steps else 1.0
    fall = (steps - step) / (decay_steps + 1)
    return recipe.learning_rate * min(1.0, rise, fall)


def _require(name: str, value: float, wanted: str, holds: bool) -> None:
    if not holds:
        raise RecipeError(f"recipe: {name} must be {wanted}, not {value}")
