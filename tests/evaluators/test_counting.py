"""Counting from the running module: hand counts, agreement with `nas.cost`, and no trace left behind."""

import logging
from dataclasses import replace
from random import Random

import pytest
import torch
from torch import Tensor, nn

import nas
from evaluators import counting
from evaluators.counting import Check, count_by_hooks, macs_by_fvcore, macs_by_torch, verify
from search_spaces import published, spaces


@pytest.mark.parametrize(
    ("layer", "shape", "params", "macs", "cio"),
    [
        (nn.Conv2d(4, 6, 3), (4, 9, 7), 222, 6 * 7 * 5 * 4 * 9, 4 * 63 + 6 * 35),
        (nn.Conv2d(4, 6, 3, stride=2, groups=2), (4, 9, 7), 114, 6 * 4 * 3 * 2 * 9, 4 * 63 + 6 * 12),
        (nn.Conv2d(4, 4, (1, 5), padding=(0, 2), groups=4, bias=False), (4, 9, 7), 20, 4 * 63 * 5, 2 * 4 * 63),
        (nn.Conv2d(4, 4, 3, padding=2, dilation=2), (4, 9, 7), 148, 4 * 63 * 4 * 9, 2 * 4 * 63),
        (nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), (4, 9, 7), 148, 4 * 63 * 4 * 9, 2 * 4 * 63),
        (nn.ConvTranspose2d(4, 6, 3), (4, 9, 7), 222, 4 * 63 * 6 * 9, 4 * 63 + 6 * 11 * 9),
        (nn.ConvTranspose2d(4, 6, 3, 2, 1, groups=2), (4, 9, 7), 114, 4 * 63 * 3 * 9, 4 * 63 + 6 * 17 * 13),
        (nn.Linear(7, 5), (4, 9, 7), 40, 36 * 35, 36 * 12),
        (nn.Linear(7, 5, bias=False), (7,), 35, 35, 12),
    ],
    ids=str,
)
def test_one_layer_counts_what_a_hand_counts(
    layer: nn.Module, shape: tuple[int, ...], params: int, macs: int, cio: int
) -> None:
    assert count_by_hooks(layer, shape) == (params, macs, cio)
    module = nn.Sequential(layer)
    assert macs_by_fvcore(module, shape) == macs_by_torch(module, shape) == macs


class Unusual(nn.Module):
    """A layer called twice, one never called, and a parameter that no layer owns."""

    def __init__(self) -> None:
        super().__init__()
        self.twice = nn.Conv2d(3, 3, 1)
        self.never = nn.Conv2d(3, 99, 3)
        self.scale = nn.Parameter(torch.ones(3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * self.twice(self.twice(x))


def test_parameters_count_once_where_used_and_layers_as_often_as_called() -> None:
    module = Unusual()
    assert count_by_hooks(module, (3, 4, 5)) == (12 + 3, 2 * 20 * 9, 2 * 2 * 60)
    assert macs_by_fvcore(module, (3, 4, 5)) == macs_by_torch(module, (3, 4, 5)) == 2 * 20 * 9


def test_the_module_and_the_logger_are_left_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4).eval(), nn.Conv2d(4, 1, 1)).train()
    module[1].eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    logger = logging.getLogger("fvcore.nn.jit_analysis")
    monkeypatch.setattr(logger, "level", logging.INFO)
    for count in (count_by_hooks, macs_by_fvcore, macs_by_torch):
        count(module, (3, 8, 8))
    assert [part.training for part in module] == [True, False, True]
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())
    assert not any(part._forward_hooks for part in module.modules())
    assert logger.level == logging.INFO


def test_a_failing_forward_pass_leaves_no_hooks() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(5, 4, 3)).train()
    with pytest.raises(RuntimeError):
        count_by_hooks(module, (3, 8, 8))
    assert module.training
    assert not any(part._forward_hooks for part in module.modules())


@pytest.mark.parametrize(
    "key", ["amsunet", "convunext", "hardnet39ds", "hrnetv2_w18", "unetpp_nnunet", "unetpp_keras_ds"]
)
@pytest.mark.parametrize("deployed", [True, False], ids=["deployed", "built"])
def test_our_counts_of_published_networks_are_confirmed(key: str, deployed: bool) -> None:
    graph = nas.build(published[key], (3, 64, 96), classes=2)
    checks = verify(nas.deploy(graph) if deployed else graph)
    assert [check.quantity for check in checks] == ["params", "macs", "cio_elements"]
    assert all(check.agrees for check in checks), checks


def test_our_counts_of_random_members_are_confirmed() -> None:
    rng = Random(3)
    for i in range(4):
        graph = nas.build(spaces["unet"].sample(rng), (3, 64 + i, 97))
        assert all(check.agrees for check in verify(nas.deploy(graph) if i % 2 else graph))


@pytest.mark.parametrize("quantity", ["params", "macs", "cio_elements"])
def test_one_too_many_is_seen(quantity: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = nas.build(published["unetpp_keras_L1"], (3, 32, 32))
    cost = nas.cost(graph)
    wrong = replace(cost, **{quantity: getattr(cost, quantity) + 1})
    monkeypatch.setattr(counting.nas, "cost", lambda graph: wrong)
    assert {check.quantity: check.agrees for check in verify(graph)} == {
        name: name != quantity for name in ("params", "macs", "cio_elements")
    }


def test_one_counter_that_differs_is_enough() -> None:
    assert Check("macs", 5, {"hooks": 5, "fvcore": 5}).agrees
    assert not Check("macs", 5, {"hooks": 5, "fvcore": 6}).agrees


def test_verifying_draws_no_random_numbers() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    verify(nas.build(published["unetpp_keras_L1"], (3, 32, 32)))
    assert torch.equal(torch.rand(1), expected)
