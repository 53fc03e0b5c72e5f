"""Published networks start from weights drawn as their code draws them, and keep their keys."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

import nas
from nas.derivation import fixed
from nas.errors import GraphError
from nas.graph import Graph
from nas.ops import ConvTranspose, Linear, Weighted
from search_spaces import published
from search_spaces.encoders.staged import staged
from search_spaces.segmenter import segmenter

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "keys.json").read_text())

Std = Callable[[int, int], float]
"""Standard deviation by fan in and fan out."""


class Start(NamedTuple):
    """How weights start: standard deviation of kernels by kind, and whether biases are zero."""

    conv: Std
    transposed: Std
    linear: Std
    zero_bias: bool


def torch_std(fan_in: int, fan_out: int) -> float:
    return (1 / (3 * fan_in)) ** 0.5


def he_std(fan_in: int, fan_out: int) -> float:
    return (2 / fan_in) ** 0.5


def leaky_std(fan_in: int, fan_out: int) -> float:
    return (2 / (1.0001 * fan_in)) ** 0.5


def glorot_std(fan_in: int, fan_out: int) -> float:
    return (2 / (fan_in + fan_out)) ** 0.5


STARTS = {
    "torch": Start(torch_std, torch_std, torch_std, zero_bias=False),
    "hardnet": Start(glorot_std, torch_std, torch_std, zero_bias=True),
    "fc_hardnet": Start(glorot_std, torch_std, torch_std, zero_bias=False),
    "resnet": Start(lambda fan_in, fan_out: (2 / fan_out) ** 0.5, torch_std, torch_std, zero_bias=False),
    "hrnet": Start(lambda fan_in, fan_out: 0.001, torch_std, torch_std, zero_bias=False),
    "hrnet_pose": Start(lambda fan_in, fan_out: 0.001, torch_std, torch_std, zero_bias=True),
    "unetpp_keras": Start(he_std, glorot_std, torch_std, zero_bias=True),
    "unet3plus": Start(he_std, torch_std, he_std, zero_bias=False),
    "nnunet": Start(leaky_std, leaky_std, torch_std, zero_bias=True),
}

TORCH = ("unet_bilinear32", "unet_bn32", "unet_bn64", "attunet_bn64", "unetpp_bn32", "unetpp_bn32_ds", "amsunet")
TORCH += ("resunet", "convunext")
SCHEMES = {
    **dict.fromkeys((*TORCH, "hardnet_mseg"), "torch"),
    **dict.fromkeys(("hardnet39ds", "hardnet68", "hardnet68ds", "hardnet85"), "hardnet"),
    **dict.fromkeys(("hrnetv2_w18", "hrnetv2_w32", "hrnetv2_w48", "hrnetv2_w48_ocr"), "hrnet"),
    "fc_hardnet70": "fc_hardnet",
    **dict.fromkeys(("hrnetv1_pose_w32", "hrnetv1_pose_w48"), "hrnet_pose"),
    **dict.fromkeys(("hrnet_w18_cls", "hrnet_w32_cls", "hrnet_w48_cls"), "resnet"),
    **dict.fromkeys(("unet_keras", "wunet_keras", "unetpp_keras", "unetpp_keras_ds"), "unetpp_keras"),
    **{f"unetpp_keras_L{level}": "unetpp_keras" for level in (1, 2, 3, 4)},
    **dict.fromkeys(("unet3plus", "unet3plus_ds"), "unet3plus"),
    "unetpp_nnunet": "nnunet",
}
MIXED = {
    "doubleunet": {"keras", "keras_dense"},
    "pranet": {"resnet", "torch"},
    **dict.fromkeys(("unext", "unext_s"), {"torch", "unext_linear", "unext_embedding", "unext_depthwise"}),
}
"""Networks that draw some of their weights otherwise than the rest."""


def schemes_of(graph: Graph) -> set[str]:
    return {node.op.initialisation or graph.initialisation for node in graph if isinstance(node.op, Weighted)}


def test_every_published_network_has_its_scheme_here() -> None:
    assert set(SCHEMES) | set(MIXED) == set(published)


def test_the_keys_of_published_networks_stay() -> None:
    """Stored studies and goldens refer to them. A new network adds its key; a changed one needs a reason."""
    assert {key: nas.build(published[key], (3, 64, 64)).key() for key in published} == GOLDEN


@pytest.mark.parametrize("key", [*SCHEMES, *MIXED])
def test_every_operator_states_the_networks_scheme_before_and_after_deployment(key: str) -> None:
    graph = nas.build(published[key], (3, 64, 64))
    for found in (graph, nas.deploy(graph), Graph.from_json(graph.to_json())):
        assert schemes_of(found) == MIXED.get(key, {SCHEMES.get(key)})


@pytest.mark.parametrize(
    "key",
    [
        "unet_bn32",
        "amsunet",
        "convunext",
        "hardnet39ds",
        "fc_hardnet70",
        "hrnetv2_w18",
        "hrnetv1_pose_w32",
        "hrnet_w18_cls",
        "unet_keras",
        "unetpp_keras_L3",
        "unet3plus",
        "unetpp_nnunet",
    ],
)
def test_weights_have_the_published_spread(key: str) -> None:
    graph, start = nas.build(published[key], (3, 64, 64)), STARTS[SCHEMES[key]]
    torch.manual_seed(0)
    module = nas.to_module(graph)
    for node, name in zip(graph.nodes(), graph.names, strict=True):
        if not isinstance(node.op, Weighted):
            continue
        layer = module.get_submodule(name)
        weight = layer.weight.detach()
        std = start.transposed if isinstance(node.op, ConvTranspose) else start.linear
        std = std if isinstance(node.op, ConvTranspose | Linear) else start.conv
        elements = weight[0, 0].numel()
        expected = std(weight.shape[1] * elements, weight.shape[0] * elements)
        assert abs(weight.std() / expected - 1) < 4 / weight.numel() ** 0.5, name
        if node.op.bias:
            assert bool((layer.bias == 0).all()) == start.zero_bias, name


@pytest.mark.parametrize("key", ["hardnet39ds", "unetpp_keras_L2"])
def test_a_stored_network_starts_from_the_same_weights(key: str) -> None:
    graph = nas.build(published[key], (3, 64, 64))
    states = []
    for found in (graph, Graph.from_json(graph.to_json())):
        torch.manual_seed(4)
        states.append(nas.to_module(found).state_dict())
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())


def test_overriding_changes_nothing_but_the_draw() -> None:
    """Also where maps are shared: names, key and costs are those of the network as torch draws it."""
    for key in ("unetpp_keras_ds", "hrnetv2_w18", "hardnet68ds", "unetpp_nnunet"):
        rule, options = published[key].rule, dict(published[key].options)
        plain = nas.build(nas.Architecture(rule, options | {"initialisation": "torch"}), (3, 64, 64))
        graph = nas.build(published[key], (3, 64, 64))
        assert (graph.key(), graph.names, nas.cost(graph)) == (plain.key(), plain.names, nas.cost(plain))
        assert schemes_of(plain) == {"torch"}


def test_an_unknown_scheme_of_a_rule_is_named() -> None:
    with pytest.raises(GraphError, match="unknown initialisation 'he'; known: torch, hardnet"):
        nas.build(fixed(segmenter(encoder=staged(base=8), initialisation="he")), (3, 32, 32))
