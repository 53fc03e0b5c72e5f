"""Training one network: a plain loop that never waits for the device within an epoch.

Images and masks are copied to the device once, as stored; batches, augmentation and loss are computed there. Loss and
faults are read once per epoch. All randomness of an epoch comes from (seed, epoch).
"""

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from evaluators.augment import augmented
from evaluators.checkpoint import Progress, restore, save
from evaluators.curve import Curve, EpochRecord
from evaluators.data.samples import Samples
from evaluators.device import precision
from evaluators.dice import IGNORE
from evaluators.ema import Ema
from evaluators.faults import Diverged, Interrupted, RecipeError, TimedOut, out_of_memory
from evaluators.layout import lay_out
from evaluators.loss import SegmentationLoss
from evaluators.memory import PeakMemory
from evaluators.micro_batch import MicroBatch
from evaluators.optimizing import clip_gradients, optimizer_of
from evaluators.recipe import Recipe, learning_rate_at
from evaluators.scoring import dice_score, prepare
from evaluators.step import Step

__all__ = ["train"]


def train(
    module: nn.Module,
    training: Samples,
    validation: Samples,
    recipe: Recipe,
    device: torch.device,
    *,
    prediction: int = 0,
    checkpoint: Path | None = None,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    interrupted: Callable[[], bool] | None = None,
    deadline_s: float | None = None,
    until: int | None = None,
    micro_batch: int | None = None,
) -> Curve:
    """Train a segmentation network and return its curve; `curve.dice` is the result.

    The module is moved to `device` and afterwards holds the averaged weights, in evaluation mode. The same call on the
    CPU gives the same bits, also when it is cut into several by a stop and a checkpoint; on CUDA up to rounding. After
    a fault the module is on `device` with the weights of its last step. Where memory runs out in a step, the step is
    undone and taken again in parts half as large (`evaluators.micro_batch` says what that changes); scoring likewise.

    Args:
        module: Gives logits (N, K, h, w) or a list of such for images float32 (N, C, H, W); its weights are the start.
            K is 1 for two classes, else the number of classes.
        training: At least one image; with at least `recipe.batch` every step has a full batch.
        validation: At least one image.
        recipe: The numbers.
        device: Where to train.
        prediction: Index of the output that is scored; how the others count is the recipe's `supervision`.
        checkpoint: A file to continue from where there is one and to replace after every epoch.
        on_epoch: Called after each epoch's checkpoint is written; not again for epochs read from a checkpoint.
        interrupted: Asked before every step; True stops the training.
        deadline_s: Seconds that this call may take; looked at before every step.
        until: The epoch to stop after; the recipe's schedule stays that of all its epochs. None: its last.
        micro_batch: Images that go through the network at a time at first; None is the whole batch. A checkpoint's
            own number counts where there is one.

    Raises:
        Diverged: Loss, weights or logits are not finite; found at the end of the epoch.
        OutOfMemory: The device has too little memory for one image at a time.
        TimedOut: `deadline_s` passed.
        Interrupted: `interrupted` said so.
        CheckpointError: The checkpoint is damaged or of another recipe, network or data.
        RecipeError: There are no images, or their masks hold a class too many.
        DeviceError: The recipe's precision is unknown.
        ShapeError: The logits are not (N, K, h, w).
    """
    deadline = None if deadline_s is None else time.monotonic() + deadline_s
    check_leave = partial(_check_leave, interrupted, deadline)
    try:
        return _run(
            module,
            training,
            validation,
            recipe,
            device,
            prediction,
            checkpoint,
            on_epoch,
            check_leave,
            recipe.epochs if until is None else min(until, recipe.epochs),
            micro_batch,
        )
    except RuntimeError as error:
        fault = out_of_memory(error)
        if fault is None:
            raise
    raise fault  # out here, where nothing holds the failed step's tensors any more


def _run(
    module: nn.Module,
    training: Samples,
    validation: Samples,
    recipe: Recipe,
    device: torch.device,
    prediction: int,
    checkpoint: Path | None,
    on_epoch: Callable[[EpochRecord], None] | None,
    check_leave: Callable[[], None],
    last: int,
    micro_batch: int | None,
) -> Curve:
    memory = PeakMemory(device)
    fingerprint = _fingerprint(recipe, training, validation)
    progress = _start(module, recipe, device)
    if checkpoint is not None and checkpoint.exists():
        restore(checkpoint, progress, fingerprint, device)
    dtype = precision(recipe.precision, device)
    loss_of = SegmentationLoss(recipe.loss, recipe.supervision, training.classes, prediction)
    parts = MicroBatch(_first_size(progress, micro_batch, min(recipe.batch, len(training))))
    step = Step(progress, loss_of, partial(clip_gradients, module, recipe), device, dtype, parts)
    loop = _Loop(progress, recipe, device, step, *_on_device(training, device), check_leave)
    validation_images, validation_masks = _on_device(validation, device)
    score = partial(
        dice_score,
        progress.ema.module,
        validation_images,
        validation_masks,
        prediction=prediction,
        dtype=dtype,
        channels_last=recipe.channels_last,
        classes=training.classes,
    )
    while len(progress.records) < last:
        began, number = time.perf_counter(), len(progress.records) + 1
        memory.restart()
        loss = loop.epoch(number)
        dice = parts.attempt(lambda size: score(batch=size), undo=_nothing)
        seconds = time.perf_counter() - began
        record = EpochRecord(number, loss, dice.mean, seconds, dice.pooled, parts.size, memory.peak_bytes())
        progress.records.append(record)
        if checkpoint is not None:
            save(checkpoint, progress, fingerprint)
        if on_epoch is not None:
            on_epoch(progress.records[-1])
    progress.ema.copy_to(module.eval())
    return Curve(tuple(progress.records))


