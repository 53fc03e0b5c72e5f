"""What every operator states: output shape, weights and their draw, multiply-accumulates and its torch call.

Operators are frozen, interned values: two that are written alike are one object, so that what follows
from (operator, input shapes) is computed once per process and found again by identity.
"""

import hashlib
import math
from abc import ABCMeta, abstractmethod
from dataclasses import MISSING, dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from nas.errors import ShapeError

if TYPE_CHECKING:
    from nas.ops.initial import Draw

__all__ = ["APART", "Call", "Facts", "Input", "Op", "Shape", "Size", "Weightless", "elements", "per_axis"]

Shape = tuple[int, ...]
"""(C, *spatial): channels first, the batch never inside; height before width."""

APART = {"identity": False}
"""Metadata of an argument that is stored but does not tell operators apart: it changes nothing that is computed."""


class Input(int):
    """Placeholder in a `Call`: the value of the operator's input of that number."""


class Size(int):
    """Placeholder in a `Call`: the spatial size (H, W) of the operator's input of that number."""


class Call(NamedTuple):
    """One call of torch as plain data: a dotted name below `torch` (or a layer of `nas.layers`) and its arguments."""

    target: str
    args: tuple[Any, ...] = ()
    kwargs: tuple[tuple[str, Any], ...] = ()


class Facts:
    """What follows from an operator and the shapes of its inputs; one object per such pair and process."""

    __slots__ = (
        *("buffers", "cio_elements", "code", "commutative", "idle", "in_shapes", "macs", "matmul_macs"),
        *("op", "out_elements", "params", "pointwise", "shape", "stored", "value_inputs", "weights"),
    )

    def __init__(self, op: "Op", in_shapes: tuple[Shape, ...]):
        self.op = op
        self.in_shapes = in_shapes
        self.shape: Shape = op.out_shape(*in_shapes)
        if min(self.shape) < 1:
            raise ShapeError(
                f"the output of {', '.join(map(str, in_shapes))} would be {self.shape}; give a larger input"
            )
        self.idle = op.idle(*in_shapes)
        self.weights = op.weights(*in_shapes)
        self.macs = op.macs(*in_shapes)
        self.matmul_macs = op.matmul_macs(*in_shapes)
        self.params = sum(math.prod(shape) for shape in self.weights.values())
        self.buffers = sum(math.prod(shape) for shape in op.buffers(*in_shapes).values())
        self.out_elements = math.prod(self.shape)
        self.stored = self.params + self.buffers
        self.cio_elements = elements(in_shapes[0]) + self.out_elements if op.convolution else 0
        # Of the operator, repeated here because costs and keys look at nothing else of it.
        self.code = op.code
        self.commutative = op.commutative
        self.pointwise = op.pointwise
        self.value_inputs = op.value_inputs


class _Interned(ABCMeta):
    """Metaclass: equal arguments give the same object."""

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]):
        super().__init__(name, bases, namespace)
        by_fields: dict[Any, Any] = {}

        def make(*args: Any, **kwargs: Any) -> Any:
            made = type.__call__(cls, *args, **kwargs)
            values = tuple(getattr(made, f.name) for f in fields(made))
            return by_fields.setdefault((values, tuple(map(type, values))), made)

        # Typed, here and above: 1, 1.0 and True are equal, yet not the same argument.
        cls._made = lru_cache(maxsize=None, typed=True)(make)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return cls._made(*args, **kwargs)


