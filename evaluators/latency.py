"""How long one inference takes on a device: measured, not estimated.

Name: latency_ms. Unit: milliseconds per batch, lower is better. Needs: a module and a device to itself.
Source of the GPU protocol (events, cold L2, median): triton.testing.do_bench; of the 90th percentile: MLPerf Inference,
single stream.
"""

import statistics
from typing import NamedTuple

import torch
from torch import nn

from evaluators.cache import measuring
from evaluators.device import pick_device
from evaluators.device import precision as dtype_of
from evaluators.faults import out_of_memory
from evaluators.reference import REFERENCE_SHAPE, reference_network
from evaluators.runtimes import runner
from evaluators.timing import pinned, timed

__all__ = ["Latency", "latency_ms"]

_BUDGET_S = 1.0  # after this long, _FEWEST runs are enough
_FEWEST = 7


class Latency(NamedTuple):
    """Milliseconds per run: the median, the interquartile range, and the number of timed runs.

    p90_ms: 90th percentile. ratio: median over that of `reference_network`, which ran in turn: what slows the whole
    machine down cancels, so ratios compare where milliseconds of a busy day do not.
    """

    median_ms: float
    iqr_ms: float
    n: int
    p90_ms: float | None = None
    ratio: float | None = None


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
    runtime: str = "torch",
) -> Latency:
    """Return the time of one forward pass in evaluation mode, input and output on the device.

    Untimed runs first, then `repeats` timed ones, each followed by one of the reference network; slow networks stop
    after about one second, but not before 7 runs. Nothing else is measured on this device meanwhile: others wait.
    On the CPU `torch.get_num_threads()` threads run it, on as many cores: set that number before and store it beside
    the result (`describe_device` does). On CUDA each run is timed by events, with the L2 cache overwritten before it;
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
        runtime: `torch`, `cuda_graph` or `onnxruntime`, as `evaluators.runtimes` says.

    Raises:
        DeviceError: There is no such device, precision or runtime.
        OutOfMemory: The device has too little memory.
    """
    where = pick_device(device) if isinstance(device, str) else device
    try:
        dtype = dtype_of(precision, where)
        run = runner(module, (batch, *shape), where, dtype, channels_last=channels_last, runtime=runtime)
        own = "cuda_graph" if runtime == "cuda_graph" else "torch"
        beside = runner(reference_network(), (1, *REFERENCE_SHAPE), where, dtype, runtime=own)
        with measuring(where), pinned(where):
            times, others = timed(
                (run, beside), where, warmup=warmup, repeats=repeats, fewest=_FEWEST, budget_s=_BUDGET_S
            )
    except RuntimeError as error:
        fault = out_of_memory(error)
        if fault is None:
            raise
    else:
        low, median, high = statistics.quantiles(times, n=4, method="inclusive")
        p90 = statistics.quantiles(times, n=10, method="inclusive")[-1]
        return Latency(median, high - low, len(times), p90, median / statistics.median(others))
    raise fault
