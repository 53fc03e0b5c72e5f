"""Recorded blocks: a graph of stamps is the graph of its operators, in every cost, key and name."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nas
from nas import recording
from nas.cost import SCHEDULES
from nas.derivation import fixed
from nas.errors import ShapeError
from nas.grammar import Block, Rule, rule
from nas.graph import Graph, GraphBuilder, Node
from nas.ops import (
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv,
    Dropout,
    GlobalAvgPool,
    MatMul,
    MaxPool,
    Multiply,
    Op,
    ReLU,
    ResizeTo,
    Sigmoid,
    Slice,
)
from search_spaces import published, spaces

IMAGE = (3, 33, 48)


@pytest.fixture(autouse=True)
def nothing_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "_recordings", {})
    monkeypatch.setattr(recording, "_operators_kept", 0)


def same_as_its_operators(graph: Graph) -> None:
    """Check a graph of stamps, and what is left of it after training, against those of single operators."""
    plain = Graph.from_json(graph.to_json())
    assert not any(part.fragment for part in plain.parts)
    same(graph, plain)
    same(nas.deploy(graph), nas.deploy(plain))


def same(graph: Graph, plain: Graph) -> None:
    assert plain.key() == graph.key()
    assert plain.names == graph.names
    assert len(plain) == len(graph) == len(graph.nodes())
    for schedule in SCHEDULES:
        assert nas.cost(plain, schedule) == nas.cost(graph, schedule)
    assert plain.to_json() == graph.to_json()


@rule("block", seed=0, operators=4)
def any_size(g: GraphBuilder, x: Node, width: int, *, seed: int, operators: int) -> Node:
    """Append random operators that keep height and width, without a look at them."""
    rng = Random(seed)
    made = [x]
    for _ in range(operators):
        a, b = rng.choice(made[-2:]), rng.choice(made)
        op = rng.choice((Conv(width), Conv(width, dilation=2), BatchNorm(), Dropout(0.1), Add(), Multiply(), Concat()))
        if isinstance(op, Add | Multiply):
            made.append(g.add(op, a, b))
        elif isinstance(op, Concat):
            made.append(g.add(Conv(width, kernel=1), g.add(op, a, b)))
        else:
            made.append(g.add(op, g.add(Slice(0, width), a) if rng.random() < 0.2 else a))
    return made[-1]


@rule("block", seed=0, operators=4)
def anything(g: GraphBuilder, x: Node, width: int, *, seed: int, operators: int) -> Node:
    """Append random operators, each on random earlier ones; widths stay, sizes are restored."""
    rng = Random(seed)
    made = [x]
    for _ in range(operators):
        a, b = rng.choice(made[-2:]), rng.choice(made)
        kinds: list[Op] = [Conv(width), Conv(width, kernel=1, bias=False), BatchNorm(), ReLU(), Dropout(0.1)]
        kinds += [Add(), Multiply(), MaxPool(), GlobalAvgPool(), Concat(), Slice(0, 2), ResizeTo()]
        kinds += [MatMul(transpose_second=True)]
        op = rng.choice(kinds)
        if isinstance(op, Add | Multiply | Concat | ResizeTo):
            new = g.add(op, a, b)
        elif isinstance(op, MatMul):
            new = g.add(MatMul(), g.add(op, a, b), a)
        elif isinstance(op, Slice):
            new = g.add(Conv(width), g.add(Add(), g.add(op, a), g.add(Slice(1, 2), a)))
        else:
            new = g.add(op, a)
        if new.channels != width:
            new = g.add(Conv(width, kernel=1), new)
        if new.shape[1:] != x.shape[1:]:
            new = g.add(ResizeTo(), new, x)
        made.append(new)
    return made[-1]


@rule("network", seed=0, blocks=(anything,))
def around(g: GraphBuilder, *, seed: int, blocks: tuple[Block, ...]) -> list[Node]:
    """Append the blocks on random earlier nodes, with operators between that may run in their launches."""
    rng = Random(seed)
    made = [g.add(Conv(4, kernel=1), g.image)]
    for i, block in enumerate(blocks):
        x = block(g, rng.choice(made[-2:]), 4, name=f"block{i}")
        for op in rng.choices((ReLU(), BatchNorm(), Add(), Conv(4), Dropout(0.2), AvgPool(1, 1)), k=rng.randrange(3)):
            x = g.add(op, x, rng.choice(made)) if isinstance(op, Add) else g.add(op, x)
        made.append(x)
    return [made[-1], *rng.choices(made, k=rng.randrange(2))]


def network(seed: int, *blocks: Rule) -> Graph:
    return nas.build(fixed(around(seed=seed, blocks=blocks)), IMAGE)


@settings(max_examples=400)
@given(st.integers(0, 10**6), st.lists(st.tuples(st.integers(0, 40), st.integers(1, 7)), min_size=1, max_size=5))
def test_stamps_cost_and_hash_like_their_operators(seed: int, blocks: list[tuple[int, int]]) -> None:
    same_as_its_operators(network(seed, *(anything(seed=s, operators=n) for s, n in blocks)))


@settings(max_examples=200)
@given(
    st.integers(0, 10**6),
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 7)), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(3, 40), st.integers(3, 40)), min_size=2, max_size=4),
)
def test_a_block_recorded_at_one_size_is_the_same_at_another(
    seed: int, blocks: list[tuple[int, int]], sizes: list[tuple[int, int]]
) -> None:
    architecture = fixed(around(seed=seed, blocks=tuple(any_size(seed=s, operators=n) for s, n in blocks)))
    for size in sizes:
        same_as_its_operators(nas.build(architecture, (3, *size)))


def test_a_block_is_emitted_once_for_all_larger_sizes_unless_it_asks_for_them() -> None:
    emitted = []

    @rule("block", asks=False)
    def counting(g: GraphBuilder, x: Node, width: int, *, asks: bool) -> Node:
        emitted.append(asks)
        large = asks and x.shape[1] > 20
        return g.add(Conv(width), g.add(Conv(width, kernel=5 if large else 3), x))

    for asks in (False, True):
        graphs = [nas.build(fixed(around(blocks=(counting(asks=asks),))), (3, side, 32)) for side in (16, 32, 24, 16)]
        alike = [nas.cost(graph).params == nas.cost(graphs[0]).params for graph in graphs]
        assert alike == [True, not asks, not asks, True]
    assert (emitted.count(False), emitted.count(True)) == (1, 4)  # on a small map as well


def test_a_block_recorded_at_a_large_size_is_refused_at_one_too_small() -> None:
    @rule("block")
    def reflecting(g: GraphBuilder, x: Node, width: int) -> Node:
        return g.add(ReLU(), g.add(Conv(width, kernel=7, padding_mode="reflect"), x))

    architecture = fixed(around(blocks=(reflecting,)))
    for size in ((32, 32), (16, 8), (4, 40)):
        same_as_its_operators(nas.build(architecture, (3, *size)))
    with pytest.raises(ShapeError, match="block0"):
        nas.build(architecture, (3, 40, 3))


@pytest.mark.parametrize("space", spaces)
def test_members_of_spaces_cost_and_hash_like_their_operators(space: str) -> None:
    rng = Random(11)
    for _ in range(25):
        same_as_its_operators(nas.build(spaces[space].sample(rng), (3, rng.randrange(64, 110), rng.randrange(64, 110))))


@pytest.mark.parametrize("key", published)
def test_published_networks_cost_and_hash_like_their_operators(key: str) -> None:
    same_as_its_operators(nas.build(published[key], (3, 64, 96)))


def test_a_second_use_is_the_same_as_the_first() -> None:
    blocks = [anything(seed=s, operators=6) for s in (3, 4, 3, 3)]
    first = network(1, *blocks)
    assert sum(part.fragment is not None for part in first.parts) >= 3
    again = network(1, *blocks)
    assert (again.key(), again.names, nas.cost(again)) == (first.key(), first.names, nas.cost(first))
    stamped = [part.fragment for part in again.parts if part.fragment]
    assert len({id(f) for f in stamped}) < len(stamped)


def test_options_of_another_type_are_another_block() -> None:
    seen = []

    @rule("block", option=1)
    def telling(g: GraphBuilder, x: Node, width: int, *, option: object) -> Node:
        seen.append(repr(option))
        return g.add(Conv(width), g.add(ReLU(), g.add(Conv(width), x)))

    for option in (1, True, 1.0, "1"):
        network(0, telling(option=option))
    assert set(seen) == {"1", "True", "1.0", "'1'"}


def test_a_block_that_reads_more_than_its_input_is_not_recorded() -> None:
    @rule("block")
    def to_image(g: GraphBuilder, x: Node, width: int) -> Node:
        return g.add(ResizeTo(), g.add(Conv(width), g.add(MaxPool(), x)), g.image)

    @rule("block")
    def per_class(g: GraphBuilder, x: Node, width: int) -> Node:
        return g.add(Conv(width), g.add(Conv(g.classes), x))

    for block in (to_image, per_class):
        graph = network(0, block, block)
        assert not any(part.fragment for part in graph.parts)
        same_as_its_operators(graph)
    two = nas.build(fixed(around(blocks=(per_class,))), IMAGE, classes=2)
    assert two.key() != nas.build(fixed(around(blocks=(per_class,))), IMAGE, classes=1).key()


def test_a_block_that_ends_without_a_launch_is_not_recorded() -> None:
    @rule("block")
    def dropped(g: GraphBuilder, x: Node, width: int) -> Node:
        half = g.add(Conv(width // 2), x)
        return g.add(Dropout(0.5), g.add(Concat(), half, half))

    @rule("block")
    def sliced(g: GraphBuilder, x: Node, width: int) -> Node:
        return g.add(Slice(0, width), g.add(Conv(width + 1), x))

    for block in (dropped, sliced):
        for seed in range(5):
            same_as_its_operators(network(seed, block, block))


def test_inputs_of_a_sum_have_one_order_inside_and_outside_of_blocks() -> None:
    """Both inputs are as deep and end alike; what the second concatenates lies deeper in one of them."""

    @rule("block")
    def forked(g: GraphBuilder, x: Node, width: int) -> Node:
        return g.add(Concat(), g.add(ReLU(), g.add(ReLU(), x)), g.add(Sigmoid(), x))

    @rule("network", block=forked, swapped=False)
    def summed(g: GraphBuilder, *, block: Block, swapped: bool) -> list[Node]:
        chain = [g.image]
        for _ in range(6):
            chain.append(g.add(ReLU(), chain[-1]))
        outside = g.add(Concat(), chain[6], g.add(Sigmoid(), chain[2]))
        both = (block(g, chain[4], 3), outside)
        return [g.add(Add(), *both[::-1] if swapped else both)]

    graphs = [nas.build(fixed(summed(swapped=swapped)), IMAGE) for swapped in (False, True)]
    assert graphs[0].key() == graphs[1].key()
    for graph in graphs:
        same_as_its_operators(graph)


def test_a_fault_inside_a_block_has_its_whole_address() -> None:
    @rule("block")
    def large(g: GraphBuilder, x: Node, width: int) -> Node:
        with g.scope("inner"):
            return g.add(Conv(width, kernel=99, padding=0), x)

    for _ in range(2):
        with pytest.raises(ShapeError, match=r"^block0\.inner: Conv"):
            network(0, large)


def test_blocks_are_forgotten_when_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = [anything(seed=s, operators=5) for s in range(12)]
    free = [network(s, *blocks[s:]).key() for s in range(12)]
    monkeypatch.setattr(recording, "_MOST_OPERATORS", 20)
    assert [network(s, *blocks[s:]).key() for s in range(12)] == free
    assert sum(f.size for r in recording._recordings.values() for f in r._exact.values() if f) <= 20 + 40