@dataclass(frozen=True)
class _Loop:
    """What every step needs, on the device."""

    progress: Progress
    recipe: Recipe
    device: torch.device
    step: Step
    images: torch.Tensor  # uint8 or float32 (N, C, H, W)
    masks: torch.Tensor  # uint8 (N, H, W)
    check_leave: Callable[[], None]

    def epoch(self, number: int) -> float:
        """Train through epoch 1, 2, ... and return the mean loss of its steps."""
        progress, recipe = self.progress, self.recipe
        generator, torch_seed = _randomness(recipe.seed, number, self.device)
        batches = self._batches(generator)
        total = torch.zeros((), device=self.device)
        progress.module.train()
        with torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(torch_seed)  # dropout knows no other generator
            for step, (batch, scale) in enumerate(batches):
                self.check_leave()
                rate = learning_rate_at((number - 1) * len(batches) + step, recipe.epochs * len(batches), recipe)
                total += self.step(*self._augmented(batch, scale, generator), rate)
        loss, finite = torch.stack((total / len(batches), progress.ema.finite())).tolist()
        if not (finite and math.isfinite(loss)):
            raise Diverged(f"training: loss {loss} or weights not finite in epoch {number}; lower the learning rate")
        return float(loss)

    def _batches(self, generator: torch.Generator) -> list[tuple[torch.Tensor, float]]:
        """Return each step's shuffled indexes and scale; a smaller last batch only where it is the only one."""
        order = torch.randperm(len(self.images), generator=generator, device=self.device)
        batch = min(self.recipe.batch, len(order))
        starts = range(0, len(order) - batch + 1, batch)
        return [(order[start : start + batch], scale) for start in starts for scale in self.recipe.scales]

    def _augmented(
        self, batch: torch.Tensor, scale: float, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        images, masks = self.images.index_select(0, batch), self.masks.index_select(0, batch)
        images, masks = augmented(images, masks, generator, self.recipe, scale)
        return prepare(images, self.recipe.channels_last), masks


def _start(module: nn.Module, recipe: Recipe, device: torch.device) -> Progress:
    module.to(device)
    lay_out(module, device, precision(recipe.precision, device), channels_last=recipe.channels_last)
    return Progress(module, Ema(module, recipe.ema_decay), optimizer_of(module, recipe))


def _first_size(progress: Progress, wanted: int | None, batch: int) -> int:
    """Return how many images go through the network at a time at first: as before, as wanted, or a batch."""
    if progress.records and progress.records[-1].micro_batch:
        return progress.records[-1].micro_batch
    return batch if wanted is None else max(1, min(wanted, batch))


def _nothing() -> None:
    """Undo a scoring, which leaves nothing behind."""


def _on_device(samples: Samples, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    return samples.images.to(device), samples.masks.to(device)


def _fingerprint(recipe: Recipe, training: Samples, validation: Samples) -> str:
    """Return what a checkpoint must share with the run that continues it: the recipe and the images, in order.

    Raises:
        RecipeError: There are no images, or their masks hold a class that `Samples.classes` does not count.
    """
    digest = hashlib.sha256()
    for name, samples in (("training", training), ("validation", validation)):
        if not len(samples):
            raise RecipeError(f"training: needs at least one {name} image, got none")
        labels, greatest = samples.masks[samples.masks != IGNORE], training.classes - 1
        if labels.numel() and labels.max() > greatest:
            raise RecipeError(f"training: {name} masks must be 0..{greatest} or 255, got class {int(labels.max())}")
        digest.update(repr((tuple(samples.images.shape), samples.hashes)).encode())
    return f"{recipe.fingerprint()} on data {digest.hexdigest()[:16]}"


def _randomness(seed: int, epoch: int, device: torch.device) -> tuple[torch.Generator, int]:
    """Return the generator of an epoch's order and augmentation, and the seed of its dropout."""
    ours, dropout = np.random.SeedSequence((seed, epoch)).generate_state(2, np.uint64).tolist()
    return torch.Generator(device).manual_seed(ours), dropout


def _check_leave(interrupted: Callable[[], bool] | None, deadline: float | None) -> None:
    if interrupted is not None and interrupted():
        raise Interrupted("training: stopped on request; the last finished epoch is in the checkpoint, if one is kept")
    if deadline is not None and time.monotonic() > deadline:
        raise TimedOut("training: the time allowed has passed; allow more, or train fewer epochs or smaller images")
