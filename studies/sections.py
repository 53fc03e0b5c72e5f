"""The sections of a study's file. The descriptions of their fields are the comments that `nas init` writes."""

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_serializer, model_validator

from evaluators.faults import RecipeError
from evaluators.losses import DEFAULT_LOSS, LOSSES, Setting, read_loss
from evaluators.presets import PRESETS, preset_values
from search_spaces import published_names
from studies.errors import shown
from studies.validation import broken_rules

__all__ = ["Budget", "Deploy", "Device", "EncoderWeights", "GeneratedData", "PossiblePath", "Sampler"]
__all__ += ["ProxyName", "Rungs", "Section", "Seed", "Split", "Start", "Storage", "Train"]


def _known_device(name: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:[0-9]{1,3})?", name):
        raise broken_rules({(): f"needs auto, cpu, cuda or cuda:N; came {shown(name)}"})
    return name


def _known_storage(name: str) -> str:
    if re.match(r"postgresql://[^@/]*:[^@/]*@", name):
        raise broken_rules({(): "holds a password, which is stored with the study; put it in ~/.pgpass or PGPASSWORD"})
    if name not in ("journal", "sqlite") and not re.fullmatch(r"postgresql://[^\s/]+/[^\s/]+", name):
        raise broken_rules({(): f"needs journal, sqlite or postgresql://USER@HOST/DATABASE; came {shown(name)}"})
    return name


def _possible_path(path: Path) -> Path:
    if "\0" in str(path):
        raise broken_rules({(): f"needs a path without NUL characters; came {shown(str(path))}"})
    return path


