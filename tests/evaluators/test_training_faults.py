"""How a training can end badly: each way has its own class and is found in time."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from evaluators.curve import Curve, EpochRecord
from evaluators.data.samples import Samples
from evaluators.faults import Diverged, OutOfMemory, RecipeError, TimedOut
from evaluators.recipe import Recipe
from evaluators.training import train
from nas.errors import ShapeError

CPU = torch.device("cpu")
SHORT = Recipe(epochs=4, batch=4, precision="fp32")


def noise(n_images: int, seed: int) -> Samples:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(256, (n_images, 3, 8, 8), generator=generator).to(torch.uint8)
    names = tuple(f"noise{seed}-{index}" for index in range(n_images))
    return Samples(images, images[:, 0] // 128, names, names)


TRAINING, VALIDATION = noise(10, seed=1), noise(5, seed=2)


def short(module: nn.Module, recipe: Recipe = SHORT, **options: object) -> Curve:
    return train(module, TRAINING, VALIDATION, recipe, CPU, **options)  # type: ignore[arg-type]  # as in `train`


def tiny() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 1, 1))


class Poisoned(nn.Module):
    """Becomes infinite in training step `at`, in one way: a weight, a weight that is not used, or the loss alone."""

    def __init__(self, at: int, way: str) -> None:
        super().__init__()
        self.body, self.left, self.way = tiny(), at, way
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.body(images)
        self.left -= self.training
        if self.left == 0 and self.training:
            if self.way == "loss":
                return torch.full_like(logits, math.inf).where(torch.ones_like(logits) > 0, logits)
            weight = self.unused if self.way == "unused" else self.body.state_dict()["3.bias"]
            weight.detach().fill_(math.inf)
        return logits


@pytest.mark.parametrize("way", ["weight", "unused", "loss"])
def test_an_infinite_value_is_found_within_its_epoch(way: str) -> None:
    told: list[EpochRecord] = []
    with pytest.raises(Diverged, match="epoch 2"):
        short(Poisoned(3, way), on_epoch=told.append)
    assert len(told) == 1


def test_a_huge_learning_rate_diverges_within_an_epoch(tmp_path: Path) -> None:
    recipe = replace(SHORT, learning_rate=1e30, weight_decay=1e5, warmup=0.0, ema_decay=0.0)
    with pytest.raises(Diverged, match="epoch 1"):
        short(tiny(), recipe, checkpoint=tmp_path / "run.pt")
    assert not (tmp_path / "run.pt").exists()  # nothing broken is kept


class InfiniteLogits(nn.Module):
    """Fails only where it is scored."""

    def __init__(self) -> None:
        super().__init__()
        self.body = tiny()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.body(images)
        return logits if self.training else logits * math.inf


def test_infinite_logits_have_no_dice() -> None:
    with pytest.raises(Diverged, match="logits"):
        short(InfiniteLogits())


class Greedy(nn.Module):
    """Asks for more memory than any machine has."""

    def __init__(self) -> None:
        super().__init__()
        self.body = tiny()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.empty(2**46)


def test_too_little_memory_has_its_own_fault() -> None:
    with pytest.raises(OutOfMemory, match="allocate") as caught:
        short(Greedy())
    assert caught.value.__context__ is None  # whose frames would hold the tensors of the failed step


def test_no_images_and_other_classes_are_errors() -> None:
    with pytest.raises(RecipeError, match="at least one training image"):
        train(tiny(), TRAINING.select([]), VALIDATION, SHORT, CPU)
    classes = replace(VALIDATION, masks=2 * VALIDATION.masks)
    with pytest.raises(RecipeError, match="validation masks must be 0..1 or 255, got class 2"):
        train(tiny(), TRAINING, classes, SHORT, CPU)
    with pytest.raises(ShapeError, match="got"):
        short(nn.Conv2d(3, 2, 1))


def test_a_deadline_stops_the_training(tmp_path: Path) -> None:
    with pytest.raises(TimedOut):
        short(tiny(), replace(SHORT, epochs=10**6), checkpoint=tmp_path / "run.pt", deadline_s=0.5)
    assert torch.load(tmp_path / "run.pt", weights_only=True)["records"]
    assert len(short(tiny(), deadline_s=600.0).epochs) == 4
