"""What runs a deployed network while it is measured: torch, torch's CUDA graphs, onnxruntime."""

import copy
import logging
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

from evaluators.faults import DeviceError

__all__ = ["RUNTIMES", "runner"]

RUNTIMES = ("torch", "cuda_graph", "onnxruntime")


def runner(
    module: nn.Module,
    shape: tuple[int, ...],
    device: torch.device,
    dtype: torch.dtype,
    *,
    channels_last: bool = True,
    runtime: str = "torch",
) -> Callable[[], object]:
    """Return a function that runs a copy of the module in evaluation mode on one input, both on the device.

    shape: (N, C, H, W). channels_last: of weights and input; onnxruntime lays them out as it likes.
    runtime: `torch` runs eagerly, `cuda_graph` replays what was captured of that, `onnxruntime` runs what torch.export
        and torch.onnx.export make of it, at this one size.
    Raises DeviceError where the runtime cannot run that on this device.
    """
    _check(runtime, device, dtype)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    ours = copy.deepcopy(module).eval().to(device, dtype)
    if channels_last:
        ours.to(memory_format=layout)  # type: ignore[call-overload]  # not in torch's stubs
    images = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(device, dtype, memory_format=layout)
    if runtime == "onnxruntime":
        return _by_onnxruntime(ours, images.contiguous())

    @torch.inference_mode()
    def run() -> object:
        return ours(images)

    return _captured(run, device) if runtime == "cuda_graph" else run


def _check(runtime: str, device: torch.device, dtype: torch.dtype) -> None:
    if runtime not in RUNTIMES:
        raise DeviceError(f"runtime: must be one of {', '.join(RUNTIMES)}, not {runtime!r}")
    if runtime == "cuda_graph" and device.type != "cuda":
        raise DeviceError(f"runtime: cuda_graph needs a CUDA device, this is {device}; use torch")
    if runtime == "onnxruntime" and (device.type != "cpu" or dtype != torch.float32):
        raise DeviceError(f"runtime: onnxruntime is measured on the CPU in fp32, not on {device} in {dtype}; use torch")


def _captured(run: Callable[[], object], device: torch.device) -> Callable[[], object]:
    """Return a function that replays one run (torch's documentation, "CUDA Graphs": warm up on a side stream)."""
    with torch.cuda.device(device):
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch's
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                run()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            kept = run()  # its memory is the graph's

    def replay() -> object:
        graph.replay()
        return kept

    return replay


def _by_onnxruntime(module: nn.Module, images: Tensor) -> Callable[[], object]:
    try:
        import onnxruntime
        import onnxscript  # noqa: F401  # torch.onnx.export needs it
    except ImportError as fault:
        raise DeviceError(f"runtime: onnxruntime needs '{fault.name}'; pip install 'nas-medseg[onnx]'") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(_as_onnx(module, images), options, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    given = {taken.name: images.numpy()}
    return lambda: session.run(None, given)


def _as_onnx(module: nn.Module, images: Tensor) -> bytes:
    """Return the network at this size as ONNX. torch.export comes first: what it cannot take, nothing exports."""
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)  # of torchvision
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore", FutureWarning)  # torch's own, of its trees
        warnings.simplefilter("ignore", DeprecationWarning)
        program = torch.onnx.export(torch.export.export(module, (images,)), dynamo=True, verbose=False)
    assert program is not None
    return bytes(program.model_proto.SerializeToString())
