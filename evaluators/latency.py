"""How long one inference takes on a device: measured, not estimated.

Name: latency_ms. Unit: milliseconds per batch, lower is better. Needs: a module and a device to itself.
Source of the GPU protocol (events, cold L2, median): triton.testing.do_bench.
"""

import copy
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import nn

from evaluators.device import pick_device
from evaluators.device import precision as dtype_of
from evaluators.faults import out_of_memory

__all__ = ["Latency", "latency_ms"]

_BUDGET_S = 1.0  # after this long, _FEWEST runs are enough
_FEWEST = 7


class Latency(NamedTuple):
    """Milliseconds per run: the median, the interquartile range, and the number of timed runs."""

    median_ms: float
    iqr_ms: float
    n: int


def latency_ms(
    module: nn.Module,
    shape: tuple[int, ...],
    device: str | torch.device = "auto",
    *,
    precision: str = "fp32",
    channels_last: bool = True,
    batch: int = 1,
    warmup: int = 3,
    repeats: int = 50,
) -> Latency:
    """Return the time of one forward pass in evaluation mode, input and output on the device.

    Untimed runs first, then `repeats` timed ones; slow networks stop after about one second, but not before 7 runs.
    On the CPU `torch.get_num_threads()` threads run it: set that number before and store it beside the result
    (`describe_device` does). On CUDA each run is eager, timed by events, with the L2 cache overwritten before it;
    that branch has not run on a GPU yet.

    Args:
        module: Anywhere, in any mode; a copy is measured and the module stays as it is.
        shape: Of one image, (C, H, W).
        device: A torch device or a name that `pick_device` takes.
        precision: `fp32`, `bf16` (weights and input are converted) or `auto`.
        channels_last: Lay out weights and input so.
        batch: Images per run.
        warmup: Untimed runs.
        repeats: Timed runs, at least 2.

    Raises:
        DeviceError: There is no such device or precision.
        OutOfMemory: The device has too little memory.
    """
    where = pick_device(device) if isinstance(device, str) else device
    try:
        dtype = dtype_of(precision, where)
        times = _times(_clock(_prepared(module, (batch, *shape), where, dtype, channels_last), where), warmup, repeats)
    except RuntimeError as error:
        fault = out_of_memory(error)
        if fault is None:
            raise
    else:
        low, median, high = statistics.quantiles(times, n=4, method="inclusive")
        return Latency(median, high - low, len(times))
    raise fault


def _prepared(
    module: nn.Module, shape: tuple[int, ...], device: torch.device, dtype: torch.dtype, channels_last: bool
) -> Callable[[], None]:
    """Return a function that runs a copy of the module once on one input."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    ours = copy.deepcopy(module).eval().to(device, dtype)
    if channels_last:
        ours.to(memory_format=layout)  # type: ignore[call-overload]  # not in torch's stubs
    images = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(device, dtype, memory_format=layout)

    @torch.inference_mode()
    def run() -> None:
        ours(images)

    return run


def _times(measure: Callable[[], float], warmup: int, repeats: int) -> list[float]:
    for _ in range(warmup):
        measure()
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < repeats and (len(times) < _FEWEST or time.perf_counter() - began < _BUDGET_S):
        times.append(measure())
    return times


def _on_cpu(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return 1e3 * (time.perf_counter() - start)


def _on_cuda(run: Callable[[], None], cache: torch.Tensor) -> float:
    cache.zero_()  # a deployed network finds its weights in memory, not where the last run left them
    with torch.cuda.device(cache.device):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]  # torch's
        start.record()
        run()
        end.record()
        end.synchronize()
    return float(start.elapsed_time(end))


def _clock(run: Callable[[], None], device: torch.device) -> Callable[[], float]:
    """Return a function that runs once and returns the milliseconds it took."""
    if device.type != "cuda":
        return partial(_on_cpu, run)
    size = 2 * torch.cuda.get_device_properties(device).L2_cache_size
    return partial(_on_cuda, run, torch.empty(size, dtype=torch.uint8, device=device))
