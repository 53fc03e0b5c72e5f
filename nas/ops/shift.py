"""Moving groups of channels by some pixels."""

from dataclasses import dataclass

from nas.errors import ShapeError
from nas.ops.base import Call, Input, Shape, Weightless

__all__ = ["Shift"]


@dataclass(frozen=True, eq=False)
class Shift(Weightless):
    """Channels in 2 * reach + 1 groups, moved along a spatial axis by -reach to reach pixels; zeros come in.

    A group has C / (2 * reach + 1) channels, rounded up, the last ones what is left. axis: 1 for the height.
    Shapes: (C, H, W) -> same. Source: UNeXt, arXiv:2203.04967, which has reach 2.
    """

    axis: int = 1
    reach: int = 2

    def out_shape(self, *xs: Shape) -> Shape:
        (x,) = xs
        if self.axis not in range(1, len(x)) or self.reach < 0:
            raise ShapeError(
                f"axis={self.axis}, reach={self.reach} on {x}; give a spatial axis, from 1, and a reach from 0"
            )
        return x

    def call(self, *xs: Shape) -> Call | None:
        return Call("layers.shift", (Input(0), self.axis, self.reach))
