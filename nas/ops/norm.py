"""Normalisations. In evaluation only BatchNorm is a plain scale and shift per channel."""

from dataclasses import dataclass
from typing import ClassVar

from nas.errors import ShapeError
from nas.ops.base import Call, Op, Shape
from nas.ops.initial import SCHEMES, Draw

__all__ = ["BatchNorm", "GroupNorm", "InstanceNorm", "LayerNorm"]


@dataclass(frozen=True, eq=False)
class _Norm(Op):
    def out_shape(self, *xs: Shape) -> Shape:
        (x,) = xs
        return x

    def weights(self, *xs: Shape) -> dict[str, Shape]:
        (x,) = xs
        return {"weight": (x[0],), "bias": (x[0],)}

    def draws(self, *xs: Shape, scheme: str = "torch") -> dict[str, Draw]:
        (x,) = xs
        return {"weight": SCHEMES[scheme]["norm"](x[0], x[0]), "bias": Draw("constant", 0.0)}

    def macs(self, *xs: Shape) -> int:
        return 0

    def call(self, *xs: Shape) -> Call | None:
        return None


@dataclass(frozen=True, eq=False)
class BatchNorm(_Norm):
    """BatchNorm with running statistics, affine. Shapes: (C, H, W) -> same."""

    eps: float = 1e-5
    momentum: float = 0.1

    pointwise: ClassVar[bool] = True  # with its running statistics, in evaluation

    def buffers(self, *xs: Shape) -> dict[str, Shape]:
        (x,) = xs
        return {"running_mean": (x[0],), "running_var": (x[0],)}

    def layer(self, *xs: Shape) -> Call | None:
        (x,) = xs
        written = {"eps": (self.eps, 1e-5), "momentum": (self.momentum, 0.1)}
        kwargs = tuple((name, value) for name, (value, default) in written.items() if value != default)
        return Call(f"nn.BatchNorm{len(x) - 1}d", (x[0],), kwargs)


@dataclass(frozen=True, eq=False)
class InstanceNorm(_Norm):
    """Normalisation of each channel over its own map, affine. Shapes: (C, H, W) -> same."""

    eps: float = 1e-5

    def layer(self, *xs: Shape) -> Call | None:
        # One group per channel is instance normalisation; unlike nn.InstanceNorm it also takes a map of one pixel.
        (x,) = xs
        return Call("nn.GroupNorm", (x[0], x[0]), (("eps", self.eps),) if self.eps != 1e-5 else ())


@dataclass(frozen=True, eq=False)
class GroupNorm(_Norm):
    """Normalisation over groups of channels and the map, affine. Shapes: (C, H, W) -> same."""

    groups: int = 8
    eps: float = 1e-5

    def out_shape(self, *xs: Shape) -> Shape:
        (x,) = xs
        if x[0] % self.groups:
            raise ShapeError(f"groups={self.groups} must divide channels={x[0]}")
        return x

    def layer(self, *xs: Shape) -> Call | None:
        (x,) = xs
        return Call("nn.GroupNorm", (self.groups, x[0]), (("eps", self.eps),) if self.eps != 1e-5 else ())


@dataclass(frozen=True, eq=False)
class LayerNorm(_Norm):
    """Normalisation over the channels of each pixel, affine (ConvNeXt's form). Shapes: (C, H, W) -> same."""

    eps: float = 1e-5

    def layer(self, *xs: Shape) -> Call | None:
        (x,) = xs
        return Call("layers.ChannelLayerNorm", (x[0],), (("eps", self.eps),) if self.eps != 1e-5 else ())
