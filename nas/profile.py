"""Costs by block: what each scope of a graph's names takes of the whole. Exact and without torch."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from nas.cost import BYTES, cost
from nas.graph import Graph
from nas.launches import launches_of
from nas.ops import Shape

__all__ = ["BlockCost", "profile"]

_ADDED = ("operators", "params", "macs", "cio_elements", "traffic_bytes", "kernels")


@dataclass(frozen=True)
class BlockCost:
    """What one inference of one image takes in one block. Each number is the sum of those `inside`.

    name: dotted scope, or the name of an operator, which has nothing inside; empty for the whole network.
    shape: (C, *spatial) of the block's last operator.
    Other fields: as `nas.cost` counts them. Parameters, MACs and CIO belong to their operator; a launch and all the
    bytes that it reads, writes and loads as weights belong to its first operator, which the others joined.
    """

    name: str
    shape: Shape
    operators: int
    params: int
    macs: int
    cio_elements: int
    traffic_bytes: int
    kernels: int
    inside: tuple["BlockCost", ...] = ()

    @property
    def macs_per_byte(self) -> float:
        """Arithmetic intensity under the schedule; 0 where nothing is moved."""
        return self.macs / self.traffic_bytes if self.traffic_bytes else 0.0

    @property
    def macs_per_cio(self) -> float:
        """MACs over CIO: HarDNet's MoC (arXiv:1909.00948, section 3), there of a layer; 0 without a convolution."""
        return self.macs / self.cio_elements if self.cio_elements else 0.0

    def rows(self, depth: int) -> Iterator[tuple[int, "BlockCost"]]:
        """Yield the blocks inside down to `depth` levels, each after the one it is in, with its level from 1 on."""
        for block in self.inside if depth > 0 else ():
            yield 1, block
            for level, inner in block.rows(depth - 1):
                yield level + 1, inner


def profile(graph: Graph, schedule: str = "fused", precision: str = "fp32") -> BlockCost:
    """Return the costs of `graph` as a tree over its scopes, blocks in the order in which they end.

    schedule, precision: as for `nas.cost`, to whose numbers those of the tree's top are equal.
    Raises ValueError for another schedule or precision.
    """
    cost(graph, schedule, precision)  # refuses what it does not know
    moved, launches = Counter[str](), Counter[str]()
    for launch in launches_of(graph, fuse=schedule == "fused"):
        moved[launch.name] += launch.elements
        launches[launch.name] += 1
    operators = []
    for node, name in zip(graph.nodes(), graph.names, strict=True):
        counted = (node.facts.params, node.facts.macs, node.facts.cio_elements)
        traffic = moved[name] * BYTES[precision]
        operators.append(BlockCost(name, node.shape, 1, *counted, traffic, launches[name]))
    return _block("", operators)


def _block(name: str, operators: list[BlockCost]) -> BlockCost:
    """Return the block of that name from its operators, which are in canonical order."""
    if operators[0].name == name:
        return operators[0]
    level = name.count(".") + 1 if name else 0
    groups: dict[str, list[BlockCost]] = {}
    for operator in reversed(operators):
        groups.setdefault(".".join(operator.name.split(".")[: level + 1]), []).append(operator)
    inside = tuple(_block(inner, found[::-1]) for inner, found in reversed(groups.items()))
    sums = {field: sum(getattr(block, field) for block in inside) for field in _ADDED}
    return BlockCost(name=name, shape=operators[-1].shape, inside=inside, **sums)
