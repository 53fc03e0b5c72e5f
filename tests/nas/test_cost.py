"""Costs against hand counts, fvcore and a second way of counting."""

import logging
from random import Random

import pytest
import torch
from fvcore.nn import FlopCountAnalysis

import nas
from nas.cost import BYTES
from nas.graph import Graph, GraphBuilder
from nas.ops import Add, BatchNorm, Concat, Conv, Dropout, MaxPool, ReLU, Slice, elements
from nas.schedule import kernels_of
from search_spaces import published, spaces


def small() -> Graph:
    """image 3x8x8 -> conv 4 -> bn -> relu -+-> add -> dropout -> concat with pool input."""
    g = GraphBuilder((3, 8, 8), 1)
    x = g.add(ReLU(), g.add(BatchNorm(), g.add(Conv(4, bias=False), g.image)))
    y = g.add(Add(), g.add(Conv(4, kernel=1), x), x)
    return g.freeze([g.add(Concat(), g.add(Dropout(0.5), y), x)])


def test_a_small_graph_costs_what_a_hand_counts() -> None:
    image, map4 = 3 * 64, 4 * 64
    weights = 108 + (8 + 8) + 20  # conv; BatchNorm with its running statistics; 1x1 conv with bias
    eager, fused = nas.cost(small(), "eager"), nas.cost(small(), "fused")
    assert eager.kernels == 6
    assert fused.kernels == 3
    assert eager.traffic_bytes == 4 * (image + map4 + 2 * map4 + 2 * map4 + 2 * map4 + 3 * map4 + 4 * map4 + weights)
    # conv+bn+relu; 1x1 conv + add, which reads x once; concat of both
    assert fused.traffic_bytes == 4 * (image + map4 + 2 * map4 + 4 * map4 + weights)
    assert fused.peak_memory_bytes == 4 * (2 * map4 + 2 * map4 + weights)
    assert fused.params == 108 + 8 + 20
    assert fused.macs == 64 * (108 + 16)
    assert fused.cio_elements == image + map4 + 2 * map4


def test_half_precision_halves_the_bytes() -> None:
    whole, half = nas.cost(small(), precision="fp32"), nas.cost(small(), precision="bf16")
    assert (whole.traffic_bytes, whole.peak_memory_bytes) == (2 * half.traffic_bytes, 2 * half.peak_memory_bytes)
    with pytest.raises(ValueError, match="give one of"):
        nas.cost(small(), schedule="lazy")


def test_a_map_that_two_read_is_not_fused_away() -> None:
    g = GraphBuilder((3, 8, 8), 1)
    x = g.add(Conv(4), g.image)
    shared = nas.cost(g.freeze([g.add(Add(), g.add(ReLU(), x), g.add(MaxPool(1, 1), x))]))
    assert shared.kernels == 3  # conv; pool; relu and sum run together, conv must be written


@pytest.mark.parametrize("schedule", ["eager", "fused"])
def test_peak_memory_is_the_largest_set_of_live_maps(schedule: str) -> None:
    """Brute force: for every step, every value written before or at it that is read at it or later, or is an output."""
    rng = Random(5)
    for _ in range(15):
        graph = nas.deploy(nas.build(spaces["unet"].sample(rng), (3, 64, 96)))
        assert nas.cost(graph, schedule).peak_memory_bytes == brute_force_peak(graph, schedule)


@pytest.mark.parametrize("schedule", ["eager", "fused"])
def test_an_early_output_stays_alive_to_the_end(schedule: str) -> None:
    g = GraphBuilder((3, 16, 16), 1)
    early = g.add(Conv(8), g.image)
    x = g.add(MaxPool(), early)
    for _ in range(3):
        x = g.add(Conv(16), x)
    graph = g.freeze([early, x])
    assert nas.cost(graph, schedule).peak_memory_bytes == brute_force_peak(graph, schedule)


def brute_force_peak(graph: Graph, schedule: str) -> int:
    steps, ends = kernels_of(graph, fuse=schedule == "fused")
    written = {0: -1} | {k.last: i for i, k in enumerate(steps)}
    reads = [set(k.reads) for k in steps]
    nodes, most = graph.nodes(), 0
    for now in range(len(steps)):
        live = {
            v for v, at in written.items() if at <= now and (at == now or v in ends or any(v in r for r in reads[now:]))
        }
        most = max(most, sum(elements(nodes[v].shape) for v in live))
    weights = sum(n.facts.params + n.facts.buffers for n in nodes)
    return (most + weights) * BYTES["fp32"]


def test_macs_equal_fvcore_on_random_members() -> None:
    logging.getLogger("fvcore.nn.jit_analysis").setLevel(logging.ERROR)
    rng = Random(7)
    for _ in range(4):
        graph = nas.build(spaces["unet"].sample(rng), (3, 64, 96))
        counted = FlopCountAnalysis(nas.to_module(graph).eval(), torch.zeros(1, 3, 64, 96)).by_operator()
        assert nas.cost(graph).macs == sum(counted[name] for name in ("conv", "linear", "addmm"))


def test_traffic_of_the_fused_schedule_is_never_more() -> None:
    rng = Random(9)
    for architecture in [*published.values(), *(spaces["unet"].sample(rng) for _ in range(20))]:
        graph = nas.build(architecture, (3, 96, 64))
        eager, fused = nas.cost(graph, "eager"), nas.cost(graph, "fused")
        assert fused.traffic_bytes < eager.traffic_bytes
        assert fused.kernels < eager.kernels
        assert fused.peak_memory_bytes <= eager.peak_memory_bytes
        assert (fused.params, fused.macs, fused.cio_elements) == (eager.params, eager.macs, eager.cio_elements)


def test_slices_are_read_without_a_copy() -> None:
    """Three slices of one map are views: no launch, and together no more is read than the map."""
    g = GraphBuilder((6, 8, 8), 1)
    x = g.add(ReLU(), g.image)
    a, b, c = (g.add(Slice(2 * i, 2), x) for i in range(3))
    found = nas.cost(g.freeze([g.add(Concat(), g.add(Add(), a, b), c)]), "eager")
    assert found.kernels == 3
    assert found.traffic_bytes == 4 * 64 * ((6 + 6) + (4 + 2) + (4 + 4))
