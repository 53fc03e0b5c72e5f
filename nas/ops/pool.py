"""Pooling: over windows, over the whole map, and over the channels of each pixel."""

from dataclasses import dataclass, field

from nas.errors import ShapeError
from nas.ops.base import Call, Input, Shape, Weightless

__all__ = ["AvgPool", "ChannelMax", "ChannelMean", "GlobalAvgPool", "GlobalMaxPool", "MaxPool"]


@dataclass(frozen=True, eq=False)
class _Pool(Weightless):
    kernel: int = 2
    stride: int = 2
    padding: int = 0
    ceil: bool = field(default=False, kw_only=True)

    def out_shape(self, *xs: Shape) -> Shape:
        (x,) = xs
        if 2 * self.padding > self.kernel:
            raise ShapeError(f"padding={self.padding} must be at most half of kernel={self.kernel}")
        return (x[0], *map(self._windows, x[1:]))

    def _windows(self, side: int) -> int:
        over = side + 2 * self.padding - self.kernel
        if not self.ceil:
            return over // self.stride + 1
        more = -(-over // self.stride)
        # As torch: no window begins behind the map and its padding in front.
        return more + 1 if more * self.stride < side + self.padding else more

    def _call(self, name: str, x: Shape, **more: bool) -> Call:
        rounding = (("ceil_mode", True),) if self.ceil else ()
        padding = (("padding", self.padding), *more.items()) if self.padding else ()
        return Call(f"nn.functional.{name}{len(x) - 1}d", (Input(0), self.kernel, self.stride), padding + rounding)


@dataclass(frozen=True, eq=False)
class MaxPool(_Pool):
    """Maximum over windows. Shapes: (C, H, W) -> (C, floor((H + 2p - k) / s) + 1, ...).

    ceil: also over windows that only begin inside, else they are dropped.
    """

    def call(self, *xs: Shape) -> Call | None:
        return self._call("max_pool", xs[0])


@dataclass(frozen=True, eq=False)
class AvgPool(_Pool):
    """Mean over windows, padding counted as zeros, or with `count_padding` off left out. Shapes, `ceil`: as `MaxPool`.

    What lies behind the map and its padding is never counted.
    """

    count_padding: bool = True

    def call(self, *xs: Shape) -> Call | None:
        return self._call("avg_pool", xs[0], **({} if self.count_padding else {"count_include_pad": False}))


@dataclass(frozen=True, eq=False)
class _OfMap(Weightless):
    def out_shape(self, *xs: Shape) -> Shape:
        (x,) = xs
        return (x[0], *(1 for _ in x[1:]))


@dataclass(frozen=True, eq=False)
class GlobalAvgPool(_OfMap):
    """Mean over the whole map. Shapes: (C, H, W) -> (C, 1, 1)."""

    def call(self, *xs: Shape) -> Call | None:
        return Call(f"nn.functional.adaptive_avg_pool{len(xs[0]) - 1}d", (Input(0), 1))


@dataclass(frozen=True, eq=False)
class GlobalMaxPool(_OfMap):
    """Maximum over the whole map. Shapes: (C, H, W) -> (C, 1, 1)."""

    def call(self, *xs: Shape) -> Call | None:
        return Call(f"nn.functional.adaptive_max_pool{len(xs[0]) - 1}d", (Input(0), 1))


@dataclass(frozen=True, eq=False)
class _OfChannels(Weightless):
    def out_shape(self, *xs: Shape) -> Shape:
        (x,) = xs
        return (1, *x[1:])


@dataclass(frozen=True, eq=False)
class ChannelMean(_OfChannels):
    """Mean over the channels of each pixel. Shapes: (C, H, W) -> (1, H, W)."""

    def call(self, *xs: Shape) -> Call | None:
        return Call("mean", (Input(0),), (("dim", 1), ("keepdim", True)))


@dataclass(frozen=True, eq=False)
class ChannelMax(_OfChannels):
    """Maximum over the channels of each pixel. Shapes: (C, H, W) -> (1, H, W)."""

    def call(self, *xs: Shape) -> Call | None:
        return Call("amax", (Input(0),), (("dim", 1), ("keepdim", True)))
