"""Parameters, MACs and CIO counted from the running module: a check of `nas.cost` that shares no formula with it.

Name: counts. Units: numbers, multiply-accumulates, elements, of one image. Needs: a module on the CPU.
What the counters agree on is convolutions, transposed convolutions and linear layers; the rest is left out of all.
- Hooks: from the attributes of each layer and the tensors that it really got and gave.
- fvcore (`FlopCountAnalysis`): its conv, linear and addmm; its "flops" are MACs. Its conv has transposed convolutions,
  counted from their input's size, and divides by groups. Its total is larger: norms, pooling and upsampling are in it.
  It traces a run of the network on the CPU; on the meta device it fails with torch 2.13.
- torch (`FlopCounterMode`): its convolution, addmm and mm; it counts 2 per MAC.
"""

import logging
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

import nas
from nas.graph import Graph

__all__ = ["Check", "Counts", "count_by_hooks", "macs_by_fvcore", "macs_by_torch", "verify"]

_CONVS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_FVCORE = ("conv", "linear", "addmm")
_TORCH = ("convolution", "_convolution", "addmm", "mm")


class Counts(NamedTuple):
    """Of one image. The fields are those of `nas.Cost`."""

    params: int
    macs: int
    cio_elements: int


@dataclass(frozen=True)
class Check:
    """One quantity of `nas.cost` beside what others counted, by counter; who does not count it is left out."""

    quantity: str
    ours: int
    counted: Mapping[str, int]

    @property
    def agrees(self) -> bool:
        """Whether all counted the same, to the unit."""
        return all(value == self.ours for value in self.counted.values())


def verify(graph: Graph) -> tuple[Check, ...]:
    """Build the torch module of `graph`, run it at its size on the CPU and count; parameters, MACs and CIO."""
    with torch.random.fork_rng([]):
        module = nas.to_module(graph)
    ours, hooks = nas.cost(graph), count_by_hooks(module, graph.image_shape)
    others = {
        "fvcore": macs_by_fvcore(module, graph.image_shape),
        "torch": macs_by_torch(module, graph.image_shape),
    }
    return (
        Check("params", ours.params, {"hooks": hooks.params}),
        Check("macs", ours.macs, {"hooks": hooks.macs} | others),
        Check("cio_elements", ours.cio_elements, {"hooks": hooks.cio_elements}),
    )


def count_by_hooks(module: nn.Module, image_shape: tuple[int, ...]) -> Counts:
    """Return what one forward pass in evaluation mode uses.

    A parameter counts once, if any operation takes it; a layer counts each time it is called. CIO is of the tensors
    handed to and given by a layer, before padding.
    image_shape: (C, H, W).
    """
    macs, cio = [], []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        macs.append(_macs(layer, inputs[0], output))
        cio.append(inputs[0].numel() + output.numel())

    layers = [layer for layer in module.modules() if isinstance(layer, (*_CONVS, *_TRANSPOSED, nn.Linear))]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    try:
        with _evaluating(module), _UsedParameters() as used:
            module(_image(image_shape))
    finally:
        for hook in hooks:
            hook.remove()
    return Counts(sum(used.found.values()), sum(macs), sum(cio))


def macs_by_fvcore(module: nn.Module, image_shape: tuple[int, ...]) -> int:
    """Return the MACs of convolutions and linear layers by fvcore's formulas. image_shape: (C, H, W)."""
    from fvcore.nn import FlopCountAnalysis

    logger = logging.getLogger("fvcore.nn.jit_analysis")  # it also warns where it is asked not to
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with _evaluating(module):
            analysis = FlopCountAnalysis(module, _image(image_shape)).tracer_warnings("none")
            counted = analysis.by_operator()
    finally:
        logger.setLevel(level)
    return sum(int(counted[name]) for name in _FVCORE)


def macs_by_torch(module: nn.Module, image_shape: tuple[int, ...]) -> int:
    """Return the MACs of convolutions and linear layers by torch's own counter. image_shape: (C, H, W)."""
    with _evaluating(module), FlopCounterMode(display=False) as counter:
        module(_image(image_shape))
    counted: dict[Any, int] = counter.get_flop_counts()["Global"]
    return sum(flops for operator, flops in counted.items() if operator.__name__ in _TORCH) // 2


def _macs(layer: nn.Module, x: Tensor, y: Tensor) -> int:
    if isinstance(layer, _CONVS):
        return y.numel() * (layer.in_channels // layer.groups) * math.prod(layer.kernel_size)
    if isinstance(layer, _TRANSPOSED):
        return x.numel() * (layer.out_channels // layer.groups) * math.prod(layer.kernel_size)
    assert isinstance(layer, nn.Linear)
    return y.numel() * layer.in_features


class _UsedParameters(TorchFunctionMode):
    """While entered, notes the sizes of the parameters that operations take, by identity."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[int, int] = {}

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        for value in (*args, *(kwargs or {}).values()):
            if isinstance(value, nn.Parameter):
                self.found[id(value)] = value.numel()
        return function(*args, **(kwargs or {}))


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Put the module into evaluation mode without gradients, and every part back into its own mode afterwards."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, mode in modes:
            part.training = mode


def _image(shape: tuple[int, ...]) -> Tensor:
    return torch.zeros(1, *shape)
