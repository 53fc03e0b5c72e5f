"""Costs of a graph, exact and without torch: parameters, MACs, memory traffic, peak memory, launches."""

from collections.abc import Sequence
from dataclasses import dataclass

from nas.graph import Graph
from nas.node import Node
from nas.schedule import Kernel, Step, spent_after, steps_of

__all__ = ["BYTES", "SCHEDULES", "Cost", "cost"]

BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}
"""Bytes per element by precision."""

SCHEDULES = ("eager", "fused")


@dataclass(frozen=True)
class Cost:
    """What one inference of one image takes. Units are in the names.

    params: trainable numbers that the forward pass uses.
    macs: multiply-accumulates of convolutions, transposed convolutions and linear layers.
    matmul_macs: those of products of two maps (attention), apart from the former as papers count.
    cio_elements: elements of every convolution's (and linear layer's) input and output, HarDNet's CIO
        (arXiv:1909.00948); no group term, no weights.
    traffic_bytes: bytes that the schedule moves through memory, weights included.
    peak_memory_bytes: weights and the largest sum of maps that the schedule needs at one time.
    kernels: launches of the schedule.
    """

    params: int
    macs: int
    matmul_macs: int
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
    nodes = graph.parts
    tallies = [node.fragment or node.facts for node in nodes]
    steps, outputs = steps_of(nodes, graph.part_outputs, fuse=schedule == "fused")
    stored = sum([t.stored for t in tallies])
    return Cost(
        params=sum([t.params for t in tallies]),
        macs=sum([t.macs for t in tallies]),
        matmul_macs=sum([t.matmul_macs for t in tallies]),
        cio_elements=sum([t.cio_elements for t in tallies]),
        traffic_bytes=(_moved_elements(nodes, steps) + stored) * BYTES[precision],
        peak_memory_bytes=(_peak_elements(nodes, steps, outputs) + stored) * BYTES[precision],
        kernels=sum([step.launches for step in steps]),
    )


def _moved_elements(nodes: Sequence[Node], steps: list[Kernel]) -> int:
    """Return the map elements that the launches read and write."""
    written = [s.summary.moved if isinstance(s, Step) else nodes[s.last].facts.out_elements for s in steps]
    return sum(written) + sum([sum(step.reads.values()) for step in steps])


def _peak_elements(nodes: Sequence[Node], steps: list[Kernel], outputs: set[int]) -> int:
    """Return the largest number of map elements alive at once.

    A value lives from its launch to its last reader, an output to the end. What a recorded block needs inside comes on
    top of what is alive around it: `early` while its input still is, `late` when its input may be gone.
    """
    size = {place: node.facts.out_elements for place, node in enumerate(nodes)}
    size |= {step.last: step.summary.kept for step in steps if isinstance(step, Step)}
    dying = spent_after(steps, size, outputs)
    alive = peak = size[0]  # the image is there from the start
    for step, spent in zip(steps, dying, strict=True):
        if isinstance(step, Step):
            peak = max(peak, alive + step.summary.early, alive - spent + step.summary.late)
            alive += step.summary.kept - spent
        else:
            alive += size[step.last]
            peak = max(peak, alive)
            alive -= spent
    return peak
