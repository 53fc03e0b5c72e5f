"""How a network is trained: the numbers, and the learning rate that follows from them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import cos, isfinite, pi

from evaluators.faults import require
from evaluators.losses import DEFAULT_LOSS, Setting, read_loss

__all__ = ["OPTIMIZERS", "SCHEDULES", "SUPERVISIONS", "Recipe", "learning_rate_at"]

OPTIMIZERS = ("adamw", "adam", "sgd")
SCHEDULES = ("linear", "poly", "cosine", "step")
SUPERVISIONS = ("mean", "sum", "halving")

_POLY_POWER = 0.9
_STEP_FACTOR = 0.1


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training but the network, the data and the device.

    Attributes:
        epochs: Passes over the training images.
        batch: Images per step; the last, smaller batch of an epoch is left out.
        loss: Losses by name, each with its weight or its settings (`evaluators.losses`).
        supervision: How several outputs of a network count: mean, sum, halving, or a weight for each, in order.
        optimizer: adamw, adam (weight decay is added to the gradient) or sgd (likewise).
        learning_rate: The optimizer's between warm-up and decay.
        momentum: Of sgd, 0..1 (exclusive).
        weight_decay: The optimizer's, on weights with two axes or more (neither biases nor norms).
        decay_biases: Let weight decay act on biases and norms as well.
        warmup: Share of the steps, 0..1, in which the rate rises linearly.
        decay: Share of the steps, 0..1, at the end, in which the rate falls.
        schedule: How it falls: linear (to about 0), poly ((1 - t)^0.9), cosine, or step (a tenth throughout).
        ema_decay: Of the averaged weights, 0..1; an average over about 1 / (1 - ema_decay) steps. 0: the last weights.
        clip_norm: The gradient's greatest length; None: any.
        clip_value: The greatest absolute value of each of its numbers; None: any.
        flips: Flip images at random.
        quarter_turns: Turn images at random by quarters.
        rotation: Turn images at random by up to so many degrees, 0..180, either way.
        zoom: Enlarge images at random by a factor between these two, each above 0; the part that stays is random.
        scales: Each batch is used once at each of these multiples of the images' size, a step each.
        colour: Strength of the random changes of colour, 0 (off) to 1.
        precision: `auto`, `fp32` or `bf16` (weights stay float32).
        channels_last: Store feature maps channels last, which is faster on CPU and GPU alike.
        seed: Of order, augmentation and dropout. The initial weights are the caller's.

    Raises:
        RecipeError: A value is outside its range.
    """

    epochs: int = 12
    batch: int = 8
    loss: Mapping[str, float | Mapping[str, Setting]] = field(default_factory=lambda: dict(DEFAULT_LOSS))
    supervision: str | tuple[float, ...] = "mean"
    optimizer: str = "adamw"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 1e-2
    decay_biases: bool = False
    warmup: float = 0.05
    decay: float = 0.2
    schedule: str = "linear"
    ema_decay: float = 0.98
    clip_norm: float | None = 1.0
    clip_value: float | None = None
    flips: bool = True
    quarter_turns: bool = True
    rotation: float = 0.0
    zoom: tuple[float, float] = (1.0, 1.0)
    scales: tuple[float, ...] = (1.0,)
    colour: float = 0.05
    precision: str = "auto"
    channels_last: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "learning_rate"):
            self._require(name, "more than 0", getattr(self, name) > 0)
        for name in ("clip_norm", "clip_value"):
            self._require(name, "more than 0, or None", getattr(self, name) is None or getattr(self, name) > 0)
        for name in ("weight_decay", "seed"):
            self._require(name, "0 or more", getattr(self, name) >= 0)
        for name in ("warmup", "decay", "ema_decay", "colour"):
            self._require(name, "0 to 1", 0 <= getattr(self, name) <= 1)
        require("recipe: warmup + decay", self.warmup + self.decay, "at most 1", self.warmup + self.decay <= 1)
        self._require("momentum", "0 or more and below 1", 0 <= self.momentum < 1)
        self._require("optimizer", f"one of {', '.join(OPTIMIZERS)}", self.optimizer in OPTIMIZERS)
        self._require("schedule", f"one of {', '.join(SCHEDULES)}", self.schedule in SCHEDULES)
        self._require("rotation", "0 to 180 degrees", 0 <= self.rotation <= 180)
        least, greatest = self.zoom
        self._require("zoom", "two finite factors above 0, the lesser first", 0 < least <= greatest < float("inf"))
        good = bool(self.scales) and all(0 < scale < float("inf") for scale in self.scales)
        self._require("scales", "one or more finite factors above 0", good)
        self._check_supervision()
        read_loss(self.loss)

    def _check_supervision(self) -> None:
        wanted = f"one of {', '.join(SUPERVISIONS)}, or weights of 0 or more, one above 0"
        if isinstance(self.supervision, str):
            self._require("supervision", wanted, self.supervision in SUPERVISIONS)
        else:
            good = all(weight >= 0 and isfinite(weight) for weight in self.supervision) and any(self.supervision)
            self._require("supervision", wanted, good)

    def _require(self, name: str, wanted: str, holds: bool) -> None:
        require(f"recipe: {name}", getattr(self, name), wanted, holds)

    def fingerprint(self) -> str:
        """Return the values as one line of JSON: equal for equal recipes, in every process."""
        return json.dumps(asdict(self), sort_keys=True)


def learning_rate_at(step: int, steps: int, recipe: Recipe) -> float:
    """Return the rate of step 0..steps-1: a linear rise, `recipe.learning_rate`, then the schedule's fall, never 0.

    Of w warm-up steps the first has 1 / w of the rate and the last all of it. Of d decay steps, j = 0..d-1:
    linear has (d - j) / (d + 1) of it, poly (1 - j / d)^0.9, cosine (1 + cos(pi j / d)) / 2, step a tenth.
    """
    warmup_steps = round(recipe.warmup * steps)
    decay_steps = round(recipe.decay * steps)
    rise = (step + 1) / warmup_steps if warmup_steps else 1.0
    return recipe.learning_rate * min(1.0, rise, _fall(recipe.schedule, step - (steps - decay_steps), decay_steps))


def _fall(schedule: str, step: int, steps: int) -> float:
    """Return the factor of decay step 0..steps-1; 1 before the first."""
    if step < 0:
        return 1.0
    if schedule == "linear":
        return (steps - step) / (steps + 1)
    if schedule == "poly":
        return float((1 - step / steps) ** _POLY_POWER)
    return (1 + cos(pi * step / steps)) / 2 if schedule == "cosine" else _STEP_FACTOR
