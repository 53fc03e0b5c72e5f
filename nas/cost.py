"""Costs of a graph, exact and without torch: parameters, MACs, memory traffic, peak memory, launches."""

from collections.abc import Sequence
from dataclasses import dataclass

from nas.graph import Graph, Node
from nas.ops import Concat, elements

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


@dataclass
class _Kernel:
    """Nodes that run as one launch; only the last one's output is written."""

    nodes: list[Node]

    @property
    def last(self) -> Node:
        return self.nodes[-1]


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
    source = _sources(graph)
    kernels = _eager(graph) if schedule == "eager" else _fused(graph, source)
    moved = sum(sum(map(elements, _read(kernel, source))) + kernel.last.facts.out_elements for kernel in kernels)
    weights = sum(node.facts.params + node.facts.buffers for node in graph.nodes())
    convolutions = [node.facts for node in graph.nodes() if node.op.convolution]
    return Cost(
        params=sum(node.facts.params for node in graph.nodes()),
        macs=sum(node.facts.macs for node in graph.nodes()),
        cio_elements=sum(elements(f.in_shapes[0]) + f.out_elements for f in convolutions),
        traffic_bytes=(moved + weights) * BYTES[precision],
        peak_memory_bytes=(_peak_elements(graph, kernels, source) + weights) * BYTES[precision],
        kernels=len(kernels),
    )


def _sources(graph: Graph) -> list[int]:
    """Return for each node the one whose memory holds its value: itself, or what an idle operator passes on."""
    source: list[int] = []
    for node in graph.nodes():
        source.append(source[node.inputs[0].index] if node.facts.idle and node.inputs else node.index)
    return source


def _values(node: Node) -> Sequence[Node]:
    return node.inputs[: node.op.value_inputs]


def _eager(graph: Graph) -> list[_Kernel]:
    return [_Kernel([node]) for node in graph.nodes() if not node.facts.idle]


def _fused(graph: Graph, source: list[int]) -> list[_Kernel]:
    readers = _reader_counts(graph, source)
    open_at: dict[int, _Kernel] = {}  # kernels by the node whose output they would write
    kernels: list[_Kernel] = []
    for node in graph.nodes():
        if node.facts.idle:
            continue
        hosts = (
            [s for s in {source[x.index] for x in _values(node)} if s in open_at and readers[s] == 1]
            if node.op.pointwise
            else []
        )
        hosts = [s for s in hosts if open_at[s].last.shape == node.shape]
        if hosts:
            kernel = open_at.pop(max(hosts))
            kernel.nodes.append(node)
        else:
            kernel = _Kernel([node])
            kernels.append(kernel)
        if not isinstance(node.op, Concat):
            open_at[node.index] = kernel
    return sorted(kernels, key=lambda kernel: kernel.last.index)


def _reader_counts(graph: Graph, source: list[int]) -> list[int]:
    """Return how many nodes (and outputs) read each value."""
    counts = [0] * len(graph)
    for node in graph.nodes():
        if not node.facts.idle:
            for x in {source[x.index] for x in _values(node)}:
                counts[x] += 1
    for output in graph.outputs:
        counts[source[output.index]] += 1
    return counts


def _read(kernel: _Kernel, source: list[int]) -> list[tuple[int, ...]]:
    """Return the shapes of the values that come from outside the kernel, each once."""
    inside = {node.index for node in kernel.nodes}
    outside = {source[x.index]: x.shape for node in kernel.nodes for x in _values(node)}
    return [shape for index, shape in outside.items() if index not in inside]


def _peak_elements(graph: Graph, kernels: list[_Kernel], source: list[int]) -> int:
    """Return the largest number of map elements alive at once.

    A value lives from its launch to its last reader, an output to the end.
    """
    last_read = {0: 0}  # the image is there from the start
    for step, kernel in enumerate(kernels):
        last_read.setdefault(kernel.last.index, step)  # read by nobody, only its size is used
        for node in kernel.nodes:
            for x in _values(node):
                last_read[source[x.index]] = step
    for output in graph.outputs:
        last_read[source[output.index]] = len(kernels)
    dies: list[list[int]] = [[] for _ in range(len(kernels) + 1)]
    for index, step in last_read.items():
        dies[step].append(index)
    nodes = graph.nodes()
    alive = peak = graph.nodes()[0].facts.out_elements
    for step, kernel in enumerate(kernels):
        alive += kernel.last.facts.out_elements
        peak = max(peak, alive)
        alive -= sum(nodes[i].facts.out_elements for i in dies[step] if not _inside(kernel, i))
    return peak


def _inside(kernel: _Kernel, index: int) -> bool:
    return any(node.index == index for node in kernel.nodes[:-1])
