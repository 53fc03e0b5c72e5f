"""ConvUNeXt, UNet++ and HRNetV2 compute what the published code computes, from weights by published names."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

import nas
from search_spaces import published, published_names
from tests.golden.golden_fill import fill, golden_input

FOLDER = Path(__file__).parents[1] / "golden"
KEYS = ("convunext", "unetpp_bn32_ds", "unetpp_keras_ds", "unet_keras", "hrnetv2_w18")
NAMES: dict[str, list[tuple[str, list[int]]]] = json.loads((FOLDER / "names_pyramids.json").read_text())
"""Names and shapes of published tensors, where no outputs of the published code are at hand."""


def named(module: torch.nn.Module, key: str) -> dict[str, str]:
    """Our names by the published ones. Two of ours that would load one tensor are an error."""
    made: dict[str, str] = {}
    for ours in module.state_dict():
        name = ours
        for pattern, replacement in published_names[key]:
            name = re.sub(pattern, replacement, name)
        assert made.setdefault(name, ours) == ours, f"{ours} and {made[name]} are both {name}"
    return made


def fits(theirs: tuple[int, ...], ours: tuple[int, ...]) -> bool:
    """A linear layer (out, in) is a 1x1 convolution."""
    return theirs == ours or (len(theirs) == 2 and ours == (*theirs, 1, 1))


def loaded(key: str, golden: dict[str, Any]) -> torch.nn.Module:
    classes = golden["outputs"][0]["shape"][1]
    module = nas.to_module(nas.build(published[key], tuple(golden["input"][1:]), classes))
    ours, names, filled = module.state_dict(), named(module, key), {}
    assert set(names) == {row["name"] for row in golden["state_dict"]}
    for row in golden["state_dict"]:
        name, shape = names[row["name"]], tuple(row["shape"])
        assert fits(shape, tuple(ours[name].shape)), row["name"]
        values = fill(row["name"], shape, norm=row["is_norm"], seed=golden["seed"], gain=golden["gain"])
        filled[name] = torch.from_numpy(values).reshape(ours[name].shape)
    module.load_state_dict(filled)
    return module.eval()


@pytest.mark.parametrize("key", KEYS)
def test_outputs_equal_those_of_the_published_code(key: str) -> None:
    golden = json.loads((FOLDER / f"{key}_64x96.json").read_text())
    module = loaded(key, golden)
    batch, channels, height, width = golden["input"]
    with torch.no_grad():
        made = module(torch.from_numpy(golden_input(channels, height, width, batch, golden["seed"])))
    for ours, theirs in zip(made if isinstance(made, list) else [made], golden["outputs"], strict=True):
        assert list(ours.shape) == theirs["shape"]
        ours = torch.sigmoid(ours) if golden["activation"] == "sigmoid" else ours
        difference = ours.flatten()[theirs["positions"]] - torch.tensor(theirs["values"])
        assert difference.abs().max() <= 1e-3 * theirs["std"]


@pytest.mark.parametrize("key", NAMES)
def test_names_and_shapes_are_the_published_ones(key: str) -> None:
    classes = NAMES[key][-1][1][0]
    module = nas.to_module(nas.build(published[key], (3, 64, 64), classes))
    ours = {name: module.state_dict()[mine].shape for name, mine in named(module, key).items()}
    theirs = {name: tuple(shape) for name, shape in NAMES[key]}
    assert {name: tuple(shape) for name, shape in ours.items() if not name.endswith("num_batches_tracked")} == theirs
