"""The exponential moving average of a network's weights.

Source of the averaging: Polyak and Juditsky 1992; of the warm-up of the decay: TensorFlow's ExponentialMovingAverage.
"""

import copy

import torch
from torch import nn

__all__ = ["Ema"]


class Ema:
    """A copy of a module whose floats follow the module's slowly; nothing is read back to the host.

    Update t = 0, 1, 2 ... does `average += (1 - d) * (weight - average)` with d = min(decay, (1 + t) / (10 + t)),
    so that the random initial weights are soon forgotten also in short trainings.

    Attributes:
        module: The averaged copy, in evaluation mode: parameters and float buffers averaged, other buffers the last.
        updates: How often `update` was called.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0
        self._averages, self._counts = _tensors(self.module)

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take one step towards `module`, which has the structure of the module given at first."""
        weights, counts = _tensors(module)
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(self._averages, weights, 1 - decay)
        if counts:
            torch._foreach_copy_(self._counts, counts)
        self.updates += 1

    @torch.no_grad()
    def copy_to(self, module: nn.Module) -> None:
        """Write the averages into `module`."""
        for target, source in zip(_tensors(module), (self._averages, self._counts), strict=True):
            if source:
                torch._foreach_copy_(target, source)

    def finite(self) -> torch.Tensor:
        """Return a bool scalar on the device: no average is infinite or nan."""
        return torch.stack(torch._foreach_norm(self._averages)).isfinite().all()


def _tensors(module: nn.Module) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Return the parameters and buffers, floats and others apart, each in the module's order."""
    tensors = [tensor.detach() for tensor in (*module.parameters(), *module.buffers())]
    floats = [tensor for tensor in tensors if tensor.is_floating_point()]
    return floats, [tensor for tensor in tensors if not tensor.is_floating_point()]
