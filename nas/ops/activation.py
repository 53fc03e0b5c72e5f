"""Pointwise functions without weights."""

from dataclasses import dataclass
from typing import ClassVar

from nas.ops.base import Call, Input, Shape, Weightless

__all__ = ["GELU", "Dropout", "LeakyReLU", "ReLU", "ReLU6", "Scale", "Sigmoid", "Tanh"]


@dataclass(frozen=True, eq=False)
class _Activation(Weightless):
    pointwise: ClassVar[bool] = True

    def out_shape(self, *xs: Shape) -> Shape:
        (x,) = xs
        return x


@dataclass(frozen=True, eq=False)
class ReLU(_Activation):
    """max(x, 0)."""

    def call(self, *xs: Shape) -> Call | None:
        return Call("nn.functional.relu", (Input(0),))


@dataclass(frozen=True, eq=False)
class ReLU6(_Activation):
    """x clipped to 0..6 (HarDNet)."""

    def call(self, *xs: Shape) -> Call | None:
        return Call("nn.functional.relu6", (Input(0),))


@dataclass(frozen=True, eq=False)
class LeakyReLU(_Activation):
    """x where it is positive, `slope` times x where it is not (nnU-Net)."""

    slope: float = 0.01

    def call(self, *xs: Shape) -> Call | None:
        return Call("nn.functional.leaky_relu", (Input(0), self.slope))


@dataclass(frozen=True, eq=False)
class GELU(_Activation):
    """The exact (erf) form."""

    def call(self, *xs: Shape) -> Call | None:
        return Call("nn.functional.gelu", (Input(0),))


@dataclass(frozen=True, eq=False)
class Sigmoid(_Activation):
    """1 / (1 + exp(-x))."""

    def call(self, *xs: Shape) -> Call | None:
        return Call("sigmoid", (Input(0),))


@dataclass(frozen=True, eq=False)
class Tanh(_Activation):
    """Hyperbolic tangent."""

    def call(self, *xs: Shape) -> Call | None:
        return Call("tanh", (Input(0),))


@dataclass(frozen=True, eq=False)
class Scale(_Activation):
    """x times a fixed number."""

    factor: float = 1.0

    def call(self, *xs: Shape) -> Call | None:
        return Call("mul", (Input(0), self.factor))


@dataclass(frozen=True, eq=False)
class Dropout(_Activation):
    """Dropout of single elements, or whole channels, with probability `p` in training, the identity in evaluation."""

    p: float = 0.5
    channels: bool = False

    def idle(self, *xs: Shape) -> bool:
        return True

    def layer(self, *xs: Shape) -> Call | None:
        (x,) = xs
        return Call(f"nn.Dropout{len(x) - 1}d" if self.channels else "nn.Dropout", (self.p,))

    def call(self, *xs: Shape) -> Call | None:
        return None
