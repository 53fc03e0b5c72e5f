"""How many trainings at once, with how many threads each, get the most images through this machine's CPU.

Measured once by short trainings in processes of their own, and kept in the cache folder. Two processes of one thread
are usually faster than one of two, whose threads wait for one another at every operator; by how much depends on the
machine and on what else it does. Name: best_slots. Unit: images per second of all processes together.
"""

import json
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from torch import nn

from evaluators.cache import cache_folder
from evaluators.device import describe_device, precision
from evaluators.faults import DeviceError
from evaluators.layout import lay_out

__all__ = ["Slots", "best_slots", "layouts", "usable_cores"]

_FORMAT = 1
_ROUNDS = 2  # every layout is measured so often, in turn; its better round counts, the other was disturbed
_ROUND_S = 1.5
_PATIENCE_S = 120.0
_SIDE, _BATCH, _WIDTH = 96, 8, 24


@dataclass(frozen=True)
class Slots:
    """Trainings at a time, CPU threads of each, and what they did together when they were measured."""

    processes: int
    threads: int
    images_per_s: float


def best_slots(cores: int | None = None, *, folder: Path | None = None) -> Slots:
    """Return the best layout for `cores` CPU cores, measured now if it is not known yet.

    Takes seconds the first time (each layout trains `_ROUNDS` times for 1.5 s, and processes have to start), nothing
    later. What is known counts for the same processor, cores, torch and torch's number format alone.

    Args:
        cores: Cores to fill; None is those that this process may use.
        folder: Where it is kept; None is `evaluators.cache.cache_folder()`. A folder that cannot be written is no
            fault: it is measured again next time.

    Raises:
        DeviceError: A process of the measurement ended or hung.
    """
    count = cores or usable_cores()
    path, machine = (folder or cache_folder()) / "slots.json", _machine(count)
    known = _read(path)
    if machine not in known:
        rates = {layout: 0.0 for layout in layouts(count)}
        for _ in range(_ROUNDS):
            for layout in rates:
                rates[layout] = max(rates[layout], _images_per_s(*layout))
        processes, threads = max(rates, key=lambda layout: rates[layout])
        known[machine] = Slots(processes, threads, rates[processes, threads])
        _write(path, known)
    return known[machine]


def layouts(cores: int) -> list[tuple[int, int]]:
    """Return (processes, threads) that use all cores: 1 x n, then twice as many processes while threads last."""
    found, threads = [(1, cores)], cores // 2
    while threads >= 1:
        found.append((cores // threads, threads))
        threads //= 2
    return found


def _images_per_s(processes: int, threads: int) -> float:
    """Return what so many processes train together in a round; they begin it at the same moment."""
    context = multiprocessing.get_context("spawn")  # a fork would inherit torch's threads, and CUDA's state
    pipes = [context.Pipe() for _ in range(processes)]
    workers = [context.Process(target=_work, args=(theirs, threads), daemon=True) for _, theirs in pipes]
    try:
        for worker in workers:
            worker.start()
        for _, theirs in pipes:
            theirs.close()
        for ours, _ in pipes:
            _answer(ours)  # ready
        for ours, _ in pipes:
            ours.send("go")
        return sum([_answer(ours) for ours, _ in pipes])
    finally:
        for worker in workers:
            worker.kill()
            worker.join()


def _answer(pipe: Connection) -> float:
    try:
        if pipe.poll(_PATIENCE_S):
            return float(pipe.recv())
    except EOFError:
        pass
    raise DeviceError(
        "calibration: a process that measures the CPU ended or hung; set the numbers of workers and threads yourself"
    )


def _work(pipe: Connection, threads: int) -> None:
    """Warm up, wait for the others, train for a round and send the images per second."""
    torch.set_num_threads(threads)
    step = _training_step()
    step()
    pipe.send(0.0)
    pipe.recv()
    began, images = time.perf_counter(), 0
    while time.perf_counter() - began < _ROUND_S:
        step()
        images += _BATCH
    pipe.send(images / (time.perf_counter() - began))


def _training_step() -> Callable[[], None]:
    """Return a step of a small encoder and decoder in the layout and number format that trainings use."""
    device, width = torch.device("cpu"), _WIDTH
    dtype = precision("auto", device)
    module = nn.Sequential(
        *_unit(3, width),
        *_unit(width, width),
        nn.MaxPool2d(2),
        *_unit(width, 2 * width),
        *_unit(2 * width, 2 * width),
        nn.Upsample(scale_factor=2),
        *_unit(2 * width, width),
        nn.Conv2d(width, 1, 1),
    )
    lay_out(module, device, dtype, channels_last=True)
    optimizer = torch.optim.AdamW(module.parameters(), fused=True)
    images = torch.rand(_BATCH, 3, _SIDE, _SIDE).contiguous(memory_format=torch.channels_last)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            logits = module(images)
        optimizer.zero_grad()
        logits.float().square().mean().backward()
        optimizer.step()

    return step


def _unit(width_in: int, width: int) -> list[nn.Module]:
    return [nn.Conv2d(width_in, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]


def usable_cores() -> int:
    """Return how many CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _machine(cores: int) -> str:
    processor = describe_device(torch.device("cpu")).rpartition(",")[0]
    return f"{processor}, {cores} cores, torch {torch.__version__}"


def _read(path: Path) -> dict[str, Slots]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["format"] == _FORMAT:
            return {machine: Slots(**slots) for machine, slots in stored["machines"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none yet, or damaged: it is measured again
    return {}


def _write(path: Path, known: dict[str, Slots]) -> None:
    text = json.dumps({"format": _FORMAT, "machines": {name: asdict(slots) for name, slots in known.items()}}, indent=1)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError:
        pass  # a cache
