"""Changing the size of a map without weights: by a factor or to the size of another node."""

from dataclasses import dataclass
from typing import ClassVar

from nas.ops.base import Call, Input, Shape, Size, Weightless

__all__ = ["PadTo", "ResizeTo", "Upsample"]

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


def _mode(mode: str, align_corners: bool, x: Shape) -> tuple[tuple[str, object], ...]:
    if mode == "nearest":
        return (("mode", "nearest"),)
    return (("mode", _LINEAR[len(x) - 1]), ("align_corners", align_corners))


@dataclass(frozen=True, eq=False)
class Upsample(Weightless):
    """Enlarge by a whole factor f, mode "linear" (bilinear on maps) or "nearest". Shapes: (C, H, W) -> (C, fH, fW)."""

    factor: int = 2
    mode: str = "linear"
    align_corners: bool = False

    def out_shape(self, *xs: Shape) -> Shape:
        (x,) = xs
        return (x[0], *(n * self.factor for n in x[1:]))

    def call(self, *xs: Shape) -> Call | None:
        factor = (("scale_factor", self.factor),)
        return Call("nn.functional.interpolate", (Input(0),), factor + _mode(self.mode, self.align_corners, xs[0]))


@dataclass(frozen=True, eq=False)
class ResizeTo(Weightless):
    """Resize the first input to the spatial size of the second. Shapes: (C, H, W), (D, h, w) -> (C, h, w)."""

    mode: str = "linear"
    align_corners: bool = False

    value_inputs: ClassVar[int | None] = 1

    def out_shape(self, *xs: Shape) -> Shape:
        x, reference = xs
        return (x[0], *reference[1:])

    def call(self, *xs: Shape) -> Call | None:
        size = (("size", Size(1)),)
        return Call("nn.functional.interpolate", (Input(0),), size + _mode(self.mode, self.align_corners, xs[0]))


@dataclass(frozen=True, eq=False)
class PadTo(Weightless):
    """Zero-pad or crop the first input to the size of the second: floor(difference / 2) before, the rest after.

    Shapes: (C, H, W), (D, h, w) -> (C, h, w). A map that is one too large loses its first row or column.
    Source: the `Up` blocks of AMSUnet and ConvUNeXt.
    """

    value_inputs: ClassVar[int | None] = 1

    def out_shape(self, *xs: Shape) -> Shape:
        x, reference = xs
        return (x[0], *reference[1:])

    def idle(self, *xs: Shape) -> bool:
        x, reference = xs
        return x[1:] == reference[1:]

    def call(self, *xs: Shape) -> Call | None:
        return Call("layers.pad_to", (Input(0), Input(1)))
