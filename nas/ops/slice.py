"""Taking some of a map's channels."""

from dataclasses import dataclass

from nas.errors import ShapeError
from nas.ops.base import Call, Input, Shape, Weightless

__all__ = ["Slice"]


@dataclass(frozen=True, eq=False)
class Slice(Weightless):
    """`channels` channels from number `start` on, a view without a copy. Shapes: (C, H, W) -> (channels, H, W)."""

    start: int
    channels: int

    def idle(self, *xs: Shape) -> bool:
        return True

    def out_shape(self, *xs: Shape) -> Shape:
        (x,) = xs
        if self.start < 0 or self.start + self.channels > x[0]:
            raise ShapeError(f"channels {self.start} to {self.start + self.channels} of {x[0]}; take fewer")
        return (self.channels, *x[1:])

    def call(self, *xs: Shape) -> Call | None:
        return Call("narrow", (Input(0), 1, self.start, self.channels))
