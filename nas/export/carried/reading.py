"""Reading weights with torch alone; `tensors` is copied into every exported `model.py`."""

import json
from pathlib import Path

import torch
from torch import Tensor

__all__ = ["tensors"]


def tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file of float32 and int64: a length, a header as JSON, the numbers."""
    content = bytearray(path.read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header.pop("__metadata__", None)
    types = {"F32": torch.float32, "I64": torch.int64}
    found = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        dtype = types[entry["dtype"]]
        numbers = torch.frombuffer(content[start + first : start + last], dtype=dtype)
        found[name] = numbers.reshape(entry["shape"])
    return found
