"""Training with too little memory: steps in parts, undone and taken again, and nothing else changes."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from evaluators.curve import Curve, EpochRecord
from evaluators.data.samples import Samples
from evaluators.faults import OutOfMemory
from evaluators.recipe import Recipe
from evaluators.training import train

CPU = torch.device("cpu")
SHORT = Recipe(epochs=3, batch=6, learning_rate=3e-3, precision="fp32")


def noise(n_images: int, seed: int) -> Samples:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(256, (n_images, 3, 8, 8), generator=generator).to(torch.uint8)
    names = tuple(f"noise{seed}-{index}" for index in range(n_images))
    return Samples(images, images[:, 0] // 128, names, names)


TRAINING, VALIDATION = noise(20, seed=1), noise(7, seed=2)


class Hungry(nn.Module):
    """Runs out of memory for more than `most` images at a time: in training, in scoring, or from a later step on."""

    def __init__(self, most: int, *, scoring: bool = False, from_step: int = 0, kind: str = "cpu", norm: bool = True):
        super().__init__()
        torch.manual_seed(0)
        body = [nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4) if norm else nn.Identity(), nn.ReLU()]
        self.body = nn.Sequential(*body, nn.Dropout2d(0.3 if norm else 0.0), nn.Conv2d(4, 1, 1))
        self.most, self.scoring, self.from_step, self.kind = most, scoring, from_step, kind
        self.sizes: list[int] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.body(images)  # statistics and random numbers are touched before it fails
        self.sizes.append(len(images))
        if len(images) > self.most and self.training != self.scoring and len(self.sizes) > self.from_step:
            if self.kind == "cuda":
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has little.")
            torch.empty(2**46 * len(images), dtype=torch.uint8)
        return logits


def run(module: nn.Module, recipe: Recipe = SHORT, **options: object) -> Curve:
    return train(module, TRAINING, VALIDATION, recipe, CPU, **options)  # type: ignore[arg-type]  # as in `train`


def facts(curve: Curve) -> list[EpochRecord]:
    return [replace(record, seconds=0.0) for record in curve.epochs]


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
@pytest.mark.parametrize(("most", "used"), [(6, 6), (5, 3), (2, 2), (1, 1)])
def test_running_out_of_memory_gives_what_smaller_parts_would_have_given(most: int, used: int, kind: str) -> None:
    short_of_memory, small_from_the_start = Hungry(most, kind=kind), Hungry(99)
    found = run(short_of_memory)
    assert facts(found) == facts(run(small_from_the_start, micro_batch=used))
    assert same_weights(short_of_memory, small_from_the_start)
    assert {record.micro_batch for record in found.epochs} == {used}


def test_one_image_at_a_time_is_the_end_and_says_what_was_asked_for() -> None:
    with pytest.raises(OutOfMemory) as caught:
        run(Hungry(0))
    assert caught.value.asked_bytes == 2**46  # of the last attempt, one image
    with pytest.raises(OutOfMemory) as caught:
        run(Hungry(0, kind="cuda"))
    assert caught.value.asked_bytes == 5 * 2**29
    assert caught.value.__context__ is None


def test_parts_change_the_gradient_by_rounding_only() -> None:
    """Without BatchNorm, and with the same number of labelled pixels in every image, parts sum to the whole."""
    whole, parts = Hungry(99, norm=False), Hungry(99, norm=False)
    losses = [[record.train_loss for record in run(m, micro_batch=n).epochs] for m, n in ((whole, 6), (parts, 4))]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_every_image_of_a_step_counts_and_steps_stay_as_many() -> None:
    module = Hungry(99)
    run(module, replace(SHORT, epochs=1), micro_batch=4)
    assert module.sizes == [4, 2] * 3  # 20 images: three steps of 6; scoring is of the averaged copy


def test_memory_that_goes_short_later_is_coped_with() -> None:
    module = Hungry(3, from_step=4)
    curve = run(module)
    assert [record.micro_batch for record in curve.epochs] == [6, 3, 3]
    assert module.sizes[:9] == [6, 6, 6, 6, 6, 3, 3, 3, 3]
    assert module.body[1].num_batches_tracked == 4 + 5 * 2  # only the failed step was undone


def test_scoring_goes_in_parts_too() -> None:
    whole, parts = Hungry(99), Hungry(2, scoring=True)
    assert run(parts).epochs[0].dice == pytest.approx(run(whole).epochs[0].dice)
    assert run(Hungry(2, scoring=True)).epochs[0].micro_batch == 2


def test_a_checkpoint_keeps_the_size(tmp_path: Path) -> None:
    whole, second = Hungry(2), Hungry(99)
    curve = run(whole)
    stop = iter([False] * 6 + [True] * 99)
    with pytest.raises(Exception, match="stopped"):
        run(Hungry(2), checkpoint=tmp_path / "run.pt", interrupted=lambda: next(stop))
    assert facts(run(second, checkpoint=tmp_path / "run.pt")) == facts(curve)
    assert same_weights(whole, second)


def test_other_faults_are_not_taken_for_it() -> None:
    class Broken(Hungry):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        run(Broken(99))
