"""Published networks have the published counts, to the unit."""

import json
from pathlib import Path

import pytest

import nas
from search_spaces import load, published
from search_spaces.catalog import catalog

COUNTS = json.loads((Path(__file__).parents[1] / "golden" / "counts.json").read_text())["entries"]
CASES = [entry for entry in COUNTS if entry["variant"] in published]


@pytest.mark.parametrize("entry", CASES, ids=lambda e: f"{e['variant']}-{e['input'][-1]}-{e['params_in_forward']}")
def test_parameters_macs_and_cio_equal_the_measured_ones(entry: dict[str, object]) -> None:
    _, channels, height, width = entry["input"]  # type: ignore[misc]
    output = entry["output"]["out"] if isinstance(entry["output"], dict) else entry["output"]
    classes = output[1]  # type: ignore[index]
    cost = nas.cost(nas.build(published[entry["variant"]], (channels, height, width), classes))  # type: ignore[index]
    assert cost.params == entry["params_in_forward"]
    assert cost.macs == entry["macs"]
    assert cost.cio_elements == entry["cio_conv"] + entry["cio_linear"]  # type: ignore[operator]


def test_every_published_network_is_counted() -> None:
    assert {entry["variant"] for entry in CASES} == set(published)


@pytest.mark.parametrize("key", published)
def test_stored_and_read_back(key: str) -> None:
    assert load(published[key].to_json()) == published[key]


def test_the_catalogue_finds_each_rule_once() -> None:
    assert {"amse", "double_conv", "hardblock", "segmenter", "staged", "unet_decoder"} <= set(catalog())
    assert all(rule.name == name for name, rule in catalog().items())
