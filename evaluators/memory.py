"""Memory of a device: what is free, what a training used at most, and what one will need."""

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path

import torch

from nas.cost import cost
from nas.graph import Graph

__all__ = ["Footprint", "PeakMemory", "footprint", "free_bytes"]

SHARE = 0.9  # of the free memory that may be planned with: allocators round up and leave gaps
_PER_PARAMETER = 20  # bytes: float32 weight, gradient, average and AdamW's two moments

_MEMINFO = Path("/proc/meminfo")
_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")
_GROUPS = (  # limit and use of a container's memory: cgroup v2, v1
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)


def free_bytes(device: torch.device) -> int | None:
    """Return the memory that a training may still take there; None where nobody can tell.

    On CUDA what the driver has free and what torch holds unused; on the CPU what the kernel can give without swapping,
    or what is left to the container, if that is less.
    """
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + unused
    found = [*_of_machine(), *_of_container()]
    return min(found, default=None)


def _of_machine() -> list[int]:
    if _MEMINFO.exists():
        return [_kilobytes(_MEMINFO, "MemAvailable")]
    if "SC_AVPHYS_PAGES" in getattr(os, "sysconf_names", {}):
        return [os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    return []


def _of_container() -> list[int]:
    found = []
    for limit, used in _GROUPS:
        if limit.exists() and used.exists() and (text := limit.read_text().strip()).isdecimal():  # 'max' is no limit
            found.append(max(0, int(text) - int(used.read_text())))
    return found


def _kilobytes(path: Path, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", path.read_text(), re.MULTILINE)
    return 0 if found is None else 1024 * int(found[1])


class PeakMemory:
    """The most memory in use since `restart`: of a CUDA device by tensors, else of the whole process, on Linux."""

    def __init__(self, device: torch.device) -> None:
        self._cuda = device if device.type == "cuda" else None
        self._told = _STATUS.exists() and os.access(_RESET, os.W_OK)

    def restart(self) -> None:
        """Forget the peak so far."""
        if self._cuda is not None:
            torch.cuda.reset_peak_memory_stats(self._cuda)
        elif self._told:
            _RESET.write_text("5")  # the kernel's word for: set the peak of resident memory to its present size

    def peak_bytes(self) -> int | None:
        """Return the peak; None where it cannot be told."""
        if self._cuda is not None:
            return torch.cuda.max_memory_allocated(self._cuda)
        return _kilobytes(_STATUS, "VmHWM") if self._told else None


@dataclass(frozen=True)
class Footprint:
    """What training a network takes, as far as its graph tells.

    The maps of all operators predict what the backward pass keeps within a factor of 1.7 between networks (11 members
    of `medseg`, float32, counted by hooks on what autograd saves: 0.57 to 0.94 of the maps' bytes); the maps' share
    of `peak_memory_bytes`, which die early as they do in inference, only within 3.0. So the sum is the basis, and that
    share stands for the gradients, which die early as well.

    fixed_bytes: weights, gradients, moments, average, and what else is there whatever the batch.
    image_bytes: float32 maps of one image. gradient_bytes: those that live at once.
    """

    fixed_bytes: int
    image_bytes: int
    gradient_bytes: int

    def bytes(self, images: int, factor: float = 1.0) -> int:
        """Return what a step takes with so many images at a time; `factor` is what a study has learnt."""
        return self.fixed_bytes + round(factor * images * (self.image_bytes + self.gradient_bytes))

    def factor(self, peak_bytes: int, images: int) -> float:
        """Return the factor that would have predicted a measured peak."""
        return max(0.0, peak_bytes - self.fixed_bytes) / (images * (self.image_bytes + self.gradient_bytes))

    def fitting(self, batch: int, free: int, factor: float = 1.0) -> int:
        """Return how many images at a time fit: the batch, or the first of its halves (rounded up); 0 if not one."""
        size = batch
        while self.bytes(size, factor) > SHARE * free:
            if size == 1:
                return 0
            size = math.ceil(size / 2)
        return size


def footprint(graph: Graph, side: int, more_bytes: int = 0) -> Footprint:
    """Return what training `graph` on images of `side` pixels takes; `more_bytes` are there besides, such as the data.

    The maps of a graph of another size are scaled by the area.
    """
    scale = side**2 / math.prod(graph.image_shape[1:])
    costs = cost(graph)
    maps = 4 * sum(node.facts.out_elements for node in graph.nodes() if not node.facts.idle)
    at_once = costs.peak_memory_bytes - 4 * costs.params
    return Footprint(_PER_PARAMETER * costs.params + more_bytes, round(scale * maps), round(scale * at_once))
