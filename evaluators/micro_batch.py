"""Steps in parts: a batch that does not fit into memory goes through the network some images at a time.

The gradients of the parts are summed, so that the number of optimizer steps stays. Two things differ from a step of the
whole batch: BatchNorm takes its statistics over a part, and the loss is averaged over the pixels of each part first.
"""

import math
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from evaluators.faults import out_of_memory

__all__ = ["MicroBatch", "Rewind", "gradients_in_parts"]

T = TypeVar("T")


class MicroBatch:
    """How many images go through the network at a time: halved whenever memory runs out, and kept so.

    Attributes:
        size: Images at a time, 1 or more.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def attempt(self, run: Callable[[int], T], undo: Callable[[], None]) -> T:
        """Return `run(size)`; where memory runs out, `undo()`, halve the size (rounded up) and run again.

        Raises:
            OutOfMemory: One image at a time is too much as well.
        """
        while True:
            try:
                return run(self.size)
            except RuntimeError as error:
                fault = out_of_memory(error)
                if fault is None:
                    raise
            if self.size == 1:
                raise fault  # out here, as what follows: nothing holds the failed attempt's tensors any more
            undo()
            torch.cuda.empty_cache()  # nothing where CUDA is not in use
            self.size = math.ceil(self.size / 2)


class Rewind:
    """What a forward pass changes beside gradients, BatchNorm's statistics and torch's random numbers, to be undone."""

    def __init__(self, module: nn.Module, device: torch.device) -> None:
        self._buffers = [buffer for buffer in module.buffers() if buffer.is_floating_point()]
        self._buffers += [buffer for buffer in module.buffers() if not buffer.is_floating_point()]
        self._kept = [buffer.clone() for buffer in self._buffers]
        self._cuda = device if device.type == "cuda" else None
        self._random: list[torch.Tensor] = []

    @torch.no_grad()
    def keep(self) -> None:
        """Remember the state of now; nothing is read back to the host."""
        if self._buffers:
            torch._foreach_copy_(self._kept, self._buffers)
        self._random = [torch.get_rng_state()]
        if self._cuda is not None:
            self._random.append(torch.cuda.get_rng_state(self._cuda))

    @torch.no_grad()
    def back(self) -> None:
        """Bring back the state of the last `keep`."""
        if self._buffers:
            torch._foreach_copy_(self._buffers, self._kept)
        torch.set_rng_state(self._random[0])
        if self._cuda is not None:
            torch.cuda.set_rng_state(self._random[1], self._cuda)


def gradients_in_parts(
    loss_of: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], images: torch.Tensor, masks: torch.Tensor, size: int
) -> torch.Tensor:
    """Add the gradients of a batch's loss to the weights, `size` images at a time, and return the loss, detached.

    Args:
        loss_of: Gives the mean loss of some images (N, C, H, W) and masks (N, H, W).
        images: The whole batch.
        masks: Likewise.
        size: Images at a time; each part counts by its share of the images.
    """
    losses = []
    for some, target in zip(torch.split(images, size), torch.split(masks, size), strict=True):
        loss = loss_of(some, target) * (len(some) / len(images))
        loss.backward()  # type: ignore[no-untyped-call]  # torch's
        losses.append(loss.detach())
    return torch.stack(losses).sum()
