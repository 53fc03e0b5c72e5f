"""An export's network on arrays of any size, by onnxruntime or torch; without torch unless that is asked for."""

import importlib.util
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nas.errors import ExportError
from nas.export.files import read_text
from nas.export.preprocess import Preprocess

__all__ = ["Backend", "Network", "prepared"]

Backend = Literal["onnxruntime", "torch"]
Floats = NDArray[np.float32]


class Network:
    """The network of a folder that `nas export` wrote. No file of the folder is executed."""

    def __init__(self, directory: Path, backend: Backend = "onnxruntime", form: str = "model.onnx"):
        self.preprocess = Preprocess.from_json(read_text(directory / "preprocess.json"))
        self._run = _by_onnxruntime(directory / form) if backend == "onnxruntime" else _by_torch(directory)

    def logits(self, pixels: NDArray[np.generic]) -> Floats:
        """Return logits (K, H, W) of an image (H, W, C): uint8, or float32 in 0..1.

        Height and width are padded with the border's pixels to what the network takes, and the padding is cut off.
        Raises ExportError if the network has other channels or gives another number of maps than it says.
        """
        height, width, channels = pixels.shape
        if channels != self.preprocess.channels:
            raise ExportError(f"the image has {channels} channels, the network takes {self.preprocess.channels}")
        logits = self._run(prepared(pixels, self.preprocess))
        expected = (1, self.preprocess.logits)
        if logits.shape[:2] != expected or logits.shape[2] < height or logits.shape[3] < width:
            raise ExportError(f"the network gives logits {logits.shape}, preprocess.json says {expected}; export again")
        return logits[0, :, :height, :width]


def prepared(pixels: NDArray[np.generic], preprocess: Preprocess) -> Floats:
    """Return an image (H, W, C), uint8 or float32 in 0..1, as the network takes it: (1, C, height, width)."""
    shares: Floats = pixels.astype(np.float32) / np.float32(255 if pixels.dtype == np.uint8 else 1)
    after = [(0, _padded(side, preprocess) - side) for side in pixels.shape[:2]]
    padded: Floats = np.pad(shares, [*after, (0, 0)], mode="edge")
    values = (padded - np.float32(preprocess.mean)) / np.float32(preprocess.std)
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None], dtype=np.float32)


def _padded(side: int, preprocess: Preprocess) -> int:
    return max(preprocess.least_side, -(-side // preprocess.multiple) * preprocess.multiple)


def _by_onnxruntime(path: Path) -> Callable[[Floats], Floats]:
    missing = [name for name in ("onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
    if missing:
        raise ExportError(f"needs {', '.join(missing)}: pip install 'nas-medseg[onnx]', or give --backend torch")
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    refused = (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NotImplemented)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(_standing_alone(path), options, providers=["CPUExecutionProvider"])
    except (*refused, state.RuntimeException) as fault:
        raise ExportError(f"{path}: onnxruntime refuses it: {fault}; export again") from None

    def run(image: Floats) -> Floats:
        try:
            return np.asarray(session.run(None, {"image": image})[0])
        except (*refused, state.RuntimeException, ValueError) as fault:
            raise ExportError(f"{path}: onnxruntime cannot run it: {fault}; export again") from None

    return run


def _standing_alone(path: Path) -> bytes:
    """Return an ONNX file whose numbers are all in it: one that names other files could have any file read."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        content = path.read_bytes()
        model = onnx.load_model_from_string(content)
    except (OSError, DecodeError) as fault:
        raise ExportError(f"{path}: cannot be read: {fault}; give a folder that `nas export` wrote") from None
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data for tensor in _tensors(model)):
        raise ExportError(f"{path}: names other files for its numbers, which no export does; it is not loaded")
    return content


def _tensors(message: Any) -> Iterator[Any]:
    """Yield every tensor below a protobuf message, wherever it is."""
    if type(message).__name__ == "TensorProto":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in value if isinstance(value, Iterable) else (value,):
                yield from _tensors(part)


def _by_torch(directory: Path) -> Callable[[Floats], Floats]:
    import torch

    from nas.export.loading import load

    module = load(directory)

    def run(image: Floats) -> Floats:
        with torch.inference_mode():
            logits = module(torch.from_numpy(image))
        assert isinstance(logits, torch.Tensor)
        return logits.numpy()

    return run
