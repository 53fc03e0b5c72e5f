"""What graphs state against hooks on torch and an inference on live sets: each operator alone, then any graph."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nas
from nas.graph import Graph, GraphBuilder
from nas.ops import Add, Concat, Conv, GlobalAvgPool, Multiply, Op, PadTo, ReLU, ResizeTo
from tests.laws import as_list, check_inference, dags, measured
from tests.nas.operators import ONE_INPUT, graph_of, shapes

channels = st.integers(1, 5)


def check_counts(graph: Graph) -> None:
    found, cost = measured(nas.to_module(graph), torch.randn(1, *graph.image_shape)), nas.cost(graph)
    assert found.shapes == [x.shape for x in graph.outputs]
    assert (found.params, found.macs, found.cio_elements) == (cost.params, cost.macs, cost.cio_elements)


@pytest.mark.parametrize("kind", ONE_INPUT)
@settings(max_examples=20)
@given(st.data(), shapes)
def test_shape_parameters_macs_and_cio_of_each_operator_are_what_hooks_see(
    kind: type[Op], data: st.DataObject, x: tuple[int, int, int]
) -> None:
    check_counts(graph_of(data.draw(ONE_INPUT[kind]), x))


@settings(max_examples=100)
@given(
    st.sampled_from(
        [Add(), Multiply(), Concat(), PadTo(), ResizeTo(), ResizeTo(align_corners=True), ResizeTo("nearest")]
    ),
    st.tuples(channels, st.integers(4, 9), st.integers(4, 9)),
    st.tuples(channels, st.integers(0, 4), st.integers(0, 4)),
    st.sampled_from(["as it is", "same channels", "one pixel", "one channel"]),
)
def test_two_inputs_of_other_sizes_give_the_shape_that_is_stated(
    op: Op, x: tuple[int, int, int], more: tuple[int, int, int], second: str
) -> None:
    """The second input is as large, larger, one pixel or one channel, whatever the operator takes."""
    sized = isinstance(op, PadTo | ResizeTo)
    g = GraphBuilder((3, x[1] + more[1], x[2] + more[2]), 1)
    first = g.add(Conv(x[0], kernel=(more[1] + 1, more[2] + 1), padding=0), g.image)
    other = g.add(Conv(more[0] if sized or isinstance(op, Concat) else x[0], kernel=1), g.image if sized else first)
    if isinstance(op, Add | Multiply):
        other = g.add(GlobalAvgPool(), other) if second == "one pixel" else other
        other = g.add(Conv(1, kernel=1), other) if second == "one channel" else other
    check_counts(g.freeze([g.add(op, first, other)]))
    if isinstance(op, Add | Multiply):
        check_counts(g_swapped(op, x, second))


def g_swapped(op: Op, x: tuple[int, int, int], second: str) -> Graph:
    """The same, the small input first."""
    g = GraphBuilder(x, 1)
    small = g.add(Conv(1, kernel=1), g.image) if second == "one channel" else g.add(GlobalAvgPool(), g.image)
    return g.freeze([g.add(op, small, g.image)])


@settings(max_examples=150)
@given(dags())
def test_any_graph_counts_what_hooks_see_and_gives_its_outputs_in_order(graph: Graph) -> None:
    check_counts(graph)
    torch.manual_seed(0)
    module, image = nas.to_module(graph).eval(), torch.randn(2, *graph.image_shape)
    with torch.no_grad():
        outputs = as_list(module(image))
        again = Graph.from_json(graph.to_json())
        other = nas.to_module(again).eval()
        other.load_state_dict(module.state_dict())
        assert all(torch.equal(a, b) for a, b in zip(outputs, as_list(other(image)), strict=True))


@settings(max_examples=300)
@given(dags(steps=14), st.sampled_from(["eager", "fused"]))
def test_launches_traffic_and_peak_memory_of_any_graph_are_those_of_an_inference(graph: Graph, schedule: str) -> None:
    check_inference(graph, schedule)


@pytest.mark.parametrize("schedule", ["eager", "fused"])
def test_what_is_read_late_stays_alive_till_then(schedule: str) -> None:
    """By hand: a skip of 4 channels over a wide detour; the image goes after its one reader."""
    g = GraphBuilder((2, 8, 8), 1)
    skip = g.add(Conv(4), g.image)
    wide = g.add(ReLU(), g.add(Conv(16), g.add(Conv(32), skip)))
    graph = g.freeze([g.add(Concat(), skip, wide)])
    weights = nas.cost(graph).params
    most = 4 + 32 + 16  # while the second convolution runs; eager needs 16 + 16 + 4 and 4 + 16 + 20 afterwards
    assert nas.cost(graph, schedule).peak_memory_bytes == 4 * (64 * most + weights)
