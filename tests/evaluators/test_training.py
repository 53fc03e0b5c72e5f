from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import torch
from torch import nn

from evaluators import training
from evaluators.augment import normalise
from evaluators.curve import Curve, EpochRecord
from evaluators.data.samples import Samples
from evaluators.device import pick_device
from evaluators.faults import CheckpointError, Interrupted
from evaluators.recipe import Recipe
from evaluators.scoring import dice_score
from evaluators.training import train

CPU = torch.device("cpu")
SHORT = Recipe(epochs=4, batch=4, learning_rate=3e-3, precision="fp32")


def discs(n_images: int, side: int, seed: int) -> Samples:
    """Return bright discs on noise, each image with one disc."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    centre = side * (0.3 + 0.4 * torch.rand(2, n_images, 1, 1, generator=generator))
    radius = side * (0.1 + 0.15 * torch.rand(n_images, 1, 1, generator=generator))
    masks = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2
    noise = 90 * torch.rand(n_images, 3, side, side, generator=generator)
    images = noise + 100 * masks.unsqueeze(1)
    names = tuple(f"disc{seed}-{index}" for index in range(n_images))
    return Samples(images.to(torch.uint8), masks.to(torch.uint8), names, names)


def tiny(seed: int = 0, *, dropout: float = 0.0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Dropout2d(dropout),
        nn.Conv2d(8, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 1, 1),
    )


TRAINING, VALIDATION = discs(10, 16, seed=1), discs(5, 16, seed=2)


def short(module: nn.Module, recipe: Recipe = SHORT, **options: object) -> Curve:
    return train(module, TRAINING, VALIDATION, recipe, CPU, **options)  # type: ignore[arg-type]  # as in `train`


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def facts(curve: Curve) -> list[EpochRecord]:
    return [replace(record, seconds=0.0) for record in curve.epochs]


class StopAfter:
    """Asks to stop once so many epochs have ended."""

    def __init__(self, epochs: int) -> None:
        self.left = epochs

    def on_epoch(self, record: EpochRecord) -> None:
        self.left -= 1

    def interrupted(self) -> bool:
        return self.left <= 0


def stopped(path: Path, epochs: int, recipe: Recipe = SHORT, module: nn.Module | None = None) -> None:
    stop = StopAfter(epochs)
    with pytest.raises(Interrupted):
        short(module or tiny(), recipe, checkpoint=path, on_epoch=stop.on_epoch, interrupted=stop.interrupted)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_learns_an_easy_task_in_seconds(precision: str) -> None:
    module = tiny()
    recipe = Recipe(epochs=6, learning_rate=1e-2, precision=precision)
    curve = train(module, discs(64, 48, seed=3), discs(16, 48, seed=4), recipe, CPU)
    assert curve.dice > 0.9
    assert [record.epoch for record in curve.epochs] == [1, 2, 3, 4, 5, 6]
    assert curve.epochs[-1].train_loss < curve.epochs[0].train_loss / 2


def test_the_module_holds_the_weights_that_were_scored() -> None:
    module = tiny()
    curve = short(module)
    assert not module.training
    scored = dice_score(module, VALIDATION.images, VALIDATION.masks, batch=4)
    assert (scored.mean, scored.pooled) == (curve.dice, curve.epochs[-1].pooled_dice)


def test_the_result_is_of_averaged_weights() -> None:
    last, averaged = tiny(), tiny()
    short(last, replace(SHORT, ema_decay=0.0))  # an average over one step: the weights as they are
    short(averaged, replace(SHORT, ema_decay=0.9))
    assert not same_weights(last, averaged)


def test_the_result_is_the_last_epoch_not_the_best() -> None:
    curve = Curve(tuple(EpochRecord(epoch, 1.0, dice, 0.0, 0.5) for epoch, dice in enumerate((0.2, 0.8, 0.5), 1)))
    assert curve.dice == 0.5
    assert curve.best_dice == 0.8


def test_equal_calls_give_equal_bits_and_another_seed_does_not() -> None:
    one, again, other = tiny(dropout=0.3), tiny(dropout=0.3), tiny(dropout=0.3)
    state = torch.random.get_rng_state()
    curve = short(one)
    assert torch.equal(torch.random.get_rng_state(), state)  # the caller's random numbers are left alone
    torch.manual_seed(99)
    assert facts(short(again)) == facts(curve)
    assert same_weights(one, again)
    short(other, replace(SHORT, seed=1))
    assert not same_weights(one, other)


def test_two_epochs_a_stop_and_two_more_equal_four(tmp_path: Path) -> None:
    whole, second = tiny(dropout=0.3), tiny(seed=5, dropout=0.3)
    curve = short(whole)
    stopped(tmp_path / "run.pt", 2, module=tiny(dropout=0.3))
    told: list[EpochRecord] = []
    continued = short(second, checkpoint=tmp_path / "run.pt", on_epoch=told.append)
    assert facts(continued) == facts(curve)
    assert same_weights(whole, second)
    assert [record.epoch for record in told] == [3, 4]


def test_a_finished_checkpoint_is_the_result(tmp_path: Path) -> None:
    first, second = tiny(), tiny(seed=5)
    curve = short(first, checkpoint=tmp_path / "run.pt")
    assert short(second, checkpoint=tmp_path / "run.pt") == curve
    assert same_weights(first, second)


def test_an_interrupt_within_an_epoch_keeps_the_last_finished_one(tmp_path: Path) -> None:
    path, steps = tmp_path / "run.pt", count()
    with pytest.raises(Interrupted):
        short(tiny(), checkpoint=path, interrupted=lambda: next(steps) == 5)  # 2 steps an epoch: epoch 3, step 2
    assert len(torch.load(path, weights_only=True)["records"]) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]
    whole = tiny()
    assert facts(short(tiny(seed=5), checkpoint=path)) == facts(short(whole))


def test_an_interrupt_is_looked_for_before_every_step() -> None:
    asked = count()
    short(tiny(), interrupted=lambda: next(asked) < 0)
    assert next(asked) == 4 * (10 // 4)


@pytest.mark.parametrize("change", [{"epochs": 5}, {"learning_rate": 1e-4}, {"seed": 1}])
def test_a_checkpoint_of_another_recipe_is_an_error(tmp_path: Path, change: dict[str, float]) -> None:
    stopped(tmp_path / "run.pt", 2)
    with pytest.raises(CheckpointError, match="written by another run"):
        short(tiny(), replace(SHORT, **change), checkpoint=tmp_path / "run.pt")  # type: ignore[arg-type]  # see above


def test_a_checkpoint_of_other_data_or_another_network_is_an_error(tmp_path: Path) -> None:
    stopped(tmp_path / "run.pt", 2)
    with pytest.raises(CheckpointError, match="written by another run"):
        train(tiny(), discs(10, 16, seed=8), VALIDATION, SHORT, CPU, checkpoint=tmp_path / "run.pt")
    with pytest.raises(CheckpointError, match="of another network"):
        short(nn.Conv2d(3, 1, 1), checkpoint=tmp_path / "run.pt")


class Watched(nn.Module):
    """Keeps the batches it is trained on."""

    def __init__(self) -> None:
        super().__init__()
        self.body = tiny()
        self.batches: list[torch.Tensor] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.batches.append(images.detach().clone(memory_format=torch.contiguous_format))
        logits: torch.Tensor = self.body(images)
        return logits


def shown(recipe: Recipe) -> list[list[bytes]]:
    """Return the pixels of the images that each epoch was trained on, in order."""
    module = Watched()
    short(module, recipe)
    images = [image.numpy().tobytes() for batch in module.batches for image in batch]
    return [images[start : start + 8] for start in range(0, len(images), 8)]


def test_every_epoch_has_its_own_order_and_no_image_twice() -> None:
    plain = {image.numpy().tobytes() for image in normalise(TRAINING.images)}
    epochs = shown(replace(SHORT, flips=False, quarter_turns=False, colour=0.0))
    assert all(len(set(epoch)) == 8 and set(epoch) <= plain for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4


@pytest.mark.parametrize("switch", [{"flips": True}, {"quarter_turns": True}, {"colour": 0.2}])
def test_every_switch_changes_images_anew_in_every_epoch(switch: dict[str, float]) -> None:
    plain = {image.numpy().tobytes() for image in normalise(TRAINING.images)}
    off = replace(SHORT, epochs=8, flips=False, quarter_turns=False, colour=0.0)
    seen = {image for epoch in shown(replace(off, **switch)) for image in epoch}  # type: ignore[arg-type]  # see above
    assert len(seen - plain) > 10


def test_the_rate_of_each_step_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def nothing(step: int, steps: int, recipe: Recipe) -> float:
        asked.append((step, steps))
        return 0.0

    monkeypatch.setattr(training, "learning_rate_at", nothing)
    module = tiny()
    short(module)
    assert asked == [(step, 8) for step in range(8)]
    assert all(torch.equal(one, other) for one, other in zip(module.parameters(), tiny().parameters(), strict=True))


def test_gradients_are_clipped() -> None:
    free, clipped = tiny(), tiny()
    short(free, replace(SHORT, clip_norm=1e6))
    short(clipped, replace(SHORT, clip_norm=0.1))
    assert not same_weights(free, clipped)


class Twofold(nn.Module):
    """Two outputs: the first useless, the second good, at half size."""

    def __init__(self) -> None:
        super().__init__()
        self.body = tiny()

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        logits = self.body(images)
        return [torch.zeros_like(logits[:, :, ::2, ::2]) - 1, logits]


def test_the_output_that_counts_is_scored() -> None:
    recipe = replace(SHORT, epochs=12, learning_rate=1e-2)
    assert short(Twofold(), recipe, prediction=0).dice == 0
    assert short(Twofold(), recipe, prediction=1).dice > 0.5


def test_fewer_images_than_a_batch_are_one_step() -> None:
    assert len(train(tiny(), TRAINING.select([0, 1, 2]), VALIDATION, replace(SHORT, batch=8), CPU).epochs) == 4


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_learns_on_cuda_and_does_not_wait_for_the_device_within_an_epoch() -> None:
    """One synchronisation in an epoch's steps would raise; the reads at its end are outside `interrupted`'s window."""
    device, module = pick_device("cuda"), tiny()
    steps = count()

    def strict() -> bool:
        torch.cuda.set_sync_debug_mode("error" if next(steps) % 8 < 7 else "default")
        return False

    try:
        recipe = Recipe(epochs=6, learning_rate=1e-2)
        curve = train(module, discs(64, 48, seed=3), discs(16, 48, seed=4), recipe, device, interrupted=strict)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert curve.dice > 0.9


def rings(n_images: int, seed: int) -> Samples:
    """Return discs whose lower halves are a class of their own and darker; corners are ignored."""
    drawn = discs(n_images, 16, seed)
    masks, images = drawn.masks.clone(), drawn.images.clone()
    lower = torch.arange(16)[None, :, None] >= (masks * torch.arange(16)[None, :, None]).amax((1, 2), keepdim=True) - 3
    masks[(masks == 1) & lower] = 2
    images[(masks == 2)[:, None].expand_as(images)] //= 2
    masks[:, :3, :3] = 255
    return replace(drawn, images=images, masks=masks, classes=3)


def test_several_classes_are_learned_with_softmax() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 16, 5, padding=2), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 3, 3, padding=1)
    )
    recipe = replace(SHORT, epochs=30, quarter_turns=False, flips=False, learning_rate=1e-2)
    curve = train(module, rings(16, 1), rings(6, 2), recipe, CPU)
    assert curve.epochs[-1].train_loss < 0.6 * curve.epochs[0].train_loss
    assert curve.dice > 0.6  # always class 1 or always class 2 gets less than 0.2


def test_one_channel_and_float_images_train_as_their_eight_bit_twins() -> None:
    def grey(samples: Samples, scale: float) -> Samples:
        images = samples.images[:, :1]
        return replace(samples, images=images if scale == 1 else images.float() / scale)

    def module() -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 1))

    whole = train(module(), grey(TRAINING, 1), grey(VALIDATION, 1), SHORT, CPU)
    scaled = train(module(), grey(TRAINING, 255), grey(VALIDATION, 255), SHORT, CPU)
    assert [record.train_loss for record in scaled.epochs] == pytest.approx(
        [record.train_loss for record in whole.epochs], rel=1e-4
    )
