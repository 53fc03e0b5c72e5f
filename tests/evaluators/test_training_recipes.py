"""What the settings of a recipe do within the training loop."""

from dataclasses import fields, replace

import pytest
import torch
from torch import nn

from evaluators.augment import normalise
from evaluators.data.samples import Samples
from evaluators.loss import SegmentationLoss
from evaluators.presets import PRESETS, preset_values
from evaluators.recipe import Recipe
from evaluators.training import train

CPU = torch.device("cpu")
STILL = Recipe(
    epochs=1, batch=4, learning_rate=1e-12, flips=False, quarter_turns=False, colour=0.0, precision="fp32", warmup=0.0
)


def noise(n_images: int, side: int, classes: int = 2) -> Samples:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (n_images, 3, side, side), generator=generator).to(torch.uint8)
    masks = (images[:, 0].int() * classes // 256).to(torch.uint8)  # so that there is something to learn
    names = tuple(map(str, range(n_images)))
    return Samples(images, masks, names, names, classes)


class Outputs(nn.Module):
    """Three outputs for two classes; notes the sizes it is trained at."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Conv2d(3, 3, 3, padding=1)
        self.sizes: list[int] = []

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        if self.training:
            self.sizes.append(images.shape[-1])
        return list((3 * self.head(images)).split(1, 1))


@pytest.mark.parametrize("loss", [{"dice": 1.0, "ce": 1.0}, {"structure": 2.0}, {"focal": {"gamma": 1.0}}])
@pytest.mark.parametrize("supervision", ["sum", "halving", (0.1, 0.2, 0.3)])
@pytest.mark.parametrize("prediction", [0, 2])
def test_the_recipes_loss_is_the_one_that_is_trained(loss: dict[str, float], supervision: str, prediction: int) -> None:
    samples, module = noise(4, 16), Outputs()
    outputs = module(normalise(samples.images))
    expected = SegmentationLoss(loss, supervision, 2, prediction)(outputs, samples.masks).item()
    curve = train(
        module, samples, samples, replace(STILL, loss=loss, supervision=supervision), CPU, prediction=prediction
    )
    assert curve.epochs[0].train_loss == pytest.approx(expected, rel=1e-5)


def test_each_batch_is_trained_on_at_each_scale() -> None:
    module = Outputs()
    recipe = replace(STILL, epochs=2, batch=2, scales=(0.5, 1.0, 1.5))
    train(module, noise(4, 64), noise(2, 64), recipe, CPU)
    assert module.sizes == [32, 64, 96] * 2 * 2


def test_the_rate_follows_all_steps_of_all_scales(monkeypatch: pytest.MonkeyPatch) -> None:
    from evaluators import training

    asked: list[tuple[int, int]] = []

    def noted(step: int, steps: int, recipe: Recipe) -> float:
        asked.append((step, steps))
        return 0.0

    monkeypatch.setattr(training, "learning_rate_at", noted)
    train(Outputs(), noise(4, 32), noise(2, 32), replace(STILL, epochs=2, batch=2, scales=(1.0, 2.0)), CPU)
    assert asked == [(step, 8) for step in range(8)]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", PRESETS)
def test_every_papers_recipe_trains(name: str, classes: int) -> None:
    known = {entry.name for entry in fields(Recipe)}
    values = {key: value for key, value in preset_values(name, 6).items() if key in known}
    recipe = Recipe(**values | {"epochs": 6, "batch": 2, "precision": "fp32"})  # type: ignore[arg-type]
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1 if classes == 2 else 3, 1))
    curve = train(module, noise(4, 64, classes), noise(2, 64, classes), recipe, CPU)
    assert curve.epochs[-1].train_loss < curve.epochs[0].train_loss
    assert 0 <= curve.dice <= 1 and 0 <= curve.epochs[-1].pooled_dice <= 1
