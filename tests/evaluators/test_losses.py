"""Every loss against MONAI, or against a second way of computing it; then what all of them owe to ignored pixels."""

from collections.abc import Callable, Mapping

import pytest
import torch
from monai.losses import DiceCELoss, DiceLoss, FocalLoss, TverskyLoss
from torch.nn import functional

from evaluators.dice import IGNORE
from evaluators.faults import RecipeError
from evaluators.loss import SegmentationLoss
from evaluators.losses import LOSSES, LossSpec, read_loss
from nas.errors import ShapeError

CLASSES = (2, 3, 5)
SIZE = (40, 37)  # larger than the structure loss's window, and not square
Oracle = Callable[[torch.Tensor, torch.Tensor, int], torch.Tensor]
Monai = Callable[..., Callable[[torch.Tensor, torch.Tensor], torch.Tensor]]


def example(classes: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits (3, K, H, W) and masks (3, H, W), every class in every mask, in patches."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(3, 1 if classes == 2 else classes, *SIZE, generator=generator)
    coarse = torch.rand(3, classes, 6, 6, generator=generator)
    smooth = functional.interpolate(coarse, size=SIZE, mode="bilinear", align_corners=False)
    return logits, smooth.argmax(1).to(torch.uint8)


def one_hot(masks: torch.Tensor, classes: int) -> torch.Tensor:
    return functional.one_hot(masks.long(), classes).permute(0, 3, 1, 2).float()


def monai(loss: Monai, **options: object) -> Oracle:
    """Return MONAI's loss on our logits: sigmoid and the foreground's channel for two classes, else softmax."""

    def oracle(logits: torch.Tensor, masks: torch.Tensor, classes: int) -> torch.Tensor:
        if classes == 2:
            return loss(**options, sigmoid=True)(logits, (masks == 1).unsqueeze(1).float())
        return loss(**{"include_background": False} | options, softmax=True)(logits, one_hot(masks, classes))

    return oracle


def with_background(loss: Monai, **options: object) -> Oracle:
    def oracle(logits: torch.Tensor, masks: torch.Tensor, classes: int) -> torch.Tensor:
        every = torch.cat((torch.zeros_like(logits), logits), 1) if classes == 2 else logits
        return loss(**options, softmax=True)(every, one_hot(masks, classes))

    return oracle


def focal(gamma: float, alpha: float | None) -> Oracle:
    def oracle(logits: torch.Tensor, masks: torch.Tensor, classes: int) -> torch.Tensor:
        if classes == 2:
            return FocalLoss(gamma=gamma, alpha=alpha)(logits, (masks == 1).unsqueeze(1).float())
        return classes * FocalLoss(gamma=gamma, alpha=alpha, use_softmax=True)(logits, one_hot(masks, classes))

    return oracle


def bce(logits: torch.Tensor, masks: torch.Tensor, classes: int) -> torch.Tensor:
    if classes == 2:
        return functional.binary_cross_entropy_with_logits(logits[:, 0], masks.float())
    found, wanted = logits.softmax(1)[:, 1:], one_hot(masks, classes)[:, 1:]
    return functional.binary_cross_entropy(found, wanted)


def ce(logits: torch.Tensor, masks: torch.Tensor, classes: int) -> torch.Tensor:
    every = torch.cat((torch.zeros_like(logits), logits), 1) if classes == 2 else logits
    return functional.cross_entropy(every, masks.long())


def structure(of_paper: bool) -> Oracle:
    """Write the loss out for one image, class and reading at a time, in float64."""

    def oracle(logits: torch.Tensor, masks: torch.Tensor, classes: int) -> torch.Tensor:
        every = torch.cat((torch.zeros_like(logits), logits), 1) if classes == 2 else logits
        shares = every.double().softmax(1)
        losses = []
        for label in range(1, classes):
            found, wanted = shares[:, label], (masks == label).double()
            entropy = -(wanted * found.log() + (1 - wanted) * (1 - found).log())
            around = functional.avg_pool2d(wanted.unsqueeze(1), 31, stride=1, padding=15).squeeze(1)
            weights = 1 + 5 * (around - wanted).abs()
            for w, e, p, g in zip(weights, entropy, found, wanted, strict=True):
                mean = (w * e).sum() / w.sum() if of_paper else entropy.mean()
                common, both = (w * p * g).sum(), (w * (p + g)).sum()
                losses.append(mean + 1 - (common + 1) / (both - common + 1))
        return torch.stack(losses).mean().float()

    return oracle


SMOOTH = {"smooth_nr": 1.0, "smooth_dr": 1.0}
TINY = {"smooth_nr": 1e-6, "smooth_dr": 1e-6}
CASES: dict[str, tuple[LossSpec, Oracle]] = {
    "ce": ({"ce": 1}, ce),
    "bce": ({"bce": 1}, bce),
    "dice": ({"dice": 1}, monai(DiceLoss, **SMOOTH)),
    "dice pooled": ({"dice": {"pooled": True}}, monai(DiceLoss, batch=True, **SMOOTH)),
    "dice smooth": ({"dice": {"smooth": 1e-6}}, monai(DiceLoss, **TINY)),
    "dice background": ({"dice": {"background": True}}, with_background(DiceLoss, **SMOOTH)),
    "tversky": ({"tversky": 1}, monai(TverskyLoss, alpha=0.3, beta=0.7, **SMOOTH)),
    "tversky pooled": (
        {"tversky": {"alpha": 0.8, "beta": 0.1, "pooled": True}},
        monai(TverskyLoss, alpha=0.8, beta=0.1, batch=True, **SMOOTH),
    ),
    "tversky background": (
        {"tversky": {"background": True, "smooth": 0.5}},
        with_background(TverskyLoss, alpha=0.3, beta=0.7, smooth_nr=0.5, smooth_dr=0.5),
    ),
    "focal": ({"focal": 1}, focal(2.0, None)),
    "focal alpha": ({"focal": {"gamma": 1.5, "alpha": 0.25}}, focal(1.5, 0.25)),
    "focal without focus": ({"focal": {"gamma": 0}}, ce),
    "structure": ({"structure": 1}, structure(of_paper=True)),
    "structure of the code": ({"structure": {"weighted_entropy": False}}, structure(of_paper=False)),
    "amsunet": ({"ce": 1, "dice": {"smooth": 1e-6, "background": True}}, with_background(DiceCELoss, **TINY)),
}


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("name", CASES)
def test_equals_the_second_computation(name: str, classes: int) -> None:
    spec, oracle = CASES[name]
    logits, masks = example(classes)
    assert SegmentationLoss(spec, classes=classes)(logits, masks).item() == pytest.approx(
        oracle(logits, masks, classes).item(), abs=1e-6
    )


def test_every_loss_has_a_second_computation() -> None:
    assert set(LOSSES) == {name for spec, _ in CASES.values() for name in spec}


def test_the_programs_structure_loss_does_not_weigh_the_cross_entropy() -> None:
    logits, masks = example(2)
    wanted = (masks == 1).unsqueeze(1).float()
    with pytest.warns(UserWarning, match="reduce"):  # what their program asks torch for
        asked = functional.binary_cross_entropy_with_logits(logits, wanted, reduce="none")  # type: ignore[arg-type]
    assert asked.ndim == 0 and asked.item() == pytest.approx(bce(logits, masks, 2).item())


def test_weights_add_up() -> None:
    logits, masks = example(3)
    dice, focus = (SegmentationLoss({name: 1}, classes=3)(logits, masks).item() for name in ("dice", "focal"))
    both = SegmentationLoss({"dice": 0.25, "focal": {"weight": 3}}, classes=3)(logits, masks).item()
    assert both == pytest.approx(0.25 * dice + 3 * focus, rel=1e-6)


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith("structure")])
def test_a_loss_is_of_the_labelled_pixels_alone(name: str, classes: int) -> None:
    logits, masks = (some[:1] for some in example(classes, seed=1))
    ignored = torch.rand(SIZE, generator=torch.Generator().manual_seed(2)) < 0.4
    left = logits[:, :, ~ignored].unsqueeze(-1), masks[:, ~ignored].unsqueeze(-1)
    loss = SegmentationLoss(CASES[name][0], classes=classes)
    expected = loss(*left).item()
    assert loss(logits, masks.masked_fill(ignored, IGNORE)).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("name", CASES)
