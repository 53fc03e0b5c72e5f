"""From a graph to the picture of it: cells with labels, kinds and costs, and the arrows between them."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from nas.cost import BYTES
from nas.drawing.grouping import SINGLE, Group, Groups, Scope, opened_scopes
from nas.drawing.kinds import content_of, kind_of
from nas.drawing.labels import labels_of
from nas.drawing.picture import Arrow, Cell, Operator, Picture, columns_of
from nas.errors import DrawingError
from nas.graph import Graph, Node
from nas.schedule import kernels_of

__all__ = ["fold", "fold_alike"]


def fold(graph: Graph, open: Sequence[str] = ()) -> Picture:
    """Return the picture of `graph` in 15 to 25 cells, where it has that many parts.

    open: cells, by id, or scopes, by dotted path, that are shown operator by operator.
    Traffic is that of the fused schedule in fp32: a launch's bytes count where its result is written, weights where
    they are used. Raises DrawingError if nothing has one of the names in `open`.
    """
    groups = Groups(graph)
    opened, cuts = opened_scopes(groups)
    single = _named(groups, groups.of(opened, cuts), open)
    return _picture(groups, groups.of(opened, cuts, single))


def fold_alike(first: Graph, second: Graph) -> tuple[Picture, Picture]:
    """Return the pictures of two graphs with the same scopes open, so that equal parts are equal cells."""
    pair = (Groups(first), Groups(second))
    opened, cuts = set[Scope](), dict[Scope, int]()
    for groups in pair:
        more, runs = opened_scopes(groups)
        opened |= more
        cuts |= {scope: max(n, cuts.get(scope, 1)) for scope, n in runs.items()}
    a, b = (_picture(groups, groups.of(opened, cuts)) for groups in pair)
    return a, b


def _named(groups: Groups, shown: list[Group], wanted: Sequence[str]) -> frozenset[int]:
    """Return the operators of the cells and scopes in `wanted`."""
    ids = dict(zip(_ids(groups, shown), shown, strict=True))
    single: set[int] = set()
    for name in wanted:
        path = tuple(name.split("."))
        inside = [i for i, scope in enumerate(groups.scopes) if scope[: len(path)] == path]
        members = ids[name].members if name in ids else inside
        if not members:
            raise DrawingError(f"open={name!r}: no cell or scope has this name; cells: {', '.join(ids)}")
        single.update(members)
    return frozenset(single)


def _ids(groups: Groups, shown: list[Group]) -> list[str]:
    """Return an id for each group: its scope and level, or the name of a single operator; clashes numbered."""
    taken: Counter[str] = Counter()
    ids: list[str] = []
    for group in shown:
        single = group.part == SINGLE
        text = groups.graph.names[group.members[0]] if single else f"{'.'.join(group.scope)}@{group.level}{group.part}"
        while text in taken:
            taken[text] += 1
            text = f"{text}~{taken[text]}"
        taken[text] += 1
        ids.append(text)
    return ids


def _picture(groups: Groups, shown: list[Group]) -> Picture:
    graph, ids = groups.graph, _ids(groups, shown)
    home = {i: cell for cell, group in zip(ids, shown, strict=True) for i in group.members}
    place = {cell: number for number, cell in enumerate(ids)}
    arrows = sorted(_arrows(graph, home), key=lambda x: (place[x.source], place[x.target]))
    columns, traffic = columns_of(ids, arrows), _traffic(graph)
    kinds = _kinds(groups, dict(zip(ids, shown, strict=True)), arrows)
    cells = [
        Cell(
            id=cell,
            scope=".".join(group.scope),
            label=label,
            content=content_of([graph.nodes()[i] for i in group.members]),
            kind=kinds[cell],
            level=group.level,
            column=columns[cell],
            shape=_given(groups, group).shape,
            operators=_operators([graph.nodes()[i] for i in group.members], graph.names, traffic),
        )
        for cell, label, group in zip(ids, labels_of(groups, shown), shown, strict=True)
    ]
    return Picture(tuple(cells), tuple(arrows))


def _kinds(groups: Groups, shown: Mapping[str, Group], arrows: Sequence[Arrow]) -> dict[str, str]:
    taken: dict[str, set[int]] = defaultdict(set)
    for arrow in arrows:
        taken[arrow.target].add(shown[arrow.source].level)
    nodes, outputs = groups.graph.nodes(), {node.index for node in groups.graph.outputs}
    return {
        cell: kind_of(
            [nodes[i] for i in group.members], group.level, taken[cell], not outputs.isdisjoint(group.members)
        )
        for cell, group in shown.items()
    }


def _arrows(graph: Graph, home: Mapping[int, str]) -> list[Arrow]:
    pairs: dict[tuple[str, str], bool] = {}
    for node in graph:
        for number, x in enumerate(node.inputs):
            pair = home[x.index], home[node.index]
            size_only = node.facts.value_inputs is not None and number >= node.facts.value_inputs
            pairs[pair] = pairs.get(pair, True) and size_only
    return [Arrow(a, b, size_only) for (a, b), size_only in pairs.items() if a != b]


def _given(groups: Groups, group: Group) -> Node:
    """Return the largest of the nodes that other cells read or that are outputs; of equal ones the last."""
    inside, nodes = set(group.members), groups.graph.nodes()
    leaving = [i for i in group.members if groups.leaves(i, inside)]
    return nodes[max(leaving, key=lambda i: (nodes[i].facts.out_elements, i))]


def _traffic(graph: Graph) -> list[int]:
    """Return the bytes of each node: those of the launch that writes its value, and its weights."""
    size = [node.facts.out_elements for node in graph]
    moved = [node.facts.stored for node in graph]
    for kernel in kernels_of(graph, fuse=True)[0]:
        moved[kernel.last] += size[kernel.last] + sum(kernel.reads.values())
    return [elements * BYTES["fp32"] for elements in moved]


def _operators(nodes: Sequence[Node], names: Sequence[str], traffic: Sequence[int]) -> tuple[Operator, ...]:
    terms: dict[int, str] = {}
    operators = []
    for node in nodes:
        facts = node.facts
        below = [terms.get(x.index, "outside") + str(x.shape) for x in node.inputs]
        expression = f"{node.op} {sorted(below) if facts.commutative else below}"
        terms[node.index] = hashlib.blake2b(expression.encode(), digest_size=8).hexdigest()
        operators.append(
            Operator(
                index=node.index,
                name=names[node.index],
                text=str(node.op),
                shape=node.shape,
                inputs=tuple(x.index for x in node.inputs),
                input_shapes=facts.in_shapes,
                params=facts.params,
                macs=facts.macs,
                cio_elements=facts.cio_elements,
                traffic_bytes=traffic[node.index],
                term=terms[node.index],
            )
        )
    return tuple(operators)
