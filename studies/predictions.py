"""What a network predicts on a few validation images, stored beside its trial as pictures that a page only shows."""

import base64
import binascii
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from studies.errors import ConfigError
from studies.folder import write_atomic

__all__ = ["PICTURES", "PREDICTIONS", "Case", "Predictions", "read_predictions", "write_predictions"]

PREDICTIONS = "predictions.json"
PICTURES = ("image", "truth", "prediction", "error")
_FORMAT = 1
_PNG = b"\x89PNG\r\n\x1a\n"


class Case(NamedTuple):
    """One image: its id, the Dice there (0..1), and its `PICTURES` by kind, PNGs of one size as base64.

    truth, prediction: Classes as colours. error: Laid over the image; transparent where nothing is wrong or marked.
    """

    name: str
    dice: float
    pictures: dict[str, str]


class Predictions(NamedTuple):
    """How a network does on the validation images. `mean`: of the Dice of all; `cases`: some, the worst first."""

    images: int
    mean: float
    cases: tuple[Case, ...]


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write the file whole or not at all."""
    cases = [case._asdict() for case in predictions.cases]
    write_atomic(path, json.dumps({"format": _FORMAT, **predictions._asdict(), "cases": cases}))


def read_predictions(path: Path) -> Predictions | None:
    """Return what is stored, None where nothing is. Raises ConfigError for a file that cannot be used."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["format"] != _FORMAT:
            raise ConfigError(f"its {path.name} has format {stored['format']!r}, this version reads {_FORMAT}")
        return Predictions(int(stored["images"]), _share(stored["mean"]), tuple(map(_case, stored["cases"])))
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise ConfigError(f"its {path.name} cannot be read: {fault.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        raise ConfigError(f"its {path.name} is damaged: {fault}") from None


def _case(stored: Mapping[str, object]) -> Case:
    pictures = stored["pictures"]
    if not isinstance(pictures, dict):
        raise TypeError("a case has no pictures")
    return Case(str(stored["name"]), _share(stored["dice"]), {kind: _png(kind, pictures[kind]) for kind in PICTURES})


def _share(value: object) -> float:
    if not isinstance(value, float | int) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no Dice")
    return float(value)


def _png(kind: str, value: object) -> str:
    """Return a PNG in base64, once it is known that it is one: pages show it as it is."""
    try:
        if isinstance(value, str) and base64.b64decode(value, validate=True).startswith(_PNG):
            return value
    except binascii.Error:
        pass
    raise ValueError(f"{kind} is no PNG")