@dataclass(frozen=True, eq=False)
class Op(metaclass=_Interned):
    """A closed operator. Subclasses are frozen dataclasses; a new one is a new file and its test, and is rare.

    `layer` is the torch module that owns the weights or behaves differently in training, `call` the function for
    an operator without one; each operator has exactly one of the two.
    """

    commutative: ClassVar[bool] = False  # the order of inputs does not matter to the result
    pointwise: ClassVar[bool] = (
        False  # may run in the epilogue of its producer: each output element needs one input element
    )
    convolution: ClassVar[bool] = False  # counted by HarDNet's CIO (a linear layer counts as a 1x1 convolution)
    value_inputs: ClassVar[int | None] = (
        None  # how many inputs are read; of the others only the size matters (None: all are)
    )

    facts_by_shapes: ClassVar[dict[tuple[Shape, ...], Facts]]  # per object, set below
    code: ClassVar[int]  # per object: stable across processes, equal for operators written alike

    def __post_init__(self) -> None:
        """Prepare what is looked up per use: the facts by input shapes, and a number for sorting and hashing."""
        object.__setattr__(self, "facts_by_shapes", {})
        digest = hashlib.blake2b(str(self).encode(), digest_size=8).digest()
        object.__setattr__(self, "code", int.from_bytes(digest, "little"))

    def arguments(self) -> dict[str, Any]:
        """Return the arguments that differ from their defaults: an argument added later leaves old keys as they are."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {f.name: values[f.name] for f in fields(self) if f.default is MISSING or values[f.name] != f.default}

    def __str__(self) -> str:
        apart = {f.name for f in fields(self) if f.metadata == APART}
        told = (f"{name}={value!r}" for name, value in self.arguments().items() if name not in apart)
        return f"{type(self).__name__}({', '.join(told)})"

    def facts(self, in_shapes: tuple[Shape, ...]) -> Facts:
        """Return shape, weights and MACs for inputs of these shapes. Raises ShapeError where they do not fit."""
        found = self.facts_by_shapes.get(in_shapes)
        if found is None:
            found = self.facts_by_shapes[in_shapes] = Facts(self, in_shapes)
        return found

    @abstractmethod
    def out_shape(self, *xs: Shape) -> Shape:
        """Return the output's shape. Raises ShapeError for inputs that do not fit."""

    @abstractmethod
    def weights(self, *xs: Shape) -> dict[str, Shape]:
        """Return the trainable tensors as torch names and shapes them."""

    def draws(self, *xs: Shape, scheme: str = "torch") -> dict[str, "Draw"]:
        """Return what each of the weights is drawn from before training, in the order in which they are drawn.

        scheme: the network's, of `nas.ops.SCHEMES`.
        """
        return {}

    def idle(self, *xs: Shape) -> bool:
        """Return whether inference does nothing here: no kernel, the output is the input or a view of it."""
        return False

    def buffers(self, *xs: Shape) -> dict[str, Shape]:
        """Return the tensors that inference reads and training does not learn (running statistics)."""
        return {}

    @abstractmethod
    def macs(self, *xs: Shape) -> int:
        """Return the multiply-accumulates of convolutions and linear layers, the published convention; else 0."""

    def matmul_macs(self, *xs: Shape) -> int:
        """Return the multiply-accumulates of products of two maps, which are not among `macs`."""
        return 0

    @abstractmethod
    def layer(self, *xs: Shape) -> Call | None:
        """Return the constructor of the torch module, or None for a plain function."""

    @abstractmethod
    def call(self, *xs: Shape) -> Call | None:
        """Return the torch function with placeholders for the inputs, or None where there is a layer."""


@dataclass(frozen=True, eq=False)
class Weightless(Op):
    """An operator without weights: so none of the published multiply-accumulates, and no torch module to own them."""

    def weights(self, *xs: Shape) -> dict[str, Shape]:
        return {}

    def macs(self, *xs: Shape) -> int:
        return 0

    def layer(self, *xs: Shape) -> Call | None:
        return None


def elements(shape: Shape) -> int:
    """Return the number of elements of one image's tensor."""
    return math.prod(shape)


def per_axis(value: int | tuple[int, ...], x: Shape) -> tuple[int, ...]:
    """Return `value` once per spatial axis of `x` (C, *spatial). Raises ShapeError if a tuple has another length."""
    axes = len(x) - 1
    if isinstance(value, int):
        return (value,) * axes
    if len(value) != axes:
        raise ShapeError(f"{value} has {len(value)} entries, the map {x} has {axes} spatial axes")
    return value
