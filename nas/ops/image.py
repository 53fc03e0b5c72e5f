"""The network's input as a node."""

from dataclasses import dataclass

from nas.errors import ShapeError
from nas.ops.base import Call, Shape, Weightless

__all__ = ["Image"]


@dataclass(frozen=True, eq=False)
class Image(Weightless):
    """The input image. Its channels belong to the architecture, its height and width do not.

    Shapes: stated by the builder, (channels, H, W).
    """

    channels: int

    def idle(self, *xs: Shape) -> bool:
        return True

    def out_shape(self, *xs: Shape) -> Shape:
        (x,) = xs
        if x[0] != self.channels:
            raise ShapeError(f"the image has {x[0]} channels, {self.channels} were declared")
        return x

    def call(self, *xs: Shape) -> Call | None:
        return None
