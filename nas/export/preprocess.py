"""What is done to an image before the network and to its logits after: `preprocess.json` of an export."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from nas.errors import ExportError

__all__ = ["Preprocess"]

_FORMAT = 1


@dataclass(frozen=True)
class Preprocess:
    """From the pixels of an image to the network's input, and from its logits to a mask.

    Attributes:
        channels: Of the input: 1 is grey, 3 red, green and blue.
        classes: Names, the background first.
        logits: Maps that the network gives: 1 with `threshold` tells two classes apart, of more the greatest counts.
        multiple: Heights and widths that the network takes are multiples of it, in pixels.
        least_side: The smallest of them.
        size: Side of the square that images are brought to first, as in training; None: they keep their own size.
        fit: How: `squeeze`, or `pad` (scale to fit, zeros on the right or at the bottom).
        range: Values of the file that become 0 and 1.
        neighbours: Slices before and behind each image that become channels beside it.
        mean: Subtracted from values in 0..1.
        std: What the difference is divided by.
        threshold: Probability from which on a pixel is foreground.
    """

    channels: int
    classes: tuple[str, ...]
    logits: int
    multiple: int
    least_side: int
    size: int | None = None
    fit: Literal["squeeze", "pad"] = "squeeze"
    range: tuple[float, float] = (0.0, 255.0)
    neighbours: int = 0
    mean: float = 0.5
    std: float = 0.25
    threshold: float = 0.5

    def to_json(self) -> str:
        """Return the stored form."""
        return json.dumps({"format": _FORMAT} | asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Preprocess":
        """Read the stored form. Raises ExportError for anything else."""
        try:
            stored = json.loads(text)
            if not isinstance(stored, dict) or stored.pop("format", None) != _FORMAT:
                raise ExportError(f"preprocess.json: needs format {_FORMAT}; export again")
            values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in stored.items()}
            made = cls(**values)
        except (TypeError, ValueError, RecursionError) as fault:
            raise ExportError(f"preprocess.json cannot be read: {fault}; export again") from None
        wrong = [field.name for field in fields(made) if not _holds(field.name, getattr(made, field.name))]
        if wrong:
            raise ExportError(f"preprocess.json: {wrong[0]}: cannot be {getattr(made, wrong[0])!r}; export again")
        if made.logits != len(made.classes) and (made.logits, len(made.classes)) != (1, 2):
            raise ExportError(f"preprocess.json: {made.logits} logits for {len(made.classes)} classes; export again")
        return made


def _holds(name: str, value: Any) -> bool:
    if name in ("channels", "logits", "multiple", "least_side"):
        return _is_whole(value) and 1 <= value <= 2**16
    if name == "neighbours":
        return _is_whole(value) and 0 <= value <= 2**8
    if name == "classes":
        return isinstance(value, tuple) and len(value) > 1 and all(isinstance(x, str) for x in value)
    if name == "size":
        return value is None or (_is_whole(value) and 1 <= value <= 2**16)
    if name == "fit":
        return value in ("squeeze", "pad")
    if name == "range":
        return _is_pair(value) and all(map(_is_number, value)) and value[0] < value[1]
    return _is_number(value) and (name != "std" or value > 0)


def _is_whole(value: Any) -> bool:
    return type(value) is int


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < float("inf")


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2
