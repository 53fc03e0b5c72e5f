"""Maps as vectors: flattening, and the linear layer on what it gives (classification heads)."""

from dataclasses import dataclass
from typing import ClassVar

from nas.errors import ShapeError
from nas.ops.base import Call, Input, Shape, Weightless, elements
from nas.ops.initial import Weighted

__all__ = ["Flatten", "Linear"]


@dataclass(frozen=True, eq=False)
class Flatten(Weightless):
    """The map as a vector; a view, nothing is computed. Shapes: (C, H, W) -> (C H W,)."""

    def out_shape(self, *xs: Shape) -> Shape:
        (x,) = xs
        return (elements(x),)

    def idle(self, *xs: Shape) -> bool:
        return True

    def call(self, *xs: Shape) -> Call | None:
        return Call("flatten", (Input(0), 1))


@dataclass(frozen=True, eq=False)
class Linear(Weighted):
    """Linear layer on a vector. Shapes: (C,) -> (out_channels,). MACs: C * out_channels (the bias is not counted)."""

    out_channels: int
    bias: bool = True

    convolution: ClassVar[bool] = True
    kernel_kind: ClassVar[str] = "linear"

    def out_shape(self, *xs: Shape) -> Shape:
        (x,) = xs
        if len(x) != 1:
            raise ShapeError(f"a linear layer takes a vector (C,), {x} came; flatten it first")
        return (self.out_channels,)

    def weights(self, *xs: Shape) -> dict[str, Shape]:
        (x,) = xs
        return {"weight": (self.out_channels, *x)} | ({"bias": (self.out_channels,)} if self.bias else {})

    def macs(self, *xs: Shape) -> int:
        (x,) = xs
        return elements(x) * self.out_channels

    def layer(self, *xs: Shape) -> Call | None:
        (x,) = xs
        return Call("nn.Linear", (x[0], self.out_channels), () if self.bias else (("bias", False),))
