"""All forms of published networks and random members agree, at three sizes and batches of 1 and 3."""

from random import Random

import pytest

import nas
from benchmarks.exports import compare
from nas.export.folder import BOUND
from search_spaces import published, spaces

FORMS = ("model.py", "model.pt2", "model.onnx")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["unet_bn32", "unetpp_bn32_ds", "amsunet", "convunext", "unext", "hardnet_mseg"])
def test_a_published_network_agrees_in_all_forms(name: str) -> None:
    row = compare(nas.build(published[name], (3, 64, 64)))
    assert all(row[form] <= BOUND for form in FORMS), row


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_random_member_agrees_in_all_forms(seed: int) -> None:
    row = compare(nas.build(spaces["medseg"].sample(Random(f"export {seed}")), (3, 64, 64), 1 + seed % 3))
    assert all(row[form] <= BOUND for form in FORMS), row