Device = Annotated[str, AfterValidator(_known_device)]
Storage = Annotated[str, AfterValidator(_known_storage)]
PossiblePath = Annotated[Path, Field(strict=False), AfterValidator(_possible_path)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what numpy and torch both take
Share = Annotated[float, Field(ge=0, le=1)]
ProxyName = Literal["synflow", "naswot", "grad_norm", "jacob_cov"]  # evaluators.proxies.PROXIES; loads no torch here
Side = Annotated[int, Field(ge=32)]  # pixels
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class Section(BaseModel):
    """Strict: unknown keys are faults, '20' is not 20, 1 is not true, nothing is infinite."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Split(Section):
    """Which images training never sees."""

    validation: float = Field(default=0.15, gt=0, lt=1, description="share that the search compares networks on")
    test: float = Field(default=0.15, ge=0, lt=1, description="share that only the final report sees")
    seed: Seed = Field(default=0, description="another seed deals the images out differently")

    @model_validator(mode="after")
    def _leaves_some_to_train_on(self) -> Self:
        if self.validation + self.test >= 1:
            came = f"{self.validation:g} + {self.test:g}"
            raise broken_rules({(): f"needs validation + test below 1, the rest is trained on; came {came}"})
        return self


class GeneratedData(Section):
    """Drawn images, to try the tool without data."""

    input_channels: ClassVar[int] = 3
    classes: ClassVar[tuple[str, ...]] = ("background", "lesion")
    kind: Literal["generated"] = Field(default="generated", description="drawn images; no data needed")
    images: int = Field(default=320, ge=10, description="how many")
    size: Side = Field(default=96, description="height and width in pixels")
    seed: Seed = Field(default=0, description="another seed draws other images")
    split: Split = Field(default=Split(), description="which images training never sees; the rest is trained on")


class EncoderWeights(Section):
    """A checkpoint of a published network, for what other encoders have in common with its own."""

    file: PossiblePath = Field(description="the checkpoint; relative to where `nas` is run")
    network: str = Field(alias="as", description="the published network that it is of")

    @field_validator("network")
    @classmethod
    def _has_published_names(cls, network: str) -> str:
        if network not in published_names:
            close = get_close_matches(network[:100], published_names, n=1)
            known = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(published_names)}"
            raise broken_rules({(): f"unknown network {shown(network)}; {known}"})
        return network

    @model_serializer
    def _as_written(self) -> dict[str, str]:
        return {"file": str(self.file), "as": self.network}


class Train(Section):
    """How each network is trained; fields and defaults are those of `evaluators.Recipe`, how and where it starts."""

    recipe: str = Field(
        default="default",
        description=f"{', '.join(list(PRESETS)[1:])}: that paper's values for what is not written below",
    )
    size: Side = Field(default=128, description="height and width of training images in pixels")
    epochs: int = Field(default=12, ge=1, description="passes over the training images")
    batch: int = Field(default=8, ge=1, description="images per step")
    loss: dict[str, float | dict[str, Setting]] = Field(
        default=DEFAULT_LOSS, description=f"each with its weight: {', '.join(LOSSES)}; {{tversky: {{alpha: 0.3}}}}"
    )
    supervision: Literal["mean", "sum", "halving"] | Annotated[tuple[NotNegative, ...], Field(strict=False)] = Field(
        default="mean", description="how several outputs count: mean, sum, halving, or a weight for each"
    )
    optimizer: Literal["adamw", "adam", "sgd"] = Field(default="adamw", description="adamw, adam or sgd")
    learning_rate: float = Field(default=1e-3, gt=0, description="of the optimizer, between warm-up and decay")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="of sgd")
    weight_decay: float = Field(default=1e-2, ge=0, description="of the optimizer")
    decay_biases: bool = Field(default=False, description="let weight decay act on biases and norms too")
    warmup: Share = Field(default=0.05, description="share of the steps in which the rate rises")
    decay: Share = Field(default=0.2, description="share of the steps, at the end, in which the rate falls")
    schedule: Literal["linear", "poly", "cosine", "step"] = Field(
        default="linear", description="how it falls: linear, poly, cosine (all to 0) or step (a tenth)"
    )
    ema_decay: Share = Field(default=0.98, description="of the averaged weights, which are scored; 0: the last weights")
    clip_norm: Positive | None = Field(default=1.0, description="the gradient's greatest length; null: any")
    clip_value: Positive | None = Field(default=None, description="the greatest of the gradient's numbers; null: any")
    flips: bool = Field(default=True, description="flip images at random")
    quarter_turns: bool = Field(default=True, description="turn images at random by quarters")
    rotation: float = Field(default=0.0, ge=0, le=180, description="turn them by up to so many degrees")
    zoom: Annotated[tuple[Positive, Positive], Field(strict=False)] = Field(
        default=(1.0, 1.0), description="enlarge them by a factor between these and crop; below 1 they shrink"
    )
    scales: Annotated[tuple[Positive, ...], Field(strict=False)] = Field(
        default=(1.0,), description="multiples of size; each batch is trained on at each of them"
    )
    colour: Share = Field(default=0.05, description="strength of random changes of colour, 0 (off) to 1")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        default="auto", description="fp32, bf16, or auto: bf16 where the device computes in it"
    )
    channels_last: bool = Field(default=True, description="memory layout; faster on CPU and GPU alike")
    encoder_weights: EncoderWeights | None = Field(
        default=None,
        description="{file: CHECKPOINT, as: hardnet68}: encoders begin with what they share with that network's",
    )
    threads: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        default="auto", description="CPU threads of a training; may change on resume"
    )
    timeout_s: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="seconds after which a training is given up; null: never; may change on resume"
    )
    silence_s: float = Field(
        default=600, gt=0, description="seconds without a step after which a worker is killed; may change on resume"
    )

    @model_validator(mode="before")
    @classmethod
    def _has_the_recipes_values(cls, values: object) -> object:
        if not isinstance(values, dict) or values.get("recipe", "default") not in tuple(PRESETS):
            return values
        return preset_values(values.get("recipe", "default"), values.get("epochs")) | values

    @field_validator("recipe")
    @classmethod
    def _is_a_known_recipe(cls, recipe: str) -> str:
        if recipe not in PRESETS:
            close = get_close_matches(recipe[:100], PRESETS, n=1)
            known = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(PRESETS)}"
            raise broken_rules({(): f"unknown recipe {shown(recipe)}; {known}"})
        return recipe

    @field_validator("loss")
    @classmethod
    def _is_a_known_loss(cls, loss: dict[str, float | dict[str, Setting]]) -> dict[str, float | dict[str, Setting]]:
        try:
            read_loss(loss)
        except RecipeError as error:
            raise broken_rules({(): str(error).removeprefix("loss: ")}) from None
        return loss

    @field_validator("scales")
    @classmethod
    def _has_a_scale(cls, scales: tuple[float, ...]) -> tuple[float, ...]:
        if not scales:
            raise broken_rules({(): "needs a factor, such as [1]; came an empty list"})
        return scales

    @field_validator("supervision")
    @classmethod
    def _weighs_something(cls, supervision: str | tuple[float, ...]) -> str | tuple[float, ...]:
        if not any(supervision):
            raise broken_rules({(): f"needs a weight above 0; came {shown(list(supervision))}"})
        return supervision

    @field_validator("zoom")
    @classmethod
    def _is_a_range(cls, zoom: tuple[float, float]) -> tuple[float, float]:
        if zoom[0] > zoom[1]:
            raise broken_rules({(): f"needs the lesser factor first; came {zoom[0]:g}, {zoom[1]:g}"})
        return zoom

    @model_validator(mode="after")
    def _follows_its_recipe_in_something(self) -> Self:
        values = preset_values(self.recipe, self.epochs)
        values.pop("epochs", None)  # is what was given
        if values and all(getattr(self, name) != value for name, value in values.items()):
            names = ", ".join(values)
            fault = f"needs settings that are not written; of {shown(self.recipe)} all are: {names}; remove some"
            raise broken_rules({("recipe",): fault})
        return self

    @model_validator(mode="after")
    def _rises_before_it_falls(self) -> Self:
        if self.warmup + self.decay > 1:
            raise broken_rules({(): f"needs warmup + decay of at most 1; came {self.warmup:g} + {self.decay:g}"})
        return self


class Deploy(Section):
    """What latency, traffic and peak memory are of."""

    size: Side | None = Field(
        default=None, description="height and width in pixels; null: the median image size, at most 352"
    )
    batch: Literal[1] = Field(default=1, description="images at a time; only 1 is measured")
    precision: Literal["fp32", "bf16"] = Field(default="fp32", description="fp32 or bf16")
    channels_last: bool = Field(default=True, description="memory layout")
    device: Device = Field(default="auto", description="auto (CUDA where there is one), cpu, cuda or cuda:N")
    runtime: Literal["torch", "cuda_graph", "onnxruntime"] = Field(
        default="torch", description="torch (eager), cuda_graph (a replay of it) or onnxruntime (CPU, fp32)"
    )

    @model_validator(mode="after")
    def _can_be_run(self) -> Self:
        if self.runtime == "onnxruntime" and (self.precision != "fp32" or self.device not in ("auto", "cpu")):
            came = f"precision {self.precision}, device {self.device}"
            raise broken_rules({("runtime",): f"onnxruntime needs precision fp32 and device cpu; came {came}"})
        if self.runtime == "cuda_graph" and self.device == "cpu":
            raise broken_rules({("runtime",): "cuda_graph needs a CUDA device; came device cpu"})
        return self

    @property
    def place(self) -> str:
        """The device to measure on; `auto` is the CPU for onnxruntime."""
        return "cpu" if self.runtime == "onnxruntime" else self.device


class Sampler(Section):
    """What proposes the next network."""

    name: Literal["grammar", "tpe", "evolution", "nsga2", "nsga3", "gp", "random"] = Field(
        default="grammar",
        description="grammar (predicts Dice, knows the costs), tpe, evolution, nsga2, nsga3, gp or random",
    )
    startup: int = Field(default=10, ge=0, description="random trials before the sampler begins to learn")


class Budget(Section):
    """When the search ends; whatever is reached first."""

    trials: int = Field(default=16, ge=1, description="networks to train")
    hours: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="of one run of `nas search`; what trains then comes to its end; null: no limit"
    )
    device_hours: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="of all trainings together; null: no limit"
    )
    patience: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="finished trials in which the hypervolume may grow by less than 1 %; null: any number"
    )


class Rungs(Section):
    """Early stopping: trials are compared at a few epochs, and only some of them train on."""

    promote: Literal["gain", "rank", "off"] = Field(
        default="gain",
        description="who trains on: gain (of hypervolume, Dice extrapolated), rank (non-dominated) or off (everyone)",
    )
    reduction: int = Field(default=3, ge=2, description="one in so many trains on, at every rung and in every band")
    first: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="epochs to the first comparison; null: see docs/search.md"
    )
    bands: int = Field(default=3, ge=1, description="bands of cost, each with its own places, so that none is starved")
    keep: int = Field(default=50, ge=0, description="checkpoints kept of trials that wait; may change on resume")


class Start(Section):
    """What is tried before the sampler's proposals."""

    published: bool = Field(default=True, description="the published networks that fit, cheapest first")
    max_share: Share | None = Field(
        default=0.25, description="of the budget that they may take, the others are named; null: all that fit"
    )
