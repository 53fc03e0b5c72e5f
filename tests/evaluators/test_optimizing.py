"""The optimizers against their definitions, and gradients before a step."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from evaluators.optimizing import clip_gradients, optimizer_of
from evaluators.recipe import Recipe

PLAIN = Recipe(learning_rate=0.1, weight_decay=0.5, clip_norm=None)


class Two(nn.Module):
    """A kernel and a bias, each one number, with a slope of 2."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.ones(1, 1))
        self.bias = nn.Parameter(torch.ones(1))
        self.frozen = nn.Parameter(torch.ones(1), requires_grad=False)


def stepped(recipe: Recipe, times: int = 1) -> tuple[float, float]:
    module = Two()
    optimizer = optimizer_of(module, recipe)
    for _ in range(times):
        optimizer.zero_grad()
        (2 * module.kernel.sum() + 2 * module.bias.sum()).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert module.frozen.item() == 1
    return module.kernel.item(), module.bias.item()


def test_adamw_shrinks_the_kernel_beside_its_step() -> None:
    assert stepped(replace(PLAIN, optimizer="adamw")) == pytest.approx((1 * (1 - 0.1 * 0.5) - 0.1, 0.9))


def test_adam_adds_the_decay_to_the_slope_so_that_the_first_step_has_its_length() -> None:
    assert stepped(replace(PLAIN, optimizer="adam")) == pytest.approx((0.9, 0.9))
    uphill = replace(PLAIN, optimizer="adam", weight_decay=0.0)
    assert stepped(uphill, 3) == pytest.approx((0.7, 0.7), abs=1e-4)


def test_sgd_has_momentum() -> None:
    sgd = replace(PLAIN, optimizer="sgd", momentum=0.5, weight_decay=0.0)
    assert stepped(sgd, 2) == pytest.approx((1 - 0.2 - 0.3, 1 - 0.2 - 0.3))
    assert stepped(replace(sgd, weight_decay=0.5)) == pytest.approx((1 - 0.1 * 2.5, 0.8))


def test_biases_decay_if_asked() -> None:
    kernel, bias = stepped(replace(PLAIN, optimizer="sgd", decay_biases=True))
    assert kernel == bias == pytest.approx(1 - 0.1 * 2.5)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, (3, -4)), ({"clip_norm": 1.0}, (0.6, -0.8)), ({"clip_value": 3.5}, (3, -3.5))],
)
def test_gradients_are_cut(changes: dict[str, float], expected: tuple[float, float]) -> None:
    module = nn.Linear(2, 1, bias=False)
    module.weight.grad = torch.tensor([[3.0, -4.0]])
    clip_gradients(module, replace(PLAIN, **changes))  # type: ignore[arg-type]
    assert module.weight.grad.flatten().tolist() == pytest.approx(expected, abs=1e-5)
