"""Keys, names, storage: what identifies a graph and what does not."""

import json
import subprocess
import sys
from random import Random

import pytest

import nas
from nas.errors import GraphError
from nas.graph import Graph, GraphBuilder, Node
from nas.ops import Add, Concat, Conv, MaxPool, Multiply, ReLU, Sigmoid
from search_spaces import published, spaces


def built(body: object, size: int = 16) -> str:
    g = GraphBuilder((3, size, size), 1)
    output = body(g, g.image)  # type: ignore[operator]
    return g.freeze(output if isinstance(output, list) else [output]).key()


def conv_relu(g: GraphBuilder, x: Node) -> Node:
    return g.add(ReLU(), g.add(Conv(8), x))


def test_names_size_order_and_unused_nodes_do_not_count() -> None:
    def other(g: GraphBuilder, x: Node) -> Node:
        g.add(Sigmoid(), x)
        with g.scope("stem"):
            return g.add(ReLU(), g.add(Conv(8, kernel=3), x, name="conv"))

    assert built(conv_relu) == built(other) == built(conv_relu, size=64)


def test_the_order_in_which_independent_parts_are_appended_does_not_count() -> None:
    def left_first(g: GraphBuilder, x: Node) -> Node:
        a, b = g.add(Conv(8), x), g.add(Conv(8, kernel=1), x)
        return g.add(Concat(), a, b)

    def right_first(g: GraphBuilder, x: Node) -> Node:
        b, a = g.add(Conv(8, kernel=1), x), g.add(Conv(8), x)
        return g.add(Concat(), a, b)

    assert built(left_first) == built(right_first)


@pytest.mark.parametrize("op", [Add(), Multiply()])
def test_sums_and_products_know_no_order(op: Add) -> None:
    def forward(g: GraphBuilder, x: Node) -> Node:
        return g.add(op, g.add(Conv(8), x), g.add(Sigmoid(), g.add(Conv(8, kernel=1), x)))

    def backward(g: GraphBuilder, x: Node) -> Node:
        return g.add(op, g.add(Sigmoid(), g.add(Conv(8, kernel=1), x)), g.add(Conv(8), x))

    assert built(forward) == built(backward)


def test_nested_sums_and_products_know_no_order() -> None:
    rng = Random(0)

    def expression(g: GraphBuilder, leaves: list[Node], depth: int, shape: Random) -> Node:
        if depth == 0:
            return leaves[shape.randrange(len(leaves))]
        op = shape.choice((Add(), Multiply()))
        parts = [expression(g, leaves, depth - 1, shape) for _ in range(2)]
        return g.add(op, *rng.sample(parts, 2))

    for seed in range(30):
        keys = set()
        for _ in range(4):
            g = GraphBuilder((3, 16, 16), 1)
            leaves = [g.add(Conv(8, kernel=k), g.image) for k in (1, 3, 5)]
            keys.add(g.freeze([expression(g, leaves, 3, Random(seed))]).key())
        assert len(keys) == 1


def test_different_networks_have_different_keys() -> None:
    bodies = {
        "plain": conv_relu,
        "wider": lambda g, x: g.add(ReLU(), g.add(Conv(9), x)),
        "strided": lambda g, x: g.add(ReLU(), g.add(Conv(8, stride=2), x)),
        "other function": lambda g, x: g.add(Sigmoid(), g.add(Conv(8), x)),
        "longer": lambda g, x: g.add(ReLU(), conv_relu(g, x)),
        "a b": lambda g, x: g.add(Concat(), g.add(Conv(8), x), g.add(ReLU(), x)),
        "b a": lambda g, x: g.add(Concat(), g.add(ReLU(), x), g.add(Conv(8), x)),
        "shared": lambda g, x: g.add(Concat(), *[g.add(Conv(8), x)] * 2),
        "computed twice": lambda g, x: g.add(Concat(), g.add(Conv(8), x), g.add(Conv(8), x)),
        "x f(x)": lambda g, x: g.add(Concat(), x, g.add(ReLU(), x)),
        "f(x) x": lambda g, x: g.add(Concat(), g.add(ReLU(), x), x),
        "an output on the way": lambda g, x: [y := g.add(Conv(8), x), g.add(ReLU(), y)],
        "the same two, swapped": lambda g, x: [g.add(ReLU(), y := g.add(Conv(8), x)), y],
        "two outputs": lambda g, x: [conv_relu(g, x), g.add(Sigmoid(), x)],
        "swapped outputs": lambda g, x: [g.add(Sigmoid(), x), conv_relu(g, x)],
    }
    keys = {name: built(body) for name, body in bodies.items()}
    assert len(set(keys.values())) == len(keys), keys


