"""The losses of segmentation by name. Importing this package loads no torch, so that a study's file can be checked."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from math import isfinite
from typing import TYPE_CHECKING, Protocol, TypeAlias

from evaluators.faults import RecipeError
from evaluators.losses.bce import Bce
from evaluators.losses.ce import Ce
from evaluators.losses.dice import Dice
from evaluators.losses.focal import Focal
from evaluators.losses.structure import Structure
from evaluators.losses.tversky import Tversky

if TYPE_CHECKING:
    from torch import Tensor

    from evaluators.losses.pixels import Pixels

__all__ = ["DEFAULT_LOSS", "LOSSES", "LossSpec", "Setting", "Weighted", "read_loss"]

Setting: TypeAlias = float | bool | None
LossSpec: TypeAlias = Mapping[str, float | Mapping[str, Setting]]
"""Losses by name, each with its weight or with `weight` and its own settings: {dice: 1, tversky: {alpha: 0.3}}."""

DEFAULT_LOSS: dict[str, float | dict[str, Setting]] = {"dice": 1.0, "ce": 1.0}


class Term(Protocol):
    """One loss: at least 0, a scalar on the device."""

    def __call__(self, pixels: "Pixels") -> "Tensor": ...  # noqa: D102  # the class says it


LOSSES: dict[str, type[Term]] = {
    "bce": Bce,
    "ce": Ce,
    "dice": Dice,
    "focal": Focal,
    "structure": Structure,
    "tversky": Tversky,
}


@dataclass(frozen=True)
class Weighted:
    """A loss and the factor, above 0, that it counts with."""

    weight: float
    term: Term


def read_loss(spec: LossSpec) -> tuple[Weighted, ...]:
    """Return the losses that `spec` names.

    Raises:
        RecipeError: A name or a setting is unknown, a value is not one that the loss can have, or there is no loss.
    """
    if not spec:
        raise RecipeError(f"loss: needs at least one of {', '.join(LOSSES)}, such as {{dice: 1, ce: 1}}; came none")
    return tuple(_weighted(name, value) for name, value in spec.items())


def _weighted(name: str, value: float | Mapping[str, Setting]) -> Weighted:
    if name not in LOSSES:
        raise RecipeError(f"loss: unknown loss {name[:100]!r}; {_advice(name, list(LOSSES))}")
    settings: dict[str, Setting] = dict(value) if isinstance(value, Mapping) else {"weight": value}
    weight = settings.pop("weight", 1.0)
    if not _is_number(weight) or not 0 < weight < float("inf"):  # type: ignore[operator]  # a number by then
        raise RecipeError(f"loss: {name}: weight must be a finite number above 0, not {weight!r}")
    known = {entry.name: entry for entry in fields(LOSSES[name])}  # type: ignore[arg-type]  # each is a dataclass
    for key, setting in settings.items():
        if key not in known:
            raise RecipeError(f"loss: {name}: unknown setting {key[:100]!r}; {_advice(key, ['weight', *known])}")
        _check_kind(f"loss: {name}: {key}", setting, isinstance(known[key].default, bool), known[key].default is None)
    return Weighted(float(weight), LOSSES[name](**settings))  # type: ignore[arg-type]  # checked above


def _check_kind(place: str, setting: Setting, is_switch: bool, may_be_none: bool) -> None:
    if is_switch and not isinstance(setting, bool):
        raise RecipeError(f"{place} must be true or false, not {setting!r}")
    if not is_switch and not _is_number(setting) and not (may_be_none and setting is None):
        raise RecipeError(f"{place} must be a finite number{' or null' if may_be_none else ''}, not {setting!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _advice(name: str, known: list[str]) -> str:
    close = get_close_matches(name[:100], known, n=1)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(known)}"
