"""Forms that take fewer bytes per number: fp16 and int8 as ONNX, bf16 as a program of torch.export.

Each takes a float32 image and gives float32 logits, at the sizes of the form it is made from. bf16 is not made for
ONNX: onnxruntime has no kernels for it on the CPU, so nobody could check it here.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nas.errors import ExportError
from nas.export.programs import program_of, quiet, to_onnx, to_pt2
from nas.export.sides import Sides

__all__ = ["FILES", "Smaller", "cast_form", "int8_form", "runner"]

Smaller = Literal["fp16", "bf16", "int8-dynamic", "int8-static"]
Floats = NDArray[np.float32]
FILES: dict[Smaller, str] = {
    "fp16": "model.fp16.onnx",
    "bf16": "model.bf16.pt2",
    "int8-dynamic": "model.int8-dynamic.onnx",
    "int8-static": "model.int8-static.onnx",
}


class _Cast(nn.Module):
    """A network that computes in another type; image and logits stay float32."""

    def __init__(self, network: nn.Module, dtype: torch.dtype):
        super().__init__()
        self.network = deepcopy(network).to(dtype)
        self.dtype = dtype

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.network(image.to(self.dtype))
        return logits.float()


def cast_form(kind: Literal["fp16", "bf16"], module: nn.Module, channels: int, sides: Sides) -> bytes:
    """Return the network in fp16 as ONNX, or in bf16 as torch.export stores it.

    Raises ExportError where a weight is beyond what fp16 holds.
    """
    most = torch.finfo(torch.half).max
    large = [name for name, tensor in module.state_dict().items() if tensor.numel() and tensor.abs().max() > most]
    if kind == "bf16":
        return to_pt2(program_of(_Cast(module, torch.bfloat16), channels, sides))
    if large:
        raise ExportError(f"fp16: {large[0]} has weights beyond {most:g}; give --bf16")
    return to_onnx(program_of(_Cast(module, torch.half), channels, sides))


def int8_form(content: bytes, images: Iterable[Floats] | None) -> bytes:
    """Return an ONNX model quantised to int8: weights per channel, activations by images, or as they come.

    content: The float32 model. images: (1, C, H, W), prepared as for the network, from which the ranges of activations
    are learnt (static); None: they are measured at each run (dynamic).
    """
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder, quiet("root"):
        first, ready, out = (Path(folder) / name for name in ("first.onnx", "ready.onnx", "out.onnx"))
        first.write_bytes(content)
        quant_pre_process(first, ready, skip_symbolic_shape=True)
        weights = {"weight_type": quantization.QuantType.QInt8, "per_channel": True}
        if images is None:
            quantization.quantize_dynamic(ready, out, **weights)
        else:
            quantization.quantize_static(ready, out, _Calibration(images), **weights)
        return out.read_bytes()


class _Calibration:
    """Images as onnxruntime's calibration asks for them."""

    def __init__(self, images: Iterable[Floats]):
        self._images: Iterator[Floats] = iter(images)

    def get_next(self) -> dict[str, Floats] | None:
        image = next(self._images, None)
        return None if image is None else {"image": image}

    def __iter__(self) -> Iterator[dict[str, Floats]]:
        return iter(self.get_next, None)


def runner(name: str, content: bytes) -> Callable[[Tensor], Tensor]:
    """Return what runs a form that was made here, by onnxruntime or torch, as its name says."""
    if name.endswith(".pt2"):
        program: Callable[[Tensor], Tensor] = torch.export.load(BytesIO(content)).module()
        return program
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def run(image: Tensor) -> Tensor:
        (logits,) = session.run(None, {"image": np.ascontiguousarray(image.numpy())})
        return torch.from_numpy(logits)

    return run
