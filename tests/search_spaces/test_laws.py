"""Laws over random members of every space and over the published networks."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
import torch
from fvcore.nn import FlopCountAnalysis
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import nas
from nas.architecture import Architecture
from nas.graph import Graph, Node
from nas.ops import Add, Concat, Conv, Multiply, Op
from nas.sampling import Sampler
from nas.space import SearchSpace
from search_spaces import load, published, spaces
from search_spaces.segmenter import FAMILY
from tests.gradients import expected_gradients, nonzero_gradients
from tests.laws import check_inference, has_twins, measured, members, rebuilt, sizes

each_space = pytest.mark.parametrize(
    "space",
    [
        pytest.param(space, marks=() if name in ("unet", "medseg") else pytest.mark.slow, id=name)
        for name, space in spaces.items()
    ],
)
MULTIPLES = ("hardnet_mseg", "pranet")  # take sides that are multiples of 32
QUICK = ("unet_bilinear32", "unet_bn32", "unetpp_keras_L2", "amsunet", "convunext", "hardnet39ds", "hardnet_mseg")
WIDER = ("hrnetv2_w32", "hrnetv2_w48", "hrnetv1_pose_w48", "hrnet_w32_cls", "hrnet_w48_cls", "unext_s", "unet3plus_ds")
WIDER += ("unetpp_keras_L1", "unetpp_keras_L4", "wunet_keras")  # than another, and no more


def cases(slow: Sequence[str]) -> list[object]:
    return [pytest.param(key, marks=pytest.mark.slow) if key in slow else key for key in published]


each_network = pytest.mark.parametrize("key", cases(slow=WIDER))


def draw_member(data: st.DataObject, space: SearchSpace) -> tuple[Architecture, Graph]:
    architecture = data.draw(members(space))
    return architecture, nas.build(architecture, (3, *data.draw(sizes(space.min_side))))


def check_counts(graph: Graph) -> None:
    """Counted by hooks; torch works out shapes on the meta device as it does elsewhere, and computes nothing."""
    with torch.device("meta"):
        found, cost = measured(nas.to_module(graph), torch.empty(1, *graph.image_shape)), nas.cost(graph)
    assert found.shapes == [x.shape for x in graph.outputs]
    assert (found.params, found.macs, found.cio_elements) == (cost.params, cost.macs, cost.cio_elements)


@each_space
@settings(max_examples=10)
@given(data=st.data())
def test_members_count_what_hooks_see_and_replay_to_the_same_key(space: SearchSpace, data: st.DataObject) -> None:
    architecture, graph = draw_member(data, space)
    check_counts(graph)
    check_counts(nas.deploy(graph))
    again = space.replay(space.decisions(architecture))
    assert nas.build(again, (3, 96, space.min_side)).key() == graph.key()
    assert nas.build(load(architecture.to_json()), graph.image_shape).key() == graph.key()
    assert Graph.from_json(graph.to_json()).key() == graph.key()


@each_network
def test_published_networks_count_what_hooks_see(key: str) -> None:
    check_counts(nas.build(published[key], (3, 64, 96) if key in MULTIPLES else (3, 75, 101)))


@each_space
@settings(max_examples=8)
@given(data=st.data())
def test_traffic_and_peak_memory_of_members_are_those_of_an_inference(space: SearchSpace, data: st.DataObject) -> None:
    _, graph = draw_member(data, space)
    for schedule in ("eager", "fused"):
        check_inference(graph, schedule)
        check_inference(nas.deploy(graph), schedule)


@each_network
def test_traffic_and_peak_memory_of_published_networks_are_those_of_an_inference(key: str) -> None:
    graph = nas.build(published[key], (3, 64, 96))
    for schedule in ("eager", "fused"):
        check_inference(graph, schedule)
        check_inference(nas.deploy(graph), schedule)


def small_members(count: int) -> list[Architecture]:
    """Members of medseg below 1 GMAC, of all families alike."""
    space = spaces["medseg"]

    def macs(architecture: Architecture) -> dict[str, float]:
        return {"macs": nas.cost(nas.build(architecture, (3, 64, 96))).macs}

    sampler, rng = Sampler(space, {"macs": 1e9}, macs, FAMILY), Random(14)
    assert len(sampler.surveys) == 25 and not sampler.refused
    return [sampler.draw(rng) for _ in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 96), (96, 160), (75, 101)])
def test_a_hundred_members_of_medseg_keep_the_laws(size: tuple[int, int]) -> None:
    for architecture in small_members(100):
        graph = nas.build(architecture, (3, *size))
        assert nas.build(architecture, (3, 64, 64)).key() == graph.key() == Graph.from_json(graph.to_json()).key()
        for either in (graph, nas.deploy(graph)):
            check_counts(either)
            check_inference(either, "fused")
            check_inference(either, "eager")


def check_fvcore(graph: Graph) -> None:
    """fvcore on the CPU, restricted to convolutions and linear layers (it would add norms and resizes)."""
    logging.getLogger("fvcore.nn.jit_analysis").setLevel(logging.ERROR)
    counted = FlopCountAnalysis(nas.to_module(graph).eval(), torch.zeros(1, *graph.image_shape)).by_operator()
    assert nas.cost(graph).macs == sum(counted[name] for name in ("conv", "linear", "addmm"))


@pytest.mark.parametrize(
    "key", ["amsunet", "convunext", "hardnet39ds", "hardnet_mseg", "unet_keras", "unetpp_keras_L2"]
)
def test_macs_of_published_networks_equal_fvcores(key: str) -> None:
    check_fvcore(nas.build(published[key], (3, 64, 64)))


@each_space
def test_macs_of_members_equal_fvcores(space: SearchSpace) -> None:
    rng, side = Random(13), space.min_side
    for size in ((side, side), (side, side + 32), (side + 11, side + 37)):
        check_fvcore(nas.build(space.sample(rng), (3, *size)))


@each_space
@settings(max_examples=10)
@given(data=st.data())
def test_keys_of_members_see_every_change_and_no_renaming(space: SearchSpace, data: st.DataObject) -> None:
    _, graph = draw_member(data, space)
    check_key(graph, Random(data.draw(st.integers(0, 99))))


@each_network
def test_keys_of_published_networks_see_every_change_and_no_renaming(key: str) -> None:
    check_key(nas.build(published[key], (3, 64, 64)), Random(5))


def check_key(graph: Graph, rng: Random) -> None:
    assert not has_twins(graph)  # so that the order in which a rule appends never counts

    def turned(node: Node) -> list[Node]:
        return list(node.inputs)[::-1] if isinstance(node.op, Add | Multiply) else list(node.inputs)

    renamed = rebuilt(graph, inputs=turned, order=rng, name=lambda node: f"renamed{node.index}")
    assert renamed.key() == graph.key()
    convolution = rng.choice([node for node in graph if isinstance(node.op, Conv)])
    assert with_other_bias(graph, convolution).key() != graph.key()
    joins = [node for node in graph if isinstance(node.op, Concat) and node.inputs[0] is not node.inputs[1]]
    for join in rng.sample(joins, min(1, len(joins))):
        assert with_other_order(graph, join).key() != graph.key()


def with_other_bias(graph: Graph, at: Node) -> Graph:
    def turned(node: Node) -> Op:
        return replace(node.op, bias=not node.op.bias) if node is at and isinstance(node.op, Conv) else node.op

    return rebuilt(graph, op=turned)


def with_other_order(graph: Graph, at: Node) -> Graph:
    return rebuilt(graph, inputs=lambda node: list(node.inputs)[:: -1 if node is at else 1])


@each_space
@settings(max_examples=5)
@given(data=st.data())
def test_every_parameter_of_a_member_is_trained_but_biases_that_a_norm_subtracts(
    space: SearchSpace, data: st.DataObject
) -> None:
    architecture = data.draw(members(space))
    # Nothing bounds the maps of AMSE's blocks without norm and residual: their gates saturate, and pass nothing on.
    assume(not {("norm_placement", "none"), ("residual", "none")} <= set(architecture.options.items()))
    graph = nas.build(architecture, (3, space.min_side, space.min_side))
    assert nonzero_gradients(graph) == expected_gradients(graph)


@pytest.mark.parametrize("key", cases(slow=sorted(set(published) - set(QUICK))))
def test_every_parameter_of_a_published_network_is_trained_but_biases_that_a_norm_subtracts(key: str) -> None:
    classes = 2 if key.endswith("_ocr") else 1  # of one class, where to look is no question
    graph = nas.build(published[key], (3, 64, 64), classes)
    assert nonzero_gradients(graph) == expected_gradients(graph)
