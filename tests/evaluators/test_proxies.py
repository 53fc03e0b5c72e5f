"""The proxies against what their papers' formulas give by hand, and that measuring changes nothing."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

import nas
from evaluators.augment import normalise
from evaluators.data.generated import scenes
from evaluators.loss import SegmentationLoss
from evaluators.proxies import PROXIES, measure
from evaluators.proxies.grad_norm import grad_norm
from evaluators.proxies.jacob_cov import jacob_cov
from evaluators.proxies.naswot import naswot
from evaluators.proxies.synflow import synflow
from search_spaces import published

CPU = torch.device("cpu")
SAMPLES = scenes(6, 64, 0)
IMAGES, MASKS = normalise(SAMPLES.images[:4]), SAMPLES.masks[:4]


def linear_net(*, norm: bool = False) -> nn.Sequential:
    """Two 1x1 convolutions: weights 2, -3 and 5, whose signs and norms synflow does not see."""
    first, second = nn.Conv2d(1, 2, 1, bias=False), nn.Conv2d(2, 1, 1, bias=False)
    first.weight.data[:, 0, 0, 0] = torch.tensor([2.0, -3.0])
    second.weight.data[0, :, 0, 0] = torch.tensor([5.0, -1.0])
    return nn.Sequential(first, *([nn.BatchNorm2d(2)] if norm else []), second)


@pytest.mark.parametrize("norm", [False, True])
def test_synflow_is_the_flow_of_magnitudes(norm: bool) -> None:
    """On one pixel R = 2*5 + 3*1 = 13; each of two layers contributes |w dR/dw| = R, and BatchNorm's weights theirs."""
    module = linear_net(norm=norm)
    if norm:
        module[1].running_mean.fill_(7.0)  # type: ignore[union-attr,operator]  # a BatchNorm2d
    score = synflow(module, torch.randn(3, 1, 1, 1), MASKS, 2)
    assert score == pytest.approx(math.log(13 * (3 if norm else 2)), abs=1e-4)


def test_grad_norm_adds_the_norms_of_layers_not_of_biases() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 1, 1))
    score = grad_norm(module, IMAGES, MASKS, 2)
    SegmentationLoss()(module(IMAGES), MASKS).backward()  # type: ignore[no-untyped-call]  # torch's
    wanted = [layer.weight.grad.norm() for layer in (module[0], module[3])]  # type: ignore[union-attr]  # Conv2d
    assert score == pytest.approx(float(sum(wanted)), rel=1e-5)


class Rectified(nn.Module):
    """Rectifies the image itself, in the way given."""

    def __init__(self, function: object) -> None:
        super().__init__()
        self.function = function

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.function(images)  # type: ignore[operator]  # any activation
        return found


@pytest.mark.parametrize("rectifier", [functional.relu, functional.gelu, nn.ReLU()])
def test_naswot_counts_the_activations_in_which_images_agree(rectifier: object) -> None:
    images = torch.tensor([[1.0, 1.0, -1.0, -1.0], [1.0, -1.0, -1.0, -1.0], [-1.0, -1.0, 1.0, 1.0]]).view(3, 1, 2, 2)
    kernel = torch.tensor([[4.0, 3.0, 0.0], [3.0, 4.0, 1.0], [0.0, 1.0, 4.0]])
    score = naswot(Rectified(rectifier), images, MASKS, 2)
    assert score == pytest.approx(math.log(float(torch.det(kernel))), rel=1e-5)


def test_naswot_of_a_network_without_rectifiers_is_not_defined() -> None:
    assert math.isnan(naswot(linear_net(), torch.ones(2, 1, 4, 4), MASKS, 2))


def test_jacob_cov_is_highest_where_responses_are_unlike() -> None:
    """The square's gradient is the image: uncorrelated images have eigenvalues 1, 1; equal ones 2, 0."""

    class Square(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.square() / 2

    one = torch.tensor([1.0, -1.0, 1.0, -1.0]).view(1, 1, 2, 2)
    other = torch.tensor([1.0, 1.0, -1.0, -1.0]).view(1, 1, 2, 2)
    apart, alike = torch.cat((one, other)), torch.cat((one, 2 * one))
    assert jacob_cov(Square(), apart, MASKS, 2) == pytest.approx(-2 * (math.log(1 + 1e-5) + 1 / (1 + 1e-5)))
    assert jacob_cov(Square(), alike, MASKS, 2) < -90_000  # 1 / k
    assert math.isnan(jacob_cov(Rectified(lambda images: 0 * images), apart, MASKS, 2))


@pytest.mark.parametrize("name", ["unet_bn32", "amsunet", "hardnet_mseg"])
def test_real_networks_have_all_and_stay_as_they_are(name: str) -> None:
    module = nas.to_module(nas.build(published[name], (3, 64, 64), 1))
    before = {key: value.clone() for key, value in module.state_dict().items()}
    state = torch.random.get_rng_state()
    found = measure(tuple(PROXIES), module, SAMPLES, 4, CPU)
    assert list(found) == ["synflow", "naswot", "grad_norm", "jacob_cov"]
    undefined = {"synflow"} if name == "amsunet" else set()  # its products of maps square the flow until it overflows
    assert {key for key, value in found.items() if value is None} == undefined
    assert measure(tuple(PROXIES), module, SAMPLES, 4, CPU) == found
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    assert module.training


def test_what_is_not_finite_or_does_not_fit_is_none() -> None:
    class Greedy(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.empty(2**46)

    assert measure(("naswot", "synflow"), Greedy(), SAMPLES, 2, CPU) == {"naswot": None, "synflow": None}
