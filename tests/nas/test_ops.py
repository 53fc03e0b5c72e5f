"""Each operator over its own arguments: what it states equals what torch does."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

import nas
from nas.errors import GraphError, ShapeError
from nas.graph import Graph, GraphBuilder
from nas.ops import (
    OPERATORS,
    Add,
    Concat,
    Conv,
    ConvTranspose,
    Flatten,
    GlobalAvgPool,
    GroupNorm,
    Image,
    Linear,
    MatMul,
    Op,
    ReLU,
    Scale,
    Shift,
    Slice,
    Upsample,
)
from tests.nas.operators import ONE_INPUT, TWO_INPUTS, graph_of, linears, shapes, sides


def check_against_torch(graph: Graph) -> None:
    op, in_shapes = graph.outputs[0].op, graph.outputs[0].facts.in_shapes
    assert (op.layer(*in_shapes) is None) != (op.call(*in_shapes) is None), "a layer or a function, one of the two"
    module = nas.to_module(graph).eval()
    image = torch.randn(2, *graph.image_shape)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        output = module(image)
    assert tuple(output.shape[1:]) == graph.outputs[0].shape
    cost = nas.cost(graph)
    assert cost.params == sum(p.numel() for p in module.parameters())
    # Two images, and torch counts a multiply-accumulate as two.
    assert 4 * (cost.macs + cost.matmul_macs) == counter.get_total_flops()
    for node, name in zip(graph.nodes(), graph.names, strict=True):
        owned = {n: tuple(p.shape) for n, p in module.named_parameters() if n.startswith(name + ".")}
        assert owned == {f"{name}.{leaf}": shape for leaf, shape in node.facts.weights.items()}
        buffers = {
            n: tuple(b.shape) for n, b in module.named_buffers() if n.startswith(name + ".") and "num_batches" not in n
        }
        assert sum(map(math.prod, buffers.values())) == node.facts.buffers


@pytest.mark.parametrize("kind", ONE_INPUT)
@settings(max_examples=25)
@given(st.data(), shapes)
def test_an_operator_states_what_torch_does(kind: type[Op], data: st.DataObject, x: tuple[int, int, int]) -> None:
    op = data.draw(ONE_INPUT[kind])
    assert type(op) is kind
    check_against_torch(graph_of(op, x))


@pytest.mark.parametrize("kind", TWO_INPUTS)
@settings(max_examples=10)
@given(st.data(), shapes)
def test_an_operator_of_two_inputs_states_what_torch_does(
    kind: type[Op], data: st.DataObject, x: tuple[int, int, int]
) -> None:
    op = data.draw(TWO_INPUTS[kind])
    assert type(op) is kind
    check_against_torch(graph_of(op, x, x))


@settings(max_examples=40)
@given(st.integers(2, 5), st.integers(2, 5), sides, sides)
def test_a_product_of_maps_states_what_torch_does(a: int, b: int, h: int, w: int) -> None:
    """G P^T, K^T Q and V A as in OCR: pixels gathered by class, compared with classes, and given of them."""
    g = GraphBuilder((a, h, w), 1)
    pixels, classes = g.image, g.add(Conv(b, kernel=1), g.image)
    regions = g.add(MatMul(transpose_second=True), pixels, classes)
    likeness = g.add(MatMul(transpose_first=True), regions, pixels)
    given = g.add(MatMul(), regions, likeness)
    assert [x.shape for x in (regions, likeness, given)] == [(a, b, 1), (b, h, w), (a, h, w)]
    graph = g.freeze([given])
    check_against_torch(graph)
    assert nas.cost(graph).matmul_macs == 3 * a * b * h * w
    module, image = nas.to_module(graph), torch.randn(2, a, h, w)
    with torch.no_grad():
        made, p = module(image), module.get_submodule("conv1")(image)
    gathered = torch.einsum("nchw,nkhw->nck", image, p)
    wanted = torch.einsum("nck,nkhw->nchw", gathered, torch.einsum("nck,nchw->nkhw", gathered, image))
    assert torch.allclose(made, wanted, rtol=1e-3, atol=1e-3 * float(wanted.abs().max()))


@given(linears, shapes, st.booleans())
def test_a_linear_layer_states_what_torch_does(op: Linear, x: tuple[int, int, int], pooled: bool) -> None:
    g = GraphBuilder(x, 1)
    vector = g.add(Flatten(), g.add(GlobalAvgPool(), g.image) if pooled else g.image)
    assert vector.shape == (x[0] if pooled else math.prod(x),)
    graph = g.freeze([g.add(op, vector)])
    check_against_torch(graph)
    # CIO counts it as a 1x1 convolution; flattening is no launch and moves nothing.
    assert nas.cost(graph).cio_elements == vector.shape[0] + op.out_channels
    assert nas.cost(graph, "eager").kernels == (2 if pooled else 1)


def test_every_operator_is_examined() -> None:
    alone = {MatMul, Linear}  # by tests of their own, above
    assert {*OPERATORS.values()} == {*ONE_INPUT, *TWO_INPUTS, *alone, Image}


def test_operators_written_alike_are_one_object_and_others_are_not() -> None:
    assert Conv(8, kernel=3) is Conv(8) is Conv(out_channels=8, kernel=3)
    assert Conv(8) is not Conv(8, bias=False)
    assert Scale(1) is not Scale(True)  # equal to Python, not to torch
    assert len({Conv(8).code, Conv(9).code, Conv(8, kernel=1).code, ConvTranspose(8).code}) == 4


@pytest.mark.parametrize(
    ("op", "inputs", "said"),
    [
        (Conv(8, groups=3), [(4, 8, 8)], "groups=3 must divide in_channels=4"),
        (Conv(8, kernel=7, padding_mode="reflect"), [(4, 3, 3)], "reflect padding"),
        (Conv(8, kernel=5, padding=0), [(4, 3, 3)], "give a larger input"),
        (Concat(), [(4, 8, 8), (4, 9, 8)], "spatial sizes differ"),
        (Concat(axis=2), [(4, 8, 8), (4, 9, 8)], "cannot be joined along axis 2"),
        (Concat(axis=3), [(4, 8, 8), (4, 8, 8)], "cannot be joined along axis 3"),
        (MatMul(), [(4, 8, 8), (5, 8, 8)], "matrices of 4 x 64 and 5 x 64"),
        (MatMul(True, True), [(4, 8, 8), (64, 2, 2)], "transpose one at most"),
        (Shift(axis=3), [(4, 8, 8)], "give a spatial axis, from 1, and a reach from 0"),
        (Shift(reach=-1), [(4, 8, 8)], "axis=1, reach=-1"),
        (Add(), [(4, 8, 8), (5, 8, 8)], "do not broadcast"),
        (Linear(8), [(4, 8, 8)], "takes a vector (C,), (4, 8, 8) came; flatten it first"),
        (Slice(3, 2), [(4, 8, 8)], "channels 3 to 5 of 4"),
        (GroupNorm(groups=8), [(4, 8, 8)], "groups=8 must divide channels=4"),
        (ReLU(), [(4, 8, 8), (4, 8, 8)], "cannot take 2 inputs"),
    ],
)
def test_a_wrong_shape_is_refused_with_its_address(op: Op, inputs: list[tuple[int, ...]], said: str) -> None:
    g = GraphBuilder((3, *inputs[0][1:]), 1)
    with g.scope("stem"):
        made = []
        for shape in inputs:
            x = g.add(Conv(shape[0], kernel=1), g.image)
            made.append(x if x.shape == shape else g.add(Upsample(1), x))
            made[-1].facts = Conv(shape[0]).facts(((3, *shape[1:]),))  # any node of that shape
    with pytest.raises(ShapeError, match="encoder.stage2: ") as caught, g.scope("encoder"), g.scope("stage2"):
        g.add(op, *made)
    assert said in str(caught.value)


def test_a_width_in_place_of_a_node_is_an_error() -> None:
    g = GraphBuilder((3, 8, 8), 1)
    with pytest.raises(GraphError, match="takes nodes, 64 came"):
        g.add(Conv(8), 64)  # type: ignore[arg-type]
