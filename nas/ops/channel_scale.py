"""A learned factor per channel."""

from dataclasses import dataclass
from typing import ClassVar

from nas.ops.base import Call, Op, Shape
from nas.ops.initial import Draw

__all__ = ["ChannelScale"]


@dataclass(frozen=True, eq=False)
class ChannelScale(Op):
    """Each channel times a learned number that starts at `init` (layer scale). Shapes: (C, H, W) -> same.

    Source: Touvron et al., CaiT, ICCV 2021, arXiv:2103.17239.
    """

    init: float = 1.0

    pointwise: ClassVar[bool] = True

    def out_shape(self, *xs: Shape) -> Shape:
        (x,) = xs
        return x

    def weights(self, *xs: Shape) -> dict[str, Shape]:
        (x,) = xs
        return {"weight": (x[0],)}

    def draws(self, *xs: Shape, scheme: str = "torch") -> dict[str, Draw]:
        return {"weight": Draw("constant", self.init)}

    def macs(self, *xs: Shape) -> int:
        return 0

    def layer(self, *xs: Shape) -> Call | None:
        (x,) = xs
        return Call("layers.ChannelScale", (x[0], self.init))

    def call(self, *xs: Shape) -> Call | None:
        return None
