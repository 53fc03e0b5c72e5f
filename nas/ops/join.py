"""Operators of several inputs: concatenation, sum, product and maximum."""

from dataclasses import dataclass
from typing import ClassVar

from nas.errors import ShapeError
from nas.ops.base import Call, Input, Shape, Weightless

__all__ = ["Add", "Concat", "Maximum", "Multiply"]


def _same_size(xs: tuple[Shape, ...]) -> None:
    for x in xs[1:]:
        if x[1:] != xs[0][1:]:
            raise ShapeError(f"spatial sizes differ: {', '.join(map(str, xs))}; resize or pad one to the other first")


@dataclass(frozen=True, eq=False)
class Concat(Weightless):
    """Concatenate in order, on channels or along a spatial axis (1, 2, ...), all else being equal.

    Shapes: (C1, H, W), (C2, H, W), ... -> (C1 + C2 + ..., H, W); axis=1: (C, H1, W), ... -> (C, H1 + ..., W).
    """

    axis: int = 0

    def out_shape(self, *xs: Shape) -> Shape:
        if self.axis == 0:
            _same_size(xs)
        elif len({(*x[: self.axis], *x[self.axis + 1 :]) for x in xs}) > 1 or self.axis not in range(len(xs[0])):
            raise ShapeError(
                f"{', '.join(map(str, xs))} cannot be joined along axis {self.axis}; make the others equal"
            )
        return (*xs[0][: self.axis], sum(x[self.axis] for x in xs), *xs[0][self.axis + 1 :])

    def call(self, *xs: Shape) -> Call | None:
        return Call("cat", (tuple(Input(i) for i in range(len(xs))),), (("dim", self.axis + 1),))


@dataclass(frozen=True, eq=False)
class _Elementwise(Weightless):
    """Two inputs; a channel or spatial axis of size 1 is stretched to the other's."""

    commutative: ClassVar[bool] = True
    pointwise: ClassVar[bool] = True

    def out_shape(self, *xs: Shape) -> Shape:
        a, b = xs
        if a == b:
            return a
        if len(a) != len(b) or any(n != m and 1 not in (n, m) for n, m in zip(a, b, strict=True)):
            raise ShapeError(f"shapes {a} and {b} do not broadcast; project or resize one to the other first")
        return tuple(map(max, a, b))


@dataclass(frozen=True, eq=False)
class Add(_Elementwise):
    """Sum of two maps. Shapes: (C, H, W), (C, H, W) -> (C, H, W); axes of size 1 are stretched."""

    def call(self, *xs: Shape) -> Call | None:
        return Call("add", (Input(0), Input(1)))


@dataclass(frozen=True, eq=False)
class Multiply(_Elementwise):
    """Elementwise product of two maps. Shapes as `Add`."""

    def call(self, *xs: Shape) -> Call | None:
        return Call("mul", (Input(0), Input(1)))


@dataclass(frozen=True, eq=False)
class Maximum(_Elementwise):
    """The larger of two maps, element by element. Shapes as `Add`."""

    def call(self, *xs: Shape) -> Call | None:
        return Call("maximum", (Input(0), Input(1)))
