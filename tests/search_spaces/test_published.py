"""Published networks have the published counts, to the unit."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import nas
from search_spaces import load, published
from search_spaces.catalog import catalog

COUNTS = json.loads((Path(__file__).parents[1] / "golden" / "counts.json").read_text())["entries"]
CASES = [entry for entry in COUNTS if entry["variant"] in published]


def shapes_of(output: Any) -> list[tuple[int, ...]]:
    """What the published code returns, without the batch: one tensor, several, or a mapping of one."""
    if isinstance(output, dict):
        (output,) = output.values()
    return [tuple(x[1:]) for x in (output if isinstance(output[0], list) else [output])]


@pytest.mark.parametrize("entry", CASES, ids=lambda e: f"{e['variant']}-{e['input'][-1]}-{e['params_in_forward']}")
def test_parameters_macs_and_cio_equal_the_measured_ones(entry: dict[str, object]) -> None:
    _, channels, height, width = entry["input"]  # type: ignore[misc]
    outputs = shapes_of(entry["output"])
    graph = nas.build(published[entry["variant"]], (channels, height, width), classes=outputs[0][0])  # type: ignore[index]
    cost = nas.cost(graph)
    assert [x.shape for x in graph.outputs] == outputs
    assert cost.params == entry["params_in_forward"]
    assert cost.macs == entry["macs"]
    assert cost.cio_elements == entry["cio_conv"] + entry["cio_linear"]  # type: ignore[operator]


OTHERWISE_HELD = {"unet3plus_ds", "resunet", "fc_hardnet70", "doubleunet"}
"""Networks whose published code nobody counted.

They are held to published names and shapes (`test_published_names.py`) or to second implementations (their own test).
"""


def test_every_published_network_is_counted() -> None:
    assert {entry["variant"] for entry in CASES} == set(published) - OTHERWISE_HELD


ODD = ("convunext", "unet_bn64", "attunet_bn64", "unet_keras", "unetpp_bn32_ds", "unetpp_keras_L3", "unet3plus_ds")
ODD += ("doubleunet", "fc_hardnet70", "unext", "resunet", "unetpp_nnunet")


@pytest.mark.parametrize("key", ODD)
def test_odd_sizes_run_as_the_graph_says(key: str) -> None:
    graph = nas.build(published[key], (3, 75, 101), classes=2)
    with torch.no_grad():
        made = nas.to_module(graph).eval()(torch.zeros(1, 3, 75, 101))
    assert [tuple(x.shape[1:]) for x in (made if isinstance(made, list) else [made])] == [
        x.shape for x in graph.outputs
    ]
    assert all(x.shape == (2, 75, 101) for x in graph.outputs)


@pytest.mark.parametrize("key", published)
def test_stored_and_read_back(key: str) -> None:
    assert load(published[key].to_json()) == published[key]


def test_the_catalogue_finds_each_rule_once() -> None:
    assert {"amse", "double_conv", "hardblock", "segmenter", "staged", "unet_decoder"} <= set(catalog())
    assert all(rule.name == name for name, rule in catalog().items())
