"""Which operators run as one launch, in which order, and what each launch reads from memory."""

from nas.graph import Graph, Node
from nas.ops import Concat

__all__ = ["Kernel", "kernels_of"]


class Kernel:
    """One launch. Values are named by the index of the node that computes them.

    last: the value it writes. reads: the values it reads, each with how many of its elements (fewer of a slice).
    """

    __slots__ = ("last", "reads")

    def __init__(self, last: int, reads: dict[int, int]):
        self.last = last
        self.reads = reads


def kernels_of(graph: Graph, *, fuse: bool) -> tuple[list[Kernel], set[int]]:
    """Return the launches in order, and the values that are outputs.

    fuse: a pointwise operator joins the launch that computes one of its inputs if nothing else reads that input and it
    has the output's shape; of two such inputs, the later computed. A concatenation takes nothing in. Operators that do
    nothing in inference are no launch: their value is their input's.
    """
    nodes = graph.nodes()
    reads, source = _reads(nodes)
    outputs = {source[node.index] for node in graph.outputs}
    readers = [0] * len(nodes)
    for values in reads:
        for value in values:
            readers[value] += 1
    for value in outputs:
        readers[value] += 1
    writing: dict[int, Kernel] = {}
    for node in nodes:
        if not node.facts.idle:
            kernel = _joined(node, reads[node.index], nodes, readers, writing) if fuse else None
            writing[node.index] = kernel or Kernel(node.index, reads[node.index])
    return list(writing.values()), outputs


def _reads(nodes: tuple[Node, ...]) -> tuple[list[dict[int, int]], list[int]]:
    """Return what each node reads, and for each node whose value it has: its own, or the one it passes on."""
    source = list(range(len(nodes)))
    reads: list[dict[int, int]] = []
    for node in nodes:
        facts, inputs = node.facts, node.inputs
        values: dict[int, int] = {}
        if facts.idle:
            if inputs:
                source[node.index] = source[inputs[0].index]
        elif len(inputs) == 1:  # by far the most
            values[source[inputs[0].index]] = inputs[0].facts.out_elements
        else:
            for x in dict.fromkeys(inputs[: facts.value_inputs]):
                _add(values, source[x.index], x.facts.out_elements, nodes)
        reads.append(values)
    return reads, source


def _add(reads: dict[int, int], value: int, elements: int, nodes: tuple[Node, ...]) -> None:
    """Add a read; several slices of a value add up to all of it at most."""
    reads[value] = min(nodes[value].facts.out_elements, reads.get(value, 0) + elements)


def _joined(
    node: Node, values: dict[int, int], nodes: tuple[Node, ...], readers: list[int], writing: dict[int, Kernel]
) -> Kernel | None:
    """Return the launch that `node` joins, now writing its value, or None if there is none."""
    if not node.facts.pointwise:
        return None
    shape = node.facts.shape
    hosts = [v for v in values if readers[v] == 1 and v in writing and nodes[v].facts.shape == shape]
    hosts = [v for v in hosts if not isinstance(nodes[v].facts.op, Concat)]
    if not hosts:
        return None
    host = max(hosts)
    kernel = writing.pop(host)
    kernel.last = node.index
    kernel.reads = dict(kernel.reads)  # the old one is the host node's own
    for value, elements in values.items():
        if value != host:
            _add(kernel.reads, value, elements, nodes)
    return kernel
