"""Names and shapes are the published ones, where no outputs of the published code are at hand."""

import json
import re
from pathlib import Path

import pytest
import torch

import nas
from search_spaces import published, published_names

FOLDER = Path(__file__).parents[1] / "golden"
NAMES: dict[str, list[tuple[str, list[int]]]] = json.loads((FOLDER / "names_pyramids.json").read_text())
"""Published names with shapes, in order; the last tensor belongs to the head."""


def named(module: torch.nn.Module, key: str) -> dict[str, str]:
    """Our names by the published ones. Two of ours that would load one tensor are an error."""
    made: dict[str, str] = {}
    for ours in module.state_dict():
        name = ours
        for pattern, replacement in published_names[key]:
            name = re.sub(pattern, replacement, name)
        assert made.setdefault(name, ours) == ours, f"{ours} and {made[name]} are both {name}"
    return made


@pytest.mark.parametrize("key", NAMES)
def test_names_and_shapes_are_the_published_ones(key: str) -> None:
    classes = NAMES[key][-1][1][0]
    module = nas.to_module(nas.build(published[key], (3, 64, 64), classes))
    ours = {name: module.state_dict()[mine].shape for name, mine in named(module, key).items()}
    theirs = {name: tuple(shape) for name, shape in NAMES[key]}
    assert {name: tuple(shape) for name, shape in ours.items() if not name.endswith("num_batches_tracked")} == theirs