def test_ignored_pixels_have_no_gradient_and_all_others_have(name: str, classes: int) -> None:
    logits, masks = example(classes, seed=3)
    masks[torch.rand(masks.shape, generator=torch.Generator().manual_seed(4)) < 0.3] = IGNORE
    logits.requires_grad_()
    SegmentationLoss(CASES[name][0], classes=classes)(logits, masks).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert torch.equal((logits.grad != 0).any(1), masks != IGNORE)


@pytest.mark.parametrize("classes", (2, 3))
@pytest.mark.parametrize("label", [0, 1, IGNORE])
@pytest.mark.parametrize("sure", [-1e4, 0.0, 1e4])
@pytest.mark.parametrize("name", [*CASES, "slight focus"])
def test_value_and_gradient_are_finite_for_uniform_masks_and_sure_logits(
    name: str, sure: float, label: int, classes: int
) -> None:
    spec = {"focal": {"gamma": 0.5}} if name == "slight focus" else CASES[name][0]
    logits = torch.zeros(2, 1 if classes == 2 else 3, 8, 8)
    logits[:, -1] = sure
    logits.requires_grad_()
    masks = torch.full((2, 8, 8), label, dtype=torch.uint8)
    loss = SegmentationLoss(spec, classes=classes)(logits, masks)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.isfinite() and logits.grad is not None and logits.grad.isfinite().all()
    assert loss.item() >= -1e-6
    if label == IGNORE:
        assert loss.item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_is_computed_in_float32_for_bfloat16_logits(name: str) -> None:
    logits, masks = example(3)
    loss = SegmentationLoss(CASES[name][0], classes=3)
    with torch.autocast("cpu", torch.bfloat16):
        half = loss(logits.bfloat16(), masks)
    assert half.dtype == torch.float32
    assert half.item() == loss(logits.bfloat16().float(), masks).item()


