"""What a drawing shows, as plain data: cells with their operators and costs, and the arrows between them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from nas.ops import Shape

__all__ = ["COSTS", "Arrow", "Cell", "Operator", "Picture"]

COSTS = ("params", "macs", "cio_elements", "traffic_bytes")
"""The costs that add up over operators; named as in `nas.Cost`."""


@dataclass(frozen=True)
class Operator:
    """One node of the graph. inputs: indexes of the nodes it reads. Costs: as in `nas.Cost`.

    term: hash of what is computed inside of its cell, for comparing the contents of cells.
    """

    index: int
    name: str
    text: str
    shape: Shape
    inputs: tuple[int, ...]
    input_shapes: tuple[Shape, ...]
    params: int
    macs: int
    cio_elements: int
    traffic_bytes: int
    term: str


@dataclass(frozen=True)
class Cell:
    """Operators drawn as one box.

    id: unique in its picture and the same in every picture where the box is the same part of a network.
    scope: the dotted scope that holds all its operators. kind: see `nas.drawing.kinds`.
    level: log2 of the downsampling of its output, the row: 0 at the image's size, 2 at a quarter of its sides.
    column: the most cells on a path from the image; cells that need one another in a cycle share a column.
    shape: (C, *spatial) of what it gives to other cells.
    """

    id: str
    scope: str
    label: str
    content: str
    kind: str
    level: int
    column: int
    shape: Shape
    operators: tuple[Operator, ...]

    @property
    def params(self) -> int:
        """Trainable numbers of its operators."""
        return sum(x.params for x in self.operators)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of its operators."""
        return sum(x.macs for x in self.operators)

    @property
    def cio_elements(self) -> int:
        """Elements of inputs and outputs of its convolutions."""
        return sum(x.cio_elements for x in self.operators)

    @property
    def traffic_bytes(self) -> int:
        """Bytes moved by the launches that write its operators' values, and its weights."""
        return sum(x.traffic_bytes for x in self.operators)


@dataclass(frozen=True)
class Arrow:
    """Some operator of the cell `target` takes one of the cell `source`. size_only: none reads more than its size."""

    source: str
    target: str
    size_only: bool = False


@dataclass(frozen=True)
class Picture:
    """All cells of a graph, in canonical order of their first operators, and all arrows between them."""

    cells: tuple[Cell, ...]
    arrows: tuple[Arrow, ...]

    @cached_property
    def by_id(self) -> dict[str, Cell]:
        """The cells by their ids."""
        return {cell.id: cell for cell in self.cells}


def columns_of(ids: Iterable[str], arrows: Iterable[Arrow]) -> dict[str, int]:
    """Return for each cell the most cells on a path to it. Cells in a cycle (streams that exchange) share a column."""
    import networkx

    cells: networkx.DiGraph[str] = networkx.DiGraph()
    cells.add_nodes_from(ids)
    cells.add_edges_from((arrow.source, arrow.target) for arrow in arrows)
    groups = networkx.condensation(cells)
    columns: dict[int, int] = {}
    for group in networkx.topological_sort(groups):
        columns[group] = max((columns[before] + 1 for before in groups.predecessors(group)), default=0)
    return {cell: columns[group] for cell, group in groups.graph["mapping"].items()}
