"""Where and in which number format networks are trained and measured."""

import platform
from functools import cache
from pathlib import Path

import torch

from evaluators.faults import DeviceError

__all__ = ["describe_device", "pick_device", "precision"]

_PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
_CPUINFO = Path("/proc/cpuinfo")


def pick_device(name: str = "auto") -> torch.device:
    """Return the device of that name: `auto` is the first CUDA device where there is one, else the CPU.

    Args:
        name: `auto`, `cpu`, `cuda` or `cuda:N`.

    Raises:
        DeviceError: The name is none of these, or this machine has no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, index = name.partition(":")
    if name != "cpu" and (kind != "cuda" or not (index.isdecimal() or name == "cuda")):
        raise DeviceError(f"device: must be auto, cpu, cuda or cuda:N, not {name!r}")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "cuda" and int(index or 0) >= count:
        raise DeviceError(f"device: {name!r} is not there: this machine has {count} CUDA devices; use auto or cpu")
    return torch.device(name)


def precision(name: str, device: torch.device) -> torch.dtype:
    """Return the number format of the heavy operators, float32 or bfloat16.

    `auto` is bfloat16 where the device has arithmetic units that are faster at it than at float32: CUDA from compute
    capability 8.0 on, x86 CPUs with AMX-bf16, AMD's with AVX512-bf16. Intel's AVX512-bf16 does as many products per
    cycle as its two float32 units (instruction tables of uops.info), and casting comes on top: a U-Net's training step
    took 1.25 times as long in bfloat16 on an Emerald Rapids CPU without AMX. Elsewhere it is emulated.

    Args:
        name: `auto`, `fp32` or `bf16`; `bf16` works on every device, if slowly.
        device: Where the operators will run.

    Raises:
        DeviceError: The name is none of these.
    """
    if name == "auto":
        name = "bf16" if _gains_by_bf16(device) else "fp32"
    if name not in _PRECISIONS:
        raise DeviceError(f"precision: must be auto, fp32 or bf16, not {name!r}")
    return _PRECISIONS[name]


def describe_device(device: torch.device) -> str:
    """Return the name to store beside a measurement: the GPU's, or the CPU model with the number of torch threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    model = _cpuinfo().get("model name") or platform.processor() or platform.machine()
    return f"{model}, {torch.get_num_threads()} threads"


def _gains_by_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    flags = _cpuinfo().get("flags", "").split()
    return "amx_bf16" in flags or ("avx512_bf16" in flags and _cpuinfo().get("vendor_id") == "AuthenticAMD")


@cache
def _cpuinfo() -> dict[str, str]:
    """Return the kernel's facts about the first core; empty where there is no Linux kernel to ask."""
    if not _CPUINFO.exists():
        return {}
    lines = _CPUINFO.read_text().split("\n\n")[0].splitlines()
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
