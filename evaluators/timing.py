"""Timing of what runs on a device: several things in turn, on pinned cores, with cold caches on CUDA."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

__all__ = ["Run", "pinned", "timed"]

Run = Callable[[], object]
_THREADS = Path("/proc/self/task")


def timed(
    runs: Sequence[Run],
    device: torch.device,
    *,
    warmup: int,
    repeats: int,
    fewest: int,
    budget_s: float,
    clock: Callable[[], float] = time.perf_counter,
) -> list[list[float]]:
    """Return for each of `runs` the milliseconds of its timed runs. They run in turn, so that drift meets all alike.

    warmup, repeats: untimed and timed rounds. After `budget_s` seconds `fewest` timed rounds are enough.
    clock: seconds, on the CPU. On CUDA events are recorded around each run, and the L2 cache is overwritten before:
        a deployed network finds its weights in memory, not where the last run left them.
    """
    measure = _cuda_clock(device) if device.type == "cuda" else lambda run: _on_cpu(run, clock)
    for _ in range(warmup):
        for run in runs:
            measure(run)
    times: list[list[float]] = [[] for _ in runs]
    began = time.perf_counter()
    while len(times[0]) < repeats and (len(times[0]) < fewest or time.perf_counter() - began < budget_s):
        for run, found in zip(runs, times, strict=True):
            found.append(measure(run))
    return times


@contextmanager
def pinned(device: torch.device) -> Iterator[None]:
    """Keep this process's threads on as many cores as torch has threads, the last ones, while a CPU is measured.

    Does nothing for CUDA, where all cores are in use, or where the system cannot pin (it is not Linux).
    """
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    count = torch.get_num_threads()
    if device.type != "cpu" or count >= len(allowed):
        yield
        return
    before = _cores_by_thread()
    try:
        _pin(dict.fromkeys(before, set(allowed[-count:])))
        yield
    finally:
        _pin({thread: before.get(thread, set(allowed)) for thread in _cores_by_thread()})


def _cores_by_thread() -> dict[int, set[int]]:
    found = {}
    for path in _THREADS.iterdir():
        with suppress(ProcessLookupError):  # it has ended meanwhile
            found[int(path.name)] = os.sched_getaffinity(int(path.name))
    return found


def _pin(cores: dict[int, set[int]]) -> None:
    for thread, own in cores.items():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(thread, own)


def _on_cpu(run: Run, clock: Callable[[], float]) -> float:
    start = clock()
    run()
    return 1e3 * (clock() - start)


def _cuda_clock(device: torch.device) -> Callable[[Run], float]:
    size = 2 * torch.cuda.get_device_properties(device).L2_cache_size
    cache = torch.empty(size, dtype=torch.uint8, device=device)

    def measure(run: Run) -> float:
        with torch.cuda.device(device):
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]  # torch's
            cache.zero_()
            start.record()
            run()
            end.record()
            end.synchronize()
        return float(start.elapsed_time(end))

    return measure
