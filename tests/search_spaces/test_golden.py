"""Published networks compute what the published code computes, from weights by published names."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import nas
from nas.derivation import fixed
from nas.grammar import Block, rule
from nas.graph import GraphBuilder, Node
from search_spaces import published, published_names
from search_spaces.encoders.hardnet import hardnet
from search_spaces.weights import Report, load_published
from tests.golden.golden_fill import fill, golden_input

GOLDEN = {
    path.name.removesuffix("_64x96.json"): json.loads(path.read_text())
    for path in sorted((Path(__file__).parents[1] / "golden").glob("*_64x96.json"))
}


def weights(golden: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Every tensor of the published state dict, filled as the golden file says."""
    return {
        row["name"]: torch.from_numpy(
            fill(row["name"], tuple(row["shape"]), norm=row["is_norm"], seed=golden["seed"], gain=golden["gain"])
        )
        for row in golden["state_dict"]
    }


def outputs(module: torch.nn.Module, golden: dict[str, Any]) -> list[torch.Tensor]:
    batch, channels, height, width = golden["input"]
    with torch.no_grad():
        made = module.eval()(torch.from_numpy(golden_input(channels, height, width, batch, golden["seed"])))
    made = made if isinstance(made, list) else [made]
    return [torch.sigmoid(x) for x in made] if golden["activation"] == "sigmoid" else made


def check(made: list[torch.Tensor], golden: dict[str, Any]) -> None:
    for ours, theirs in zip(made, golden["outputs"], strict=True):
        assert list(ours.shape) == theirs["shape"]
        difference = ours.flatten()[theirs["positions"]] - torch.tensor(theirs["values"])
        assert difference.abs().max() <= 1e-3 * theirs["std"]


def check_unused(report: Report, golden: dict[str, Any], prefix: str = "") -> None:
    """The golden file lists parameters; of an unused layer the running statistics are unused too."""
    parameters = [name for name in report.unused if not name.endswith(("running_mean", "running_var"))]
    assert [prefix + name for name in parameters] == golden["unused_parameters"]
    assert all(name.endswith("num_batches_tracked") for name in report.skipped)
    assert len(report.used) + len(report.unused) + len(report.skipped) == len(golden["state_dict"])


@pytest.mark.parametrize("key", [key for key in GOLDEN if key in published_names])
def test_outputs_equal_those_of_the_published_code(key: str) -> None:
    golden = GOLDEN[key]
    classes = golden["outputs"][0]["shape"][1]
    module = nas.to_module(nas.build(published[key], tuple(golden["input"][1:]), classes))
    report = load_published(module, key, weights(golden))
    check_unused(report, golden)
    check(outputs(module, golden), golden)


def test_an_encoder_alone_takes_its_part_of_a_classifier() -> None:
    @rule("network", encoder=hardnet)
    def features(g: GraphBuilder, *, encoder: Block) -> list[Node]:
        return list(encoder(g, g.image).features)

    golden = GOLDEN["hardnet68_taps"]
    module = nas.to_module(nas.build(fixed(features), tuple(golden["input"][1:])))
    report = load_published(module, "hardnet68", {n.removeprefix("h."): t for n, t in weights(golden).items()})
    check_unused(report, golden, prefix="h.")
    check(outputs(module, golden), golden)


def test_every_golden_file_is_used() -> None:
    assert set(GOLDEN) - {"hardnet68_taps"} <= set(published_names)
