"""A source file computes what the module does, bit for bit, where only torch is at hand."""

from pathlib import Path
from random import Random

import pytest

import nas
from nas.graph import Graph, GraphBuilder
from nas.ops import OPERATORS, Add, BatchNorm, Conv, ConvTranspose, GlobalAvgPool, MaxPool, ResizeTo, Upsample
from search_spaces import published, spaces
from tests.nas.source.cases import check, check_lint, write_case
from tests.nas.source.graphs import HAND_MADE, every_operator, outputs_again
from tests.nas.source.syntax import check_text


def check_random(folder: Path, seed: int, count: int) -> None:
    rng = Random(seed)
    for i in range(count):
        graph = nas.build(spaces["unet"].sample(rng), (3, 32, 32))
        source = write_case(folder, f"member{i}", nas.deploy(graph) if i % 2 else graph)
        check_text(source)
    check(folder, count)
    check_lint(folder)


def check_published(folder: Path, names: list[str]) -> None:
    for name in names:
        graph = nas.build(published[name], (3, 64, 64))
        for case, same in ((name, graph), (f"{name}_deployed", nas.deploy(graph))):
            check_text(write_case(folder, case, same, sizes=((64, 64),)))
    check(folder, 2 * len(names))
    check_lint(folder)


def test_random_members(tmp_path: Path) -> None:
    check_random(tmp_path, seed=1, count=16)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_200_random_members(tmp_path: Path, seed: int) -> None:
    check_random(tmp_path, seed=100 + seed, count=50)


def test_some_published(tmp_path: Path) -> None:
    check_published(tmp_path, ["unet_bn32", "unetpp_bn32_ds", "amsunet", "convunext", "hardnet68ds"])


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_all_published(tmp_path: Path, part: int) -> None:
    check_published(tmp_path, list(published)[part::4])


def test_hand_made_graphs(tmp_path: Path) -> None:
    for make in HAND_MADE:
        g = GraphBuilder((3, 32, 32), 1)
        graph = g.freeze(make(g), prediction="mean" if make is outputs_again else 0)
        write_case(tmp_path, make.__name__, graph)
        stored = Graph.from_json(graph.to_json())
        assert nas.to_source(stored) == (tmp_path / f"{make.__name__}.py").read_text()
    check(tmp_path, len(HAND_MADE))


def test_every_operator_is_among_them() -> None:
    g = GraphBuilder((3, 32, 32), 1)
    assert {type(node.op) for node in g.freeze(every_operator(g))} == {*OPERATORS.values()}


@pytest.mark.parametrize("sides", [(40,), (12, 12, 12)])
def test_lines_and_volumes(tmp_path: Path, sides: tuple[int, ...]) -> None:
    g = GraphBuilder((2, *sides), 1)
    x = g.add(BatchNorm(), g.add(Conv(4, stride=2), g.image, name="conv"), name="norm")
    y = g.add(ConvTranspose(4), g.add(MaxPool(), x), name="up")
    y = g.add(Add(), g.add(ResizeTo(), y, x), g.add(GlobalAvgPool(), x))
    write_case(tmp_path, "network", g.freeze([g.add(Upsample(), y)]), sizes=(sides,))
    check(tmp_path, 1)
