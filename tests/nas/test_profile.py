"""Costs by block: they add up to those of the whole, and a launch belongs to the block that begins it."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nas
from nas.graph import Graph, GraphBuilder
from nas.ops import Add, BatchNorm, Conv, Dropout, ReLU, ResizeTo
from nas.profile import BlockCost
from search_spaces import published, spaces

ADDED = ("params", "macs", "cio_elements", "traffic_bytes", "kernels")


def whole(block: BlockCost) -> list[BlockCost]:
    """The block and everything inside it."""
    return [block, *(inner for part in block.inside for inner in whole(part))]


def check_sums(graph: Graph, schedule: str, precision: str) -> None:
    named = list(zip(graph.nodes(), graph.names, strict=True))
    top, cost = nas.profile(graph, schedule, precision), nas.cost(graph, schedule, precision)
    assert [getattr(top, name) for name in ADDED] == [getattr(cost, name) for name in ADDED]
    for block in whole(top):
        if block.inside:
            for name in (*ADDED, "operators"):
                assert getattr(block, name) == sum(getattr(inner, name) for inner in block.inside)
            assert (
                block.shape
                == [n.shape for n, name in named if name.startswith(f"{block.name}." * bool(block.name))][-1]
            )
    operators = {block.name: block for block in whole(top) if not block.inside}
    assert set(operators) == set(graph.names)
    for node, name in named:
        block = operators[name]
        assert (block.shape, block.macs, block.operators) == (node.shape, node.facts.macs, 1)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.tuples(st.integers(64, 150), st.integers(64, 150)),
    deployed=st.booleans(),
    schedule=st.sampled_from(["fused", "eager"]),
    precision=st.sampled_from(["fp32", "bf16"]),
)
def test_blocks_add_up_to_the_whole(
    seed: int, size: tuple[int, int], deployed: bool, schedule: str, precision: str
) -> None:
    graph = nas.build(spaces["unet"].sample(Random(seed)), (3, *size))
    check_sums(nas.deploy(graph) if deployed else graph, schedule, precision)


@pytest.mark.parametrize("key", published)
def test_blocks_of_published_networks_add_up(key: str) -> None:
    built = nas.build(published[key], (3, 128, 96), classes=2)
    for graph in (built, nas.deploy(built)):
        for schedule in ("fused", "eager"):
            check_sums(graph, schedule, "fp32")


def across_blocks() -> Graph:
    """One conv in block a, whose norm and activation are in b; a second conv in c that the sum in d joins."""
    g = GraphBuilder((3, 8, 8), 1)
    with g.scope("a"):
        x = g.add(Conv(4, bias=False), g.image, name="conv")
    with g.scope("b"):
        x = g.add(ReLU(), g.add(Dropout(0.5), g.add(BatchNorm(), x, name="norm"), name="drop"), name="relu")
    with g.scope("c"):
        y = g.add(Conv(4, kernel=1), x, name="conv")
    with g.scope("d"):
        return g.freeze([g.add(Add(), y, x, name="add")])


def test_a_launch_belongs_to_the_block_of_its_first_operator() -> None:
    blocks = {block.name: block for block in whole(nas.profile(across_blocks()))}
    image, map4 = 3 * 64, 4 * 64
    # conv, norm and activation are one launch; the second convolution and the sum, which reads x once, another
    assert blocks["a"].traffic_bytes == 4 * (image + map4 + 108 + 8 + 8)
    assert blocks["c"].traffic_bytes == 4 * (map4 + map4 + 20)
    assert [blocks[name].kernels for name in "abcd"] == [1, 0, 1, 0]
    assert blocks["b"].traffic_bytes == blocks["d"].traffic_bytes == 0
    # what is counted per operator stays with the operator
    assert [blocks[name].params for name in "abcd"] == [108, 8, 20, 0]
    assert [blocks[name].macs for name in "abcd"] == [64 * 108, 0, 64 * 16, 0]


def test_each_operator_is_a_launch_of_its_own_in_the_eager_schedule() -> None:
    blocks = {block.name: block for block in whole(nas.profile(across_blocks(), "eager"))}
    assert [blocks[name].kernels for name in "abcd"] == [1, 2, 1, 1]
    assert blocks["b"].traffic_bytes == 4 * (2 * 2 * 256 + 8 + 8)


def test_an_operator_that_gives_only_its_size_is_of_another_launch() -> None:
    """The convolution is computed in the launch that ends with the activation, not in that of the resize."""
    g = GraphBuilder((3, 8, 8), 1)
    with g.scope("small"):
        small = g.add(ReLU(), g.add(Conv(2, stride=2), g.image, name="conv"), name="relu")
    with g.scope("reference"):
        reference = g.add(Conv(2), g.image, name="conv")
        relu = g.add(ReLU(), reference, name="relu")
    with g.scope("join"):
        resized = g.add(ResizeTo(), small, reference, name="resize")
        graph = g.freeze([g.add(Add(), resized, relu, name="add")])
    blocks = {block.name: block for block in whole(nas.profile(graph))}
    check_sums(graph, "fused", "fp32")
    assert [blocks[name].kernels for name in ("small", "reference", "join")] == [1, 1, 1]
    assert blocks["join.resize"].traffic_bytes == 4 * (2 * 16 + 2 * 64 + 2 * 64)


def test_blocks_come_in_the_order_in_which_they_end() -> None:
    top = nas.profile(nas.build(published["amsunet"], (3, 64, 64)))
    assert [block.name for _, block in top.rows(1)] == ["image", "encoder", "decoder", "head"]
    decoder = [block.name for _, block in top.rows(2) if block.name.startswith("decoder.")]
    assert decoder == [f"decoder.level{i}" for i in (3, 2, 1, 0)]


def test_rows_go_down_to_the_depth_that_is_asked_for() -> None:
    top = nas.profile(nas.build(published["amsunet"], (3, 64, 64)))
    for depth in (0, 1, 2, 3):
        rows = list(top.rows(depth))
        assert all(level == block.name.count(".") + 1 <= depth for level, block in rows)
        lowest = [block for level, block in rows if level == depth or not block.inside]
        assert sum(block.macs for block in lowest) == (top.macs if depth else 0)
    assert list(top.rows(99))[-1][1].name == "head.conv"


def test_ratios_are_of_macs() -> None:
    top = nas.profile(across_blocks())
    conv = next(block for block in whole(top) if block.name == "a.conv")
    assert conv.macs_per_cio == 64 * 108 / (7 * 64)
    assert top.macs_per_byte == top.macs / top.traffic_bytes
    norm = next(block for block in whole(top) if block.name == "b.norm")
    assert (norm.macs_per_cio, norm.macs_per_byte) == (0, 0)


def test_an_unknown_schedule_is_refused() -> None:
    with pytest.raises(ValueError, match="give one of"):
        nas.profile(across_blocks(), "lazy")
