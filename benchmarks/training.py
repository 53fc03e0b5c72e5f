"""How fast trainings are: images per second, peak memory and Dice of our loop against a plain one.

Run: python benchmarks/training.py [--data FOLDER] [--seeds 5] [--rounds 3] [--images 240] [--epochs 12] [--threads 1]
(some 20 minutes on a core to itself; writes benchmarks/results/training-DEVICE.json)

The plain loop is what one writes first: a DataLoader that augments image by image, float32, the default memory layout,
AdamW as it comes, the loss read in every step. Network (a U-Net of double convolutions, 2 million parameters), data,
augmentation, loss, learning rates, number of steps and weight averaging are the same. Both run in
one process, in turn, epoch by epoch; the ratio is the median over the rounds. Wall clock is what a user waits for, CPU
seconds of the process are what neighbours on the machine disturb less. Peak memory is of a process of its own for
each: the most it had resident, less what it had before the training; on CUDA what tensors took.

The Dice difference (ours - plain) is of trainings with the same seeds, with the 95 % interval of Student's t over them.
"""

import argparse
import math
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from recorded import known, record
from scipy.stats import t as student
from torch import nn
from torch.utils.data import DataLoader, Dataset

import nas
from evaluators.augment import MEAN, STD
from evaluators.curve import EpochRecord
from evaluators.data import Samples, find_pairs, load, recognise, scenes
from evaluators.device import pick_device
from evaluators.ema import Ema
from evaluators.loss import SegmentationLoss
from evaluators.memory import PeakMemory
from evaluators.recipe import Recipe, learning_rate_at
from evaluators.scoring import dice_score
from evaluators.training import train
from nas.derivation import derive
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.encoders.staged import staged
from search_spaces.segmenter import segmenter
from search_spaces.upsampling.double_pad import double_pad

BATCH = 8
SPEED_SIZES = {128: 32, 256: 16}  # pixels: images of a timed epoch
DICE_SIZE = 64
Loop = Callable[..., float]


