"""What surrounds the capture of a CUDA graph, with a stand-in; and, where there is a GPU, the capture itself."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from evaluators.cuda_step import WARM_UP, CudaStep, Run, set_rate
from evaluators.data.generated import scenes
from evaluators.device import pick_device
from evaluators.recipe import Recipe
from evaluators.training import train

CPU = torch.device("cpu")
IMAGES, MASKS = torch.ones(2, 3, 4, 4), torch.zeros(2, 4, 4)


class Log:
    """A step, its bare form and a capture that write down what ran."""

    def __init__(self, fault: str = "") -> None:
        self.ran: list[str] = []
        self.fault = fault
        self.weight = nn.Parameter(torch.ones(2))
        self.optimizer = torch.optim.AdamW([self.weight], lr=0.25)

    def step(self) -> CudaStep:
        return CudaStep(self._eager, self._bare, self.optimizer, CPU, self._capture)

    def _eager(self, images: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        self.ran.append("eager")
        return torch.tensor(1.0)

    def _bare(self, images: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        self.ran.append("bare")
        self.weight.grad = torch.ones(2)
        if self.fault:
            raise RuntimeError(self.fault)
        return torch.tensor(2.0)

    def _capture(self, run: Run, images: torch.Tensor, masks: torch.Tensor) -> Run:
        run(images, masks)

        def replay(images: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
            self.ran.append("replay")
            return torch.tensor(3.0)

        return replay


def test_it_warms_up_captures_once_and_replays_every_later_step() -> None:
    log = Log()
    step = log.step()
    losses = [float(step(IMAGES, MASKS)) for _ in range(WARM_UP + 3)]
    assert log.ran == ["eager"] * WARM_UP + ["bare"] + ["replay"] * 3
    assert losses == [1.0] * WARM_UP + [3.0] * 3
    assert step.captured


def test_what_cannot_be_captured_goes_on_eagerly_and_says_so_once() -> None:
    log = Log(fault="operation not permitted when stream is capturing\nmore")
    step = log.step()
    for _ in range(WARM_UP):
        step(IMAGES, MASKS)
    with pytest.warns(UserWarning, match="no CUDA graph.*not permitted when stream is capturing$"):
        step(IMAGES, MASKS)
    assert log.weight.grad is None  # nothing of the failed capture is left
    step(IMAGES, MASKS)
    assert log.ran == ["eager"] * WARM_UP + ["bare"] + ["eager"] * 2
    assert not step.captured


def test_a_batch_of_another_size_is_not_replayed() -> None:
    log = Log()
    step = log.step()
    for _ in range(WARM_UP + 1):
        step(IMAGES, MASKS)
    step(IMAGES[:1], MASKS[:1])
    assert log.ran[-2:] == ["replay", "eager"]


def test_the_rate_of_a_captured_step_is_changed_in_place() -> None:
    log = Log()
    log.step()
    rate = log.optimizer.param_groups[0]["lr"]
    assert float(rate) == 0.25
    set_rate(log.optimizer, 0.5)
    assert log.optimizer.param_groups[0]["lr"] is rate
    assert float(rate) == 0.5


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_captured_training_is_the_eager_one_up_to_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    def module(dropout: float) -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout2d(dropout), nn.Conv2d(8, 1, 1)
        )

    data, recipe = scenes(40, 32, 0), Recipe(epochs=4, batch=4, precision="fp32")
    device = pick_device("cuda")
    captured = train(module(0.3), data, data, recipe, device)
    other_draws = train(module(0.3), data, data, replace(recipe, seed=1), device)
    monkeypatch.setattr("evaluators.cuda_step.WARM_UP", 10**9)
    eager = train(module(0.3), data, data, recipe, device)
    losses, other, wanted = ([record.train_loss for record in curve.epochs] for curve in (captured, other_draws, eager))
    assert losses == pytest.approx(wanted, rel=1e-3)
    assert losses != pytest.approx(other, rel=1e-3)
