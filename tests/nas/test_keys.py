"""Graphs have one key exactly if they are one expression; networkx decides, on all small graphs and on random ones."""

from collections import defaultdict
from dataclasses import astuple, fields, replace
from itertools import combinations, product
from random import Random
from typing import Any

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.errors import ShapeError
from nas.graph import Graph, GraphBuilder
from nas.ops import Add, Concat, Conv, Linear, Multiply, Op, ReLU, ResizeTo, Sigmoid
from tests.laws import dags, has_twins, rebuilt
from tests.nas.operators import ONE_INPUT, graph_of


def expression(graph: Graph) -> "networkx.DiGraph[int]":
    """The graph as networkx compares it: nodes by operator and output, edges by position where that counts."""
    found = graph.to_networkx()
    for node in graph.nodes():
        outputs = tuple(i for i, x in enumerate(graph.outputs) if x is node)
        found.nodes[node.index]["label"] = (str(node.op), outputs, graph.prediction if outputs else None)
    for _, user, edge in found.edges(data=True):
        positions = edge["positions"]
        edge["label"] = len(positions) if graph.nodes()[user].op.commutative else positions
    return found


def one_expression(a: Graph, b: Graph) -> bool:
    def same(x: dict[str, Any], y: dict[str, Any]) -> bool:
        return bool(x["label"] == y["label"])

    return networkx.is_isomorphic(expression(a), expression(b), node_match=same, edge_match=same)


def all_graphs(operators: int) -> list[Graph]:
    """Every way to apply ReLU, a sum and a resize one after another, the last one being the output."""
    made = []
    steps = [
        [(ReLU(), (i,)) for i in range(n)]
        + [(op, pair) for op in (Add(), ResizeTo()) for pair in product(range(n), repeat=2)]
        for n in range(1, operators + 1)
    ]
    for chosen in product(*steps):
        g = GraphBuilder((1, 4, 4), 1)
        nodes = [g.image]
        for op, inputs in chosen:
            nodes.append(g.add(op, *(nodes[i] for i in inputs)))
        made.append(g.freeze([nodes[-1]]))
    return made


def test_on_all_graphs_of_up_to_three_operators_keys_tell_expressions_apart_and_nothing_else() -> None:
    by_key: dict[str, list[Graph]] = defaultdict(list)
    for operators in (1, 2, 3):
        for graph in all_graphs(operators):
            by_key[graph.key()].append(graph)
    for graphs in by_key.values():
        assert all(one_expression(graphs[0], other) for other in graphs[1:])
    alike: dict[tuple[str, ...], list[Graph]] = defaultdict(list)  # others cannot be isomorphic
    for graphs in by_key.values():
        alike[tuple(sorted(str(node.op) for node in graphs[0]))].append(graphs[0])
    for graphs in alike.values():
        assert not any(one_expression(a, b) for a, b in combinations(graphs, 2))


@settings(max_examples=150)
@given(dags(), st.randoms(use_true_random=False))
def test_order_of_appending_names_and_order_of_summands_do_not_count(graph: Graph, rng: Random) -> None:
    chosen = {node: list(node.inputs) for node in graph}
    for node, inputs in chosen.items():
        if node.op.commutative:
            rng.shuffle(inputs)
    again = rebuilt(graph, inputs=chosen.__getitem__, order=rng, name=lambda node: f"renamed{node.index}")
    assert again.key() == graph.key() or has_twins(graph)
    assert one_expression(again, graph)


@settings(max_examples=300)
@given(dags(), st.data())
def test_one_change_gives_another_key_exactly_if_it_gives_another_expression(graph: Graph, data: st.DataObject) -> None:
    changed = data.draw(st.sampled_from([swapped, other_operator, other_input, computed_again, outputs_reversed]))
    other = changed(graph, data.draw(st.randoms(use_true_random=False)))
    if other.key() == graph.key() or not (has_twins(graph) or has_twins(other)):
        assert (other.key() == graph.key()) == one_expression(graph, other)


def swapped(graph: Graph, rng: Random) -> Graph:
    """Another order of one operator's inputs."""
    joins = [node for node in graph if len(node.inputs) > 1 and len({x.shape for x in node.inputs}) == 1]
    at = rng.choice(joins) if joins else None
    return rebuilt(graph, inputs=lambda node: list(node.inputs)[:: -1 if node is at else 1])


