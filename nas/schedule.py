"""Which operators run as one launch, in which order, and what each launch reads from memory.

Pointwise operators join the launch before them where nothing else reads what lies between. A recorded block (`Stamp`)
brings its launches counted: those before its last one as one `Step`, with what it holds in memory meanwhile.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from nas.node import Node
from nas.ops import Concat

if TYPE_CHECKING:
    from nas.graph import Graph

__all__ = ["Kernel", "Step", "Summary", "kernels_of", "spent_after", "steps_of", "summarise"]


class Kernel:
    """One launch. Values are named by the index of the node that computes them.

    last: the value it writes. reads: the values it reads, each with how many of its elements (fewer of a slice).
    """

    __slots__ = ("last", "reads")

    launches: int = 1

    def __init__(self, last: int, reads: dict[int, int]):
        self.last = last
        self.reads = reads


class Step(Kernel):
    """All launches of a stamp but its last. `last` names, as ~place, all that they leave for the last one to read."""

    __slots__ = ("launches", "summary")

    def __init__(self, last: int, reads: dict[int, int], summary: "Summary"):
        super().__init__(last, reads)
        self.summary = summary
        self.launches = summary.launches


class Summary(NamedTuple):
    """The launches of a recorded block on its input x, as the schedule of a whole graph needs them.

    readers: operators that read x. joins: whether it may run in the launch that computes x, if it is one.
    launches: those before the last one; x_read, moved, kept: elements of x that they read, others that they read and
    write, and of the values that they leave to the last one. early, late: the most elements of own values alive up to
    the last of them that reads x, and after it.
    last_x_read, last_kept_read: elements that the last launch reads of x, and of the values left to it.
    """

    readers: int
    joins: bool
    launches: int
    x_read: int
    moved: int
    kept: int
    early: int
    late: int
    last_x_read: int
    last_kept_read: int

    def scaled(self, pixels: int, others: int) -> "Summary":
        """Return this for maps of `others` pixels, all of which have `pixels` here."""
        return Summary(*self[:3], *[elements // pixels * others for elements in self[3:]])


def kernels_of(graph: "Graph", *, fuse: bool) -> tuple[list[Kernel], set[int]]:
    """Return the launches in order, and the values that are outputs.

    fuse: a pointwise operator joins the launch that computes one of its inputs if nothing else reads that input and it
    has the output's shape; of two such inputs, the later computed. A concatenation takes nothing in. Operators that do
    nothing in inference are no launch: their value is their input's.
    """
    return steps_of(graph.nodes(), graph.outputs, fuse=fuse)


def steps_of(nodes: Sequence[Node], outputs: Iterable[Node], *, fuse: bool) -> tuple[list[Kernel], set[int]]:
    """Return the launches of nodes in canonical order, stamps as `Step` and `Kernel`; values are places in `nodes`."""
    reads, source, readers = _reads(nodes, fuse)
    ends = {source[node.place] for node in outputs}
    for value in ends:
        readers[value] += 1
    writing: dict[int, Kernel] = {}
    for place, (node, values) in enumerate(zip(nodes, reads, strict=True)):
        if node.fragment is not None:
            _add_stamp(node, source[node.inputs[0].place], nodes, readers, writing, fuse)
        elif values:
            host = _host(values, node, nodes, readers, writing) if fuse and node.facts.pointwise else -1
            if host < 0:
                writing[place] = Kernel(place, values)
            else:
                kernel = writing[place] = writing.pop(host)
                kernel.last = place
                if len(values) > 1:
                    kernel.reads = _both(kernel.reads, values, host, nodes)
    return list(writing.values()), ends


def _reads(nodes: Sequence[Node], fuse: bool) -> tuple[list[dict[int, int]], list[int], list[int]]:
    """Return what each node reads; whose value each has (its own, or the one it passes on); how many read each."""
    source: list[int] = []
    readers = [0] * len(nodes)
    reads: list[dict[int, int]] = []
    for place, node in enumerate(nodes):
        facts, inputs = node.facts, node.inputs
        values: dict[int, int] = {}
        value = place
        if facts.idle and node.fragment is None:
            value = source[inputs[0].place] if inputs else place
        elif node.fragment is not None:
            readers[source[inputs[0].place]] += node.fragment.summary(fuse).readers
        elif len(inputs) == 1:  # by far the most
            x = inputs[0]
            read = source[x.place]
            values[read] = x.facts.out_elements
            readers[read] += 1
        else:
            values = _read_by_several(inputs[: facts.value_inputs], source, nodes)
            for read in values:
                readers[read] += 1
        source.append(value)
        reads.append(values)
    return reads, source, readers


def _read_by_several(inputs: Sequence[Node], source: list[int], nodes: Sequence[Node]) -> dict[int, int]:
    """Return the values read; several slices of one add up to all of it at most."""
    values: dict[int, int] = {}
    for x in inputs:
        place = x.place
        if source[place] == place:
            values[place] = x.facts.out_elements
    for x in dict.fromkeys(x for x in inputs if source[x.place] != x.place):
        _add(values, source[x.place], x.facts.out_elements, nodes)
    return values


def _add(reads: dict[int, int], value: int, elements: int, nodes: Sequence[Node]) -> None:
    reads[value] = min(nodes[value].facts.out_elements, reads.get(value, 0) + elements)


def _host(
    values: dict[int, int], node: Node, nodes: Sequence[Node], readers: list[int], writing: dict[int, Kernel]
) -> int:
    """Return the latest of `values` in whose launch a pointwise `node` may run, -1 if there is none."""
    found, shape = -1, node.facts.shape
    for value in values:
        if value > found and readers[value] == 1 and value in writing:
            facts = nodes[value].facts
            if facts.shape == shape and type(facts.op) is not Concat:
                found = value
    return found


def _both(reads: dict[int, int], values: dict[int, int], host: int, nodes: Sequence[Node]) -> dict[int, int]:
    """Return what a launch reads with one more operator in it, which has the launch's own value at hand."""
    reads = dict(reads)
    for value, elements in values.items():
        if value != host:
            _add(reads, value, elements, nodes)
    return reads


