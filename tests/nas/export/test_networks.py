"""All forms of published networks and random members agree, at three sizes and batches of 1 and 3."""

from random import Random

import pytest
import torch

import nas
from benchmarks.exports import compare, weights_of
from nas.export.folder import BOUND
from nas.export.loading import filled
from nas.export.programs import traced
from nas.export.sides import Sides, sides_of
from search_spaces import published, spaces

FORMS = ("model.py", "model.pt2", "model.onnx")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["unet_bn32", "unetpp_bn32_ds", "amsunet", "convunext", "unext", "hardnet_mseg"])
def test_a_published_network_agrees_in_all_forms(name: str) -> None:
    row = compare(nas.build(published[name], (3, 64, 64)))
    assert all(row[form] <= BOUND for form in FORMS), row


@pytest.mark.slow
def test_what_torch_export_refuses_at_free_sizes_is_traced_at_multiples_of_32() -> None:
    graph = nas.build(published["pranet"], (3, 64, 64))
    deployed = nas.deploy(graph)
    module = filled(deployed, weights_of(graph))
    assert sides_of(deployed) == Sides(1, 64)
    program, sides = traced(module, 3, sides_of(deployed))
    assert sides == Sides(32, 64)
    image = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(program.module()(image), module(image))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_random_member_agrees_in_all_forms(seed: int) -> None:
    row = compare(nas.build(spaces["medseg"].sample(Random(f"export {seed}")), (3, 64, 64), 1 + seed % 3))
    assert all(row[form] <= BOUND for form in FORMS), row
