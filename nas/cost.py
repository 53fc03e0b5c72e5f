"""Costs of a graph, exact and without torch: parameters, MACs, memory traffic, peak memory, launches."""

from dataclasses import dataclass

from nas.graph import Graph
from nas.schedule import Kernel, kernels_of

__all__ = ["BYTES", "SCHEDULES", "Cost", "cost"]

BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}
"""Bytes per element by precision."""

SCHEDULES = ("eager", "fused")


@dataclass(frozen=True)
class Cost:
    """What one inference of one image takes. Units are in the names.

    params: trainable numbers that the forward pass uses.
    macs: multiply-accumulates of convolutions, transposed convolutions and linear layers.
    cio_elements: elements of every convolution's (and linear layer's) input and output, HarDNet's CIO
        (arXiv:1909.00948); no group term, no weights.
    traffic_bytes: bytes that the schedule moves through memory, weights included.
    peak_memory_bytes: weights and the largest sum of maps that the schedule needs at one time.
    kernels: launches of the schedule.
    """

    params: int
    macs: int
    cio_elements: int
    traffic_bytes: int
    peak_memory_bytes: int
    kernels: int


def cost(graph: Graph, schedule: str = "fused", precision: str = "fp32") -> Cost:
    """Return the costs of one image through `graph`.

    schedule: "eager": every operator reads its inputs and writes its output. "fused": pointwise operators (BatchNorm
        in evaluation, activations, sums, products) run in the launch of the operator before them where nothing else
        reads what lies between and the shape stays; a concatenation is a copy and takes nothing in.
    precision: "fp32", "bf16" or "fp16", of weights and maps alike.
    Dropout costs nothing (inference), and an input of which only the size counts is not read.
    Raises ValueError for another schedule or precision.
    """
    if schedule not in SCHEDULES or precision not in BYTES:
        raise ValueError(
            f"schedule={schedule!r}, precision={precision!r}; give one of {SCHEDULES} and one of {tuple(BYTES)}"
        )
    facts = [node.facts for node in graph.nodes()]
    kernels, outputs = kernels_of(graph, fuse=schedule == "fused")
    size = [f.out_elements for f in facts]
    moved = sum([size[kernel.last] for kernel in kernels]) + sum([sum(kernel.reads.values()) for kernel in kernels])
    stored = sum([f.stored for f in facts])
    return Cost(
        params=sum([f.params for f in facts]),
        macs=sum([f.macs for f in facts]),
        cio_elements=sum([f.cio_elements for f in facts]),
        traffic_bytes=(moved + stored) * BYTES[precision],
        peak_memory_bytes=(_peak_elements(size, kernels, outputs) + stored) * BYTES[precision],
        kernels=len(kernels),
    )


def _peak_elements(size: list[int], kernels: list[Kernel], outputs: set[int]) -> int:
    """Return the largest number of map elements alive at once.

    A value lives from its launch to its last reader, an output to the end.
    """
    last_read = {kernel.last: step for step, kernel in enumerate(kernels)}  # where nobody reads it: its own launch
    for step, kernel in enumerate(kernels):
        for value in kernel.reads:
            last_read[value] = step
    dying: list[int] = [0] * len(kernels)
    for value, step in last_read.items():
        if value not in outputs:
            dying[step] += size[value]
    alive = peak = size[0]  # the image is there from the start
    for step, kernel in enumerate(kernels):
        alive += size[kernel.last]
        peak = max(peak, alive)
        alive -= dying[step]
    return peak
