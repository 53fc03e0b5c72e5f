"""One step of training: loss and gradients of a batch, in parts where memory is short, then the optimizer."""

from collections.abc import Callable, Sequence
from functools import partial

import torch

from evaluators.checkpoint import Progress
from evaluators.cuda_step import CudaStep, set_rate
from evaluators.micro_batch import MicroBatch, Rewind, gradients_in_parts

__all__ = ["Step"]

LossOf = Callable[[torch.Tensor | Sequence[torch.Tensor], torch.Tensor], torch.Tensor]


class Step:
    """Takes the steps of one training; nothing is read back to the host."""

    def __init__(
        self,
        progress: Progress,
        loss_of: LossOf,
        clip: Callable[[], object],
        device: torch.device,
        dtype: torch.dtype,
        micro_batch: MicroBatch,
    ) -> None:
        """Take what a step consists of.

        Args:
            progress: The module, its average and the optimizer.
            loss_of: Gives the mean loss of outputs (a tensor or a list of such) against masks uint8 (N, H, W).
            clip: Shortens the module's gradients.
            device: Of everything.
            dtype: bfloat16 runs the heavy operators in it.
            micro_batch: Images that go through the network at a time.
        """
        self._progress = progress
        self._loss_of = loss_of
        self._clip = clip
        self._device = device
        self._dtype = dtype
        self._micro_batch = micro_batch
        self._rewind = Rewind(progress.module, device)
        self._update: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = self._eager
        if device.type == "cuda":
            self._update = CudaStep(self._eager, self._bare, progress.optimizer, device)

    def __call__(self, images: torch.Tensor, masks: torch.Tensor, rate: float) -> torch.Tensor:
        """Change the weights and their average by one batch, and return its loss, detached.

        Raises:
            OutOfMemory: The gradients of a single image take too much memory.
        """
        set_rate(self._progress.optimizer, rate)
        loss = self._update(images, masks)
        self._progress.ema.update(self._progress.module)
        return loss

    def _eager(self, images: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        self._rewind.keep()
        loss = self._micro_batch.attempt(partial(self._gradients, images, masks), self._rewind.back)
        self._descend()  # not attempted again: what fills the memory here are weights and moments, whatever the size
        return loss

    def _bare(self, images: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        loss = self._gradients(images, masks, self._micro_batch.size)
        self._descend()
        return loss

    def _descend(self) -> None:
        self._clip()
        self._progress.optimizer.step()

    def _gradients(self, images: torch.Tensor, masks: torch.Tensor, size: int) -> torch.Tensor:
        self._progress.optimizer.zero_grad()
        return gradients_in_parts(self._loss, images, masks, size)

    def _loss(self, images: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._dtype == torch.bfloat16):
            outputs = self._progress.module(images)
        return self._loss_of(outputs, masks)
