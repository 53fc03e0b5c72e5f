"""The numbers in the arguments of a torch call, each with its name."""

import math
import re
from typing import Any, NamedTuple

from nas.errors import GraphError
from nas.ops import Call, Input, Size

__all__ = ["Slot", "arguments"]

_CONV = ("in_channels", "out_channels", "kernel_size")
_SIGNATURES: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "nn.Conv": (_CONV, {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}),
    "nn.ConvTranspose": (_CONV, {"stride": 1, "padding": 0, "groups": 1}),
    "nn.BatchNorm": (("channels",), {"eps": 1e-5, "momentum": 0.1}),
    "nn.GroupNorm": (("groups", "channels"), {"eps": 1e-5}),
    "layers.ChannelLayerNorm": (("channels",), {"eps": 1e-5}),
    "layers.ChannelScale": (("channels", "init"), {}),
    "nn.Linear": (("in_channels", "out_channels"), {}),
    "nn.functional.leaky_relu": (("negative_slope",), {}),
    "nn.functional.max_pool": (("kernel_size", "stride"), {}),
    "nn.functional.avg_pool": (("kernel_size", "stride"), {}),
    "narrow": (("axis", "start", "length"), {}),
    "mul": (("factor",), {}),
}
"""Names and defaults of the numbers that torch takes, in its order."""

_CHANNELS = ("channels", "groups", "start", "length")


class Slot(NamedTuple):
    """A number, or tuple of some, that may differ between the units of a class.

    default: torch's, None if it has none.
    """

    name: str
    value: Any
    default: Any = None

    @property
    def kind(self) -> str:
        """Numbers of one kind may be one parameter."""
        if self.name.endswith(_CHANNELS):
            return "channels"
        return "padding" if self.name == "dilation" else self.name


def _signature(target: str) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the names and defaults of the numbers that a torch class or function takes."""
    return _SIGNATURES.get(target[:-2] if target[-2:] in ("1d", "2d", "3d") else target, ((), {}))


def _is_number(value: Any) -> bool:
    """Return whether a literal may become a parameter: a number or a tuple of numbers."""
    if isinstance(value, tuple):
        return all(map(_is_number, value))
    return isinstance(value, int | float) and not isinstance(value, bool | Input | Size)


def arguments(call: Call) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments of a call, positional and named; numbers are `Slot`s, those left out have their defaults."""
    names, defaults = _signature(call.target)
    numbers = iter(names)
    for value in (*call.args, *dict(call.kwargs).values()):
        if isinstance(value, str) and not re.fullmatch("[a-z_]+", value):
            raise GraphError(f"{call.target}: {value!r} is no option of torch; give one in small letters")
        if isinstance(value, float) and not math.isfinite(value):
            raise GraphError(f"{call.target}: {value} cannot be written in source code; give a finite number")
    args: list[Any] = [Slot(next(numbers, f"number{i}"), a) if _is_number(a) else a for i, a in enumerate(call.args)]
    if "pool" in call.target and len(args) == 3 and call.args[1] == call.args[2]:
        args.pop()  # the stride is the kernel's side unless it is given
    given = dict(call.kwargs)
    named = {name: Slot(name, given.pop(name, value), value) for name, value in defaults.items()}
    named |= {name: Slot(name, value) if _is_number(value) else value for name, value in given.items()}
    return args, named