@pytest.mark.parametrize(
    ("supervision", "prediction", "weights"),
    [
        ("mean", 0, (1 / 4, 1 / 4, 1 / 4, 1 / 4)),
        ("sum", 0, (1, 1, 1, 1)),
        ("halving", 3, (1 / 15, 2 / 15, 4 / 15, 8 / 15)),
        ("halving", 0, (8 / 15, 4 / 15, 2 / 15, 1 / 15)),
        ("halving", 2, (1 / 9, 2 / 9, 4 / 9, 2 / 9)),
        ((0.4, 0, 1, 2), 3, (0.4, 0, 1, 2)),
    ],
)
def test_outputs_count_as_the_supervision_says(supervision: str, prediction: int, weights: tuple[float, ...]) -> None:
    masks = example(3)[1]
    outputs = [example(3, seed)[0] for seed in range(4)]
    alone = [SegmentationLoss(classes=3)(output, masks).item() for output in outputs]
    several = SegmentationLoss(classes=3, supervision=supervision, prediction=prediction)
    expected = sum(weight * loss for weight, loss in zip(weights, alone, strict=True))
    assert several(outputs, masks).item() == pytest.approx(expected, rel=1e-6)
    assert several(outputs[1], masks).item() == alone[1]


def test_weights_for_other_outputs_are_an_error() -> None:
    logits, masks = example(2)
    with pytest.raises(ShapeError, match="a weight for each of the network's 2 outputs, got 3"):
        SegmentationLoss(supervision=(1, 1, 1))([logits, logits], masks)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "at least one of bce, ce"),
        ({"dcie": 1}, "unknown loss 'dcie'; did you mean 'dice'"),
        ({"zzz": 1}, "known: bce, ce, dice, focal, structure, tversky"),
        ({"dice": 0}, "dice: weight must be a finite number above 0, not 0"),
        ({"dice": float("inf")}, "weight must be a finite number"),
        ({"dice": True}, "weight must be a finite number above 0, not True"),
        ({"dice": {"smoth": 1}}, "unknown setting 'smoth'; did you mean 'smooth'"),
        ({"dice": {"smooth": 0}}, "dice: smooth must be more than 0, not 0"),
        ({"dice": {"pooled": 1}}, "pooled must be true or false, not 1"),
        ({"dice": {"smooth": None}}, "smooth must be a finite number, not None"),
        ({"tversky": {"alpha": -1}}, "alpha must be 0 or more"),
        ({"tversky": {"beta": -1}}, "beta must be 0 or more"),
        ({"focal": {"gamma": -1}}, "gamma must be 0 or more"),
        ({"focal": {"alpha": 2}}, "alpha must be 0 to 1"),
    ],
)
def test_what_cannot_be_is_an_error_that_says_what_can(spec: Mapping[str, float], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        read_loss(spec)
