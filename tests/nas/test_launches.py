"""Launches taken one by one: together they are the network, and each alone is what it was inside of it."""

import random

import pytest
import torch
from torch.nn import functional

import nas
from nas.graph import Graph, GraphBuilder
from nas.launches import Launch, launches_of
from nas.ops import Add, Concat, Conv, GlobalAvgPool, MatMul, MaxPool, Multiply, ReLU, ResizeTo, Sigmoid, Slice
from search_spaces import published, spaces

NAMES = ("hardnet_mseg", "amsunet", "unetpp_bn32_ds", "hrnetv2_w18", "unext", "convunext", "attunet_bn64")


def networks() -> list[Graph]:
    rng = random.Random(1)
    drawn = [nas.build(spaces["medseg"].sample(rng), (3, 64, 64)) for _ in range(6)]
    return [nas.deploy(nas.build(published[name], (3, 64, 64), 2)) for name in NAMES] + drawn


@pytest.mark.parametrize("schedule", ["fused", "eager"])
def test_launches_add_up_to_the_network(schedule: str) -> None:
    for graph in networks():
        cost = nas.cost(graph, schedule)
        launches = list(launches_of(graph, fuse=schedule == "fused"))
        assert len(launches) == cost.kernels
        assert sum(launch.macs for launch in launches) == cost.macs + cost.matmul_macs
        assert 4 * sum(launch.elements for launch in launches) == cost.traffic_bytes
        assert {launch.name for launch in launches} <= set(graph.names)


@pytest.mark.parametrize("schedule", ["fused", "eager"])
def test_a_launch_alone_costs_what_it_costs_inside(schedule: str) -> None:
    for launch in (x for graph in networks() for x in launches_of(graph, fuse=schedule == "fused")):
        cost = nas.cost(launch.to_graph(), schedule)
        assert cost.kernels == 1, launch.key
        assert cost.macs + cost.matmul_macs == launch.macs, launch.key
        sized = any(part.op.value_inputs == 1 for part in launch.parts)
        viewed = any(isinstance(part.op, Slice) for part in launch.parts)
        if not (sized or viewed):
            assert cost.traffic_bytes == 4 * launch.elements, launch.key


def one(g: GraphBuilder, *outputs: nas.Node) -> Launch:
    """The last launch."""
    return list(launches_of(g.freeze(outputs)))[-1]


def test_a_launch_computes_what_its_operators_do_with_what_it_reads() -> None:
    g = GraphBuilder((4, 8, 8), 1)
    left, right = g.add(MaxPool(2), g.image), g.add(Conv(6, stride=2), g.image)
    gate = g.add(Sigmoid(), g.add(GlobalAvgPool(), right))
    launch = one(g, g.add(ReLU(), g.add(Multiply(), g.add(Conv(6, kernel=1), left), gate)))
    assert [type(part.op) for part in launch.parts] == [Conv, Multiply, ReLU]
    module = nas.to_module(launch.to_graph())
    shapes = [node.shape for node in launch.to_graph().nodes() if not node.inputs]
    x, scale = (torch.randn(1, *shape) for shape in shapes)
    if x.shape[1] == 6:
        x, scale = scale, x
    weight, bias = module.state_dict().values()
    expected = functional.relu(functional.conv2d(x, weight, bias) * scale)
    given = [x, scale] if shapes[0] == (4, 4, 4) else [scale, x]
    assert torch.equal(module.run(given), expected)
    assert launch.elements == 4 * 16 + 6 + 6 * 16 + weight.numel() + bias.numel()


def test_views_belong_to_the_launch_that_reads_them() -> None:
    g = GraphBuilder((8, 4, 4), 1)
    x = g.add(ReLU(), g.image)
    launch = one(g, g.add(Conv(2, kernel=1), g.add(Slice(2, 3), x)))
    assert launch.reads == ((8, 4, 4),)
    assert [type(part.op) for part in launch.parts] == [Slice, Conv]
    assert launch.elements == (3 + 2) * 16 + 3 * 2 + 2


def test_of_a_map_that_only_gives_its_size_no_channels_are_read() -> None:
    keys = set()
    for channels in (3, 5):
        g = GraphBuilder((channels, 8, 8), 1)
        small = g.add(Conv(4, stride=2), g.image)
        launch = one(g, g.add(ResizeTo(), small, g.image))
        keys.add(launch.key)
        assert launch.reads == ((4, 4, 4), (1, 8, 8))
        assert nas.to_module(launch.to_graph()).run([torch.randn(1, *s) for s in launch.reads]).shape == (1, 4, 8, 8)
    assert len(keys) == 1


def test_the_key_has_operators_shapes_and_wiring_and_no_place() -> None:
    g = GraphBuilder((8, 4, 4), 1)
    first = g.add(ReLU(), g.add(Conv(8), g.image))
    second = g.add(ReLU(), g.add(Conv(8), first))
    keys = [launch.key for launch in launches_of(g.freeze([second]))]
    assert keys[0] == keys[1] == "8x4x4: Conv(out_channels=8)(x0); ReLU()(0)"

    def key(side: int, **conv: object) -> str:
        g = GraphBuilder((8, side, side), 1)
        return one(g, g.add(Conv(8, **conv), g.image)).key  # type: ignore[arg-type]  # whatever a test gives

    assert len({key(4), key(6), key(4, kernel=1), key(4, groups=2), key(4, bias=False)}) == 5


def test_wiring_tells_launches_apart() -> None:
    def joined(*order: int) -> str:
        g = GraphBuilder((4, 4, 4), 1)
        maps = [g.add(ReLU(), g.image), g.add(Sigmoid(), g.image)]
        return one(g, g.add(Concat(), *[maps[i] for i in order])).key

    assert len({joined(0, 0, 1), joined(0, 1, 0), joined(0, 1, 1)}) == 3
    assert joined(0, 1) == joined(1, 0)  # the same copies, from places that change nothing


def test_products_of_maps_are_arithmetic_too() -> None:
    g = GraphBuilder((3, 4, 5), 1)
    launch = one(g, g.add(MatMul(transpose_second=True), g.image, g.image))
    assert launch.macs == 3 * 3 * 4 * 5


def test_a_sum_with_itself_reads_once() -> None:
    g = GraphBuilder((4, 4, 4), 1)
    launch = one(g, g.add(Add(), g.image, g.image))
    assert launch.reads == ((4, 4, 4),)
    assert launch.parts[0].inputs == (~0, ~0)