def test_channels_of_the_image_and_the_prediction_count() -> None:
    grey, colour = GraphBuilder((1, 16, 16), 1), GraphBuilder((3, 16, 16), 1)
    assert grey.freeze([conv_relu(grey, grey.image)]).key() != colour.freeze([conv_relu(colour, colour.image)]).key()
    keys = set()
    for prediction in (0, 1, "mean"):
        g = GraphBuilder((3, 16, 16), 1)
        keys.add(g.freeze([conv_relu(g, g.image), g.add(Sigmoid(), g.image)], prediction).key())
    assert len(keys) == 3


def test_a_key_is_the_same_in_another_process() -> None:
    code = "import nas; from search_spaces import published as p; print(nas.build(p['amsunet'], (3, 64, 64)).key())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert said == nas.build(published["amsunet"], (3, 96, 64)).key()


def test_storage_gives_the_same_graph_back() -> None:
    rng = Random(3)
    for _ in range(10):
        graph = nas.build(spaces["unet"].sample(rng), (3, 75, 101))
        again = Graph.from_json(graph.to_json())
        assert (again.key(), again.names, nas.cost(again)) == (graph.key(), graph.names, nas.cost(graph))


def test_a_changed_file_is_refused() -> None:
    stored = json.loads(nas.build(published["unet_bn32"], (3, 64, 64)).to_json())
    conv = next(row for row in stored["nodes"] if row["op"] == "Conv")
    conv["args"]["out_channels"] = 33
    with pytest.raises(GraphError):
        Graph.from_json(json.dumps(stored))
    conv["op"] = "Exec"
    with pytest.raises(GraphError, match="unknown operator 'Exec'"):
        Graph.from_json(json.dumps(stored))
    with pytest.raises(GraphError, match="cannot be read"):
        Graph.from_json("{}")


def test_a_name_given_twice_in_a_scope_is_refused() -> None:
    g = GraphBuilder((3, 16, 16), 1)
    with g.scope("stem"):
        g.add(Conv(8), g.image, name="conv")
        with pytest.raises(GraphError, match="stem: the name 'conv' is given twice"):
            g.add(Conv(8), g.image, name="conv")
    with pytest.raises(GraphError, match="the name 'stem' is given twice"):
        g.scope("stem")


def test_names_follow_scopes_and_stay_distinct() -> None:
    g = GraphBuilder((3, 16, 16), 1)
    with g.scope("stem"):
        x = g.add(Conv(8), g.image, name="conv1")
        x = g.add(MaxPool(), g.add(Conv(8), g.add(ReLU(), x)))
    assert g.freeze([x]).names == ("image", "stem.conv1", "stem.relu1", "stem.conv2", "stem.maxpool1")


def test_networkx_has_every_node_and_edge() -> None:
    g = GraphBuilder((3, 16, 16), 1)
    x = g.add(Conv(8), g.image)
    graph = g.freeze([g.add(Add(), g.add(Multiply(), x, x), x)])
    exported = graph.to_networkx()
    assert [data["name"] for _, data in exported.nodes(data=True)] == list(graph.names)
    assert exported.edges[1, 2]["positions"] == (0, 1)
    assert sorted(exported.edges) == [(0, 1), (1, 2), (1, 3), (2, 3)]