def network(size: int, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    rule = segmenter(encoder=staged(base=16), decoder=unet_decoder(upsample=double_pad))
    architecture = derive(rule, lambda path, options: options[0])  # nothing is open: never asked
    return nas.to_module(nas.build(architecture, (3, size, size), 1))


class Augmented(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """One image and its mask at a time: flips, quarter turns and colours as `evaluators.augment` draws them."""

    def __init__(self, samples: Samples, recipe: Recipe):
        self.samples, self.recipe = samples, recipe

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        image, mask = self.samples.images[index].float() / 255, self.samples.masks[index]
        for axis in (-2, -1):
            if torch.rand(()) < 0.5:
                image, mask = image.flip(axis), mask.flip(axis)
        turns = int(torch.randint(4, ()))
        image, mask = image.rot90(turns, (-2, -1)), mask.rot90(turns, (-2, -1))
        saturation, contrast, brightness = 1 + self.recipe.colour * (2 * torch.rand(3) - 1)
        grey = image.mean(0, keepdim=True)
        image = grey + saturation * (image - grey)
        image = (brightness * (grey.mean() + contrast * (image - grey.mean()))).clamp(0, 1)
        return (image - MEAN) / STD, mask


def plain(
    module: nn.Module,
    training: Samples,
    validation: Samples,
    recipe: Recipe,
    device: torch.device,
    on_epoch: Callable[[EpochRecord], None],
) -> float:
    """Train as one writes it first and return the Dice of the averaged weights."""
    torch.manual_seed(recipe.seed)
    loader = DataLoader(Augmented(training, recipe), recipe.batch, shuffle=True, drop_last=True)
    module.to(device).train()
    matrices = [weight for weight in module.parameters() if weight.ndim > 1]
    vectors = [weight for weight in module.parameters() if weight.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate)
    average, steps = Ema(module, recipe.ema_decay), recipe.epochs * len(loader)
    loss_of, step, dice = SegmentationLoss(recipe.loss, recipe.supervision), 0, math.nan
    for epoch in range(1, recipe.epochs + 1):
        began, total = time.perf_counter(), 0.0
        for images, masks in loader:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate_at(step, steps, recipe)
            loss = loss_of(module(images.to(device)), masks.to(device))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(module.parameters(), recipe.clip_norm)
            optimizer.step()
            average.update(module)
            total += loss.item()
            step += 1
        pixels, masks = validation.images.to(device), validation.masks.to(device)
        score = dice_score(average.module, pixels, masks, batch=recipe.batch, channels_last=False)
        dice = score.mean
        on_epoch(EpochRecord(epoch, total / len(loader), dice, time.perf_counter() - began, score.pooled))
    return dice


def ours(
    module: nn.Module,
    training: Samples,
    validation: Samples,
    recipe: Recipe,
    device: torch.device,
    on_epoch: Callable[[EpochRecord], None],
) -> float:
    return train(module, training, validation, recipe, device, on_epoch=on_epoch).dice


LOOPS: dict[str, Loop] = {"ours": ours, "plain": plain}


def epoch_seconds(loop: Loop, samples: Samples, size: int, device: torch.device) -> tuple[float, float]:
    """Return wall and CPU seconds of the second of two epochs; the first sets up."""
    moments: list[tuple[float, float]] = []

    def on_epoch(record: EpochRecord) -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        moments.append((time.perf_counter(), time.process_time()))

    loop(network(size), samples, samples.select(range(1)), Recipe(epochs=2, batch=BATCH), device, on_epoch)
    (wall, cpu), (wall_end, cpu_end) = moments
    return wall_end - wall, cpu_end - cpu


def speed_rows(data: Callable[[int, int], Samples], rounds: int, device: torch.device) -> Iterator[dict[str, object]]:
    for size, count in SPEED_SIZES.items():
        samples = data(count, size)
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in LOOPS}
        for _ in range(rounds):
            for name, loop in LOOPS.items():
                found[name].append(epoch_seconds(loop, samples, size, device))
        for place, clock in enumerate(("wall", "CPU")):
            pairs = [(a[place], b[place]) for a, b in zip(found["ours"], found["plain"], strict=True)]
            ratios = sorted(b / a for a, b in pairs)
            mine, theirs = (count / statistics.median(times) for times in zip(*pairs, strict=True))
            name = f"images/{clock} second, {size} px, {rounds} rounds"
            yield row(name, mine, theirs, statistics.median(ratios), (ratios[0], ratios[-1]))


def dice_row(
    data: Callable[[int, int], Samples], seeds: int, images: int, epochs: int, device: torch.device
) -> dict[str, object]:
    samples = data(3 * images // 2, DICE_SIZE)
    training, validation = samples.select(range(images)), samples.select(range(images, 3 * images // 2))
    dices: dict[str, list[float]] = {name: [] for name in LOOPS}
    for seed in range(seeds):
        recipe = Recipe(epochs=epochs, batch=BATCH, seed=seed)
        for name, loop in LOOPS.items():
            module = network(DICE_SIZE, seed)
            dices[name].append(loop(module, training, validation, recipe, device, lambda record: None))
        print(seed, {name: found[-1] for name, found in dices.items()}, file=sys.stderr, flush=True)
    differences = [a - b for a, b in zip(dices["ours"], dices["plain"], strict=True)]
    mean = statistics.mean(differences)
    half = float(student.ppf(0.975, seeds - 1)) * statistics.stdev(differences) / math.sqrt(seeds)
    name = f"Dice, mean of {seeds} seeds ({DICE_SIZE} px, {epochs} epochs, {images} images)"
    name += "; interval: of the difference"
    return row(name, *map(statistics.mean, dices.values()), None, (mean - half, mean + half))


def memory_row(size: int, device: torch.device) -> dict[str, object]:
    context, peaks = multiprocessing.get_context("spawn"), []
    for name in LOOPS:
        mine, theirs = context.Pipe()
        process = context.Process(target=_peak, args=(theirs, name, size, str(device)))
        process.start()
        peaks.append(mine.recv() / 1e6)
        process.join()
    return row(f"peak memory of training at {size} px, batch {BATCH}, MB", *peaks, peaks[1] / peaks[0])


def _peak(pipe: Connection, name: str, size: int, device: str) -> None:
    torch.set_num_threads(1)
    where, samples = torch.device(device), scenes(2 * BATCH, size, 0)
    module, memory = network(size), PeakMemory(where)
    memory.restart()
    before = (memory.peak_bytes() or 0) if where.type == "cpu" else 0
    peaks: list[int] = []

    def on_epoch(record: EpochRecord) -> None:
        peaks.append(record.peak_bytes or memory.peak_bytes() or 0)

    LOOPS[name](module, samples, samples.select(range(1)), Recipe(epochs=2, batch=BATCH), where, on_epoch)
    pipe.send(max(peaks) - before)


def row(
    name: str,
    value: float,
    baseline: float,
    ratio: float | None = None,
    interval: tuple[float, float] | None = None,
) -> dict[str, object]:
    return {"name": name, "value": value, "baseline": baseline, "ratio": ratio, "interval": interval}


def reader(folder: Path | None) -> Callable[[int, int], Samples]:
    """Return what gives so many images of a size: the first of a folder, else drawn ones."""
    if folder is None:
        return lambda count, size: scenes(count, size, 0)
    found = recognise(folder)
    pairs = find_pairs(found.layout)
    return lambda count, size: load(pairs[:count], size, form=found.form)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder of images and masks; without, images are drawn")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=240, help="trained on where Dice is compared")
    parser.add_argument("--epochs", type=int, default=12, help="of those trainings")
    parser.add_argument("--only-dice", action="store_true", help="measure that anew, keep the rows of time and memory")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="auto")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    device, data = pick_device(asked.device), reader(asked.data)
    kept = [one for one in known(device) if asked.only_dice and not str(one["name"]).startswith("Dice")]
    record(measured(asked, data, device), device, kept=kept)


def measured(
    asked: argparse.Namespace, data: Callable[[int, int], Samples], device: torch.device
) -> Iterator[dict[str, object]]:
    if not asked.only_dice:
        yield from speed_rows(data, asked.rounds, device)
        yield memory_row(256, device)
    yield dice_row(data, asked.seeds, asked.images, asked.epochs, device)


if __name__ == "__main__":
    main()