def other_operator(graph: Graph, rng: Random) -> Graph:
    """One operator exchanged for one with other arguments, or of another kind."""
    pairs: dict[Op, Op] = {
        ReLU(): Sigmoid(),
        Add(): Multiply(),
        Multiply(): Add(),
        ResizeTo(): ResizeTo(mode="nearest"),
    }
    at = rng.choice(graph.nodes())
    return rebuilt(graph, op=lambda node: pairs.get(node.op, node.op) if node is at else node.op)


def other_input(graph: Graph, rng: Random) -> Graph:
    """One input exchanged for an earlier result of the same shape."""
    at = rng.choice(graph.nodes()[1:])
    spare = [x for x in graph.nodes()[: at.index] if x.shape == at.inputs[0].shape]
    new = rng.choice(spare)
    return rebuilt(graph, inputs=lambda node: [new, *node.inputs[1:]] if node is at else list(node.inputs))


def computed_again(graph: Graph, rng: Random) -> Graph:
    """What two nodes read computed once for each of them."""
    shared = [
        (x, users[0]) for x, users in zip(graph.nodes(), graph.users(), strict=True) if x.inputs and len(users) > 1
    ]
    if not shared:
        return graph
    twice, user = rng.choice(shared)
    g = GraphBuilder(graph.image_shape, graph.classes)
    made = {graph.nodes()[0]: g.image}
    for node in graph.nodes()[1:]:
        again = {x: g.add(x.op, *(made[y] for y in x.inputs)) for x in node.inputs if node is user and x is twice}
        made[node] = g.add(node.op, *(again.get(x, made[x]) for x in node.inputs))
    return g.freeze([made[x] for x in graph.outputs], graph.prediction)


def outputs_reversed(graph: Graph, rng: Random) -> Graph:
    return rebuilt(graph, outputs=lambda outputs: outputs[::-1])


argued = st.one_of(*(drawn for op, drawn in ONE_INPUT.items() if fields(op)))


@settings(max_examples=100)
@given(argued, argued)
def test_graphs_of_one_operator_have_one_key_exactly_if_all_its_arguments_are_equal(a: Op, b: Op) -> None:
    for other in (a, b, *neighbours(a)):
        one, two = (graph_of(op, (12, 17, 16)) for op in (a, other))
        same = type(a) is type(other) and astuple(a) == astuple(other)
        assert (one.key() == two.key()) == same, (a, other)


def neighbours(op: Op) -> list[Op]:
    """The operator with each argument changed in turn, where a map of 12x17x16 can have the change."""
    found = []
    for name in sorted({f.name for f in fields(op)} - {"initialisation"}):
        try:
            made = replace(op, **{name: another(getattr(op, name))})
            graph_of(made, (12, 17, 16))
        except ShapeError:
            continue
        found.append(made)
    return found


def another(value: Any) -> Any:
    if isinstance(value, str):
        return {"zeros": "reflect", "reflect": "zeros", "linear": "nearest", "nearest": "linear"}[value]
    if isinstance(value, tuple):
        return value[::-1]
    return not value if isinstance(value, bool) else 0 if value is None else value * 2 or 1


def test_which_of_two_results_that_were_computed_alike_is_read_counts() -> None:
    keys = set()
    for read in (0, 1):
        g = GraphBuilder((4, 8, 8), 1)
        twins = [g.add(Conv(4), g.image) for _ in range(2)]
        keys.add(g.freeze([g.add(Concat(), *twins, g.add(ReLU(), twins[read]))]).key())
    assert len(keys) == 2


@pytest.mark.parametrize("op", [Concat(), ResizeTo()])
def test_an_operator_of_ordered_inputs_tells_their_order(op: Op) -> None:
    keys = set()
    for flip in (1, -1):
        g = GraphBuilder((4, 8, 8), 1)
        keys.add(g.freeze([g.add(op, *[g.add(ReLU(), g.image), g.image][::flip])]).key())
    assert len(keys) == 2


def test_a_linear_layers_arguments_count() -> None:
    keys = set()
    for op in (Linear(3), Linear(4), Linear(3, bias=False)):
        g = GraphBuilder((4,), 1)
        keys.add(g.freeze([g.add(op, g.image)]).key())
    assert len(keys) == 3
