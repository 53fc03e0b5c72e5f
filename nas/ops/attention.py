"""What attention needs: products of maps as matrices, and softmax."""

import math
from dataclasses import dataclass

from nas.errors import ShapeError
from nas.ops.base import Call, Input, Shape, Weightless

__all__ = ["MatMul", "Softmax"]


@dataclass(frozen=True, eq=False)
class MatMul(Weightless):
    """Product of two maps, each a matrix of channels times pixels, one of them perhaps transposed.

    Shapes: (C, H, W) (D, h, w) with H W = D -> (C, h, w). first: (C, H, W), (C, h, w) -> (H W, h, w).
    second: (C, H, W), (D, H, W) -> (C, D, 1). Multiply-accumulates: `matmul_macs`, not MACs.
    """

    transpose_first: bool = False
    transpose_second: bool = False

    def _sides(self, *xs: Shape) -> tuple[int, int, int, int]:
        """Return rows and columns of both matrices, transposed where they are to be."""
        (a, m), (b, n) = ((x[0], math.prod(x[1:])) for x in xs)
        first = (m, a) if self.transpose_first else (a, m)
        return (*first, *((n, b) if self.transpose_second else (b, n)))

    def out_shape(self, *xs: Shape) -> Shape:
        rows, inner, other, columns = self._sides(*xs)
        if inner != other or (self.transpose_first and self.transpose_second):
            raise ShapeError(
                f"{xs[0]} and {xs[1]} are matrices of {rows} x {inner} and {other} x {columns}; "
                "give a second of as many rows as the first has columns, and transpose one at most"
            )
        spatial = xs[1][1:]
        return (rows, columns, *(1 for _ in spatial[1:])) if self.transpose_second else (rows, *spatial)

    def matmul_macs(self, *xs: Shape) -> int:
        rows, inner, _, columns = self._sides(*xs)
        return rows * inner * columns

    def call(self, *xs: Shape) -> Call | None:
        return Call("layers.matmul", (Input(0), Input(1), self.transpose_first, self.transpose_second))


@dataclass(frozen=True, eq=False)
class Softmax(Weightless):
    """Softmax over the channels of each pixel, or of each channel over its `pixels`. Shapes: (C, H, W) -> same."""

    pixels: bool = False

    def out_shape(self, *xs: Shape) -> Shape:
        (x,) = xs
        return x

    def call(self, *xs: Shape) -> Call | None:
        return Call("layers.pixel_softmax", (Input(0),)) if self.pixels else Call("softmax", (Input(0), 1))