def _add_stamp(
    stamp: Node, x: int, nodes: Sequence[Node], readers: list[int], writing: dict[int, Kernel], fuse: bool
) -> None:
    assert stamp.fragment is not None
    summary, place = stamp.fragment.summary(fuse), stamp.place
    reads = {x: summary.x_read} if summary.x_read else {}
    last_reads = {x: summary.last_x_read} if summary.last_x_read else {}
    if summary.joins and _host({x: 0}, stamp.inputs[0], nodes, readers, writing) == x:
        reads = writing.pop(x).reads
        last_reads = {} if summary.launches else reads
    if summary.launches:
        writing[~place] = Step(~place, reads, summary)
        last_reads[~place] = summary.last_kept_read
    writing[place] = Kernel(place, last_reads)


def summarise(nodes: Sequence[Node], *, fuse: bool) -> Summary:
    """Return the summary of a block: nodes in canonical order, the first is its input."""
    (*before, last), _ = steps_of(nodes, nodes[-1:], fuse=fuse)
    entries = [node.facts for node in nodes if nodes[0] in node.inputs[: node.facts.value_inputs]]
    size = {node.place: node.facts.out_elements for node in nodes}
    kept = [value for value in last.reads if value]
    x_read = [kernel.reads.get(0, 0) for kernel in before]
    late_from = max([i + 1 for i, read in enumerate(x_read) if read], default=0)
    alive = _alive(before, size, {0, *kept})
    return Summary(
        readers=len(entries),
        joins=fuse and entries[0].pointwise,
        launches=len(before),
        x_read=sum(x_read),
        moved=sum([size[k.last] + sum(k.reads.values()) for k in before]) - sum(x_read),
        kept=sum([size[value] for value in kept]),
        early=max(alive[:late_from], default=0),
        late=max(alive[late_from:], default=0),
        last_x_read=last.reads.get(0, 0),
        last_kept_read=sum([last.reads[value] for value in kept]),
    )


def _alive(kernels: list[Kernel], size: Mapping[int, int], kept: set[int]) -> list[int]:
    """Return for each launch the elements of own values (the input is none) alive while it runs."""
    alive, found = 0, []
    for kernel, spent in zip(kernels, spent_after(kernels, size, kept), strict=True):
        alive += size[kernel.last]
        found.append(alive)
        alive -= spent
    return found


def spent_after(kernels: Sequence[Kernel], size: Mapping[int, int], kept: set[int]) -> list[int]:
    """Return for each launch the elements of the values that nothing needs after it; `kept` ones are always needed.

    A value lives from its launch to its last reader, one that nobody reads for its own launch.
    """
    last_read = {kernel.last: step for step, kernel in enumerate(kernels)}
    for step, kernel in enumerate(kernels):
        for value in kernel.reads:
            last_read[value] = step
    spent = [0] * len(kernels)
    for value, step in last_read.items():
        if value not in kept:
            spent[step] += size[value]
    return spent
