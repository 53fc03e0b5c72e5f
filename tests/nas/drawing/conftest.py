"""Graphs to draw: published and drawn at random, as trained, as deployed and as read from a file."""

from collections.abc import Callable
from random import Random

import pytest

import nas
from nas.graph import Graph, GraphBuilder
from nas.ops import Add, Conv, MaxPool, ReLU
from search_spaces import published, spaces

ALIKE = ("w32", "w48", "keras", "bn64", "39ds", "85", "68ds")  # like others but for widths
KINDS = [
    *(key for key in published if not key.endswith(ALIKE)),
    *(f"deployed {key}" for key in ("unet_bilinear32", "hrnetv2_w18", "hardnet_mseg", "amsunet")),
]
KINDS += [*(f"random {seed}" for seed in range(8)), "flat 10", "flat 200", "odd size", "odd stride"]


def graph_of(kind: str) -> Graph:
    family, _, rest = kind.partition(" ")
    if kind == "odd size":
        return nas.build(published["unet_bilinear32"], (3, 75, 101))  # halves round down
    if kind == "odd stride":
        return nas.build(published["hrnetv2_w18"], (3, 75, 101))  # halves round up
    if family == "flat":
        return flat(int(rest))
    if family == "random":
        return Graph.from_json(nas.build(spaces["unet"].sample(Random(int(rest))), (3, 352, 352)).to_json())
    graph = nas.build(published[rest or kind], (3, 352, 352))
    return nas.deploy(graph) if family == "deployed" else graph


def flat(operators: int) -> Graph:
    """A network without scopes: convolutions with shortcuts, halved in size every 100 operators."""
    g = GraphBuilder((3, 64, 64), 1)
    x = g.add(Conv(8), g.image)
    while g._serial < operators - 4:
        x = g.add(Add(), x, g.add(ReLU(), g.add(Conv(8), x)))
        if g._serial % 100 < 3:
            x = g.add(MaxPool(), x)
    return g.freeze([g.add(Conv(1), x)])


@pytest.fixture(name="flat")
def flat_graphs() -> Callable[[int], Graph]:
    return flat


@pytest.fixture(scope="module", params=KINDS)
def graph(request: pytest.FixtureRequest) -> Graph:
    return graph_of(request.param)
