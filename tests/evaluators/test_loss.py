import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from evaluators.dice import IGNORE
from evaluators.loss import SegmentationLoss
from nas.errors import ShapeError


def example(seed: int, ignored: float = 0.2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(3, 1, 6, 5, generator=generator)
    masks = torch.randint(2, (3, 6, 5), generator=generator).to(torch.uint8)
    masks[torch.rand(3, 6, 5, generator=generator) < ignored] = 255
    return logits, masks


def by_definition(logits: torch.Tensor, masks: torch.Tensor) -> float:
    """Spell the loss out pixel by pixel in float64."""
    entropies, dices = [], []
    for logit_map, mask in zip(logits[:, 0].double().numpy(), masks.numpy(), strict=True):
        common = areas = 0.0
        for logit, label in zip(logit_map.ravel(), mask.ravel(), strict=True):
            if label == 255:
                continue
            probability = 1 / (1 + np.exp(-logit))
            entropies.append(-np.log(probability if label else 1 - probability))
            common += probability * label
            areas += probability + label
        dices.append((2 * common + 1) / (areas + 1))
    return float(np.mean(entropies) + 1 - np.mean(dices))


@given(st.integers(0, 1000))
def test_equals_the_definition(seed: int) -> None:
    logits, masks = example(seed)
    assert SegmentationLoss()(logits, masks).item() == pytest.approx(by_definition(logits, masks), rel=1e-5)


def test_ignored_pixels_have_no_gradient_and_the_others_have() -> None:
    logits, masks = example(0)
    logits.requires_grad_()
    SegmentationLoss()(logits, masks).backward()  # type: ignore[no-untyped-call]  # torch's
    assert logits.grad is not None
    assert torch.equal(logits.grad[:, 0] != 0, masks != 255)


def test_several_outputs_are_averaged_at_the_masks_size() -> None:
    logits, masks = example(1)
    small = logits[:, :, ::2, ::2]
    resized = functional.interpolate(small, size=(6, 5), mode="bilinear", align_corners=False)
    expected = (by_definition(logits, masks) + by_definition(resized, masks)) / 2
    assert SegmentationLoss()([logits, small], masks).item() == pytest.approx(expected, rel=1e-5)


def test_is_computed_in_float32_for_bfloat16_logits() -> None:
    logits, masks = example(2)
    outputs = [logits.bfloat16(), logits[:, :, ::2, ::2].bfloat16()]
    with torch.autocast("cpu", torch.bfloat16):
        loss = SegmentationLoss()(outputs, masks)
    assert loss.dtype == torch.float32
    assert loss.item() == SegmentationLoss()([output.float() for output in outputs], masks).item()


@pytest.mark.parametrize("label", [0, 1, 255])
@pytest.mark.parametrize("value", [-1e4, 0.0, 1e4])
def test_is_finite_for_uniform_masks_and_sure_logits(label: int, value: float) -> None:
    masks = torch.full((2, 4, 4), label, dtype=torch.uint8)
    assert SegmentationLoss()(torch.full((2, 1, 4, 4), value), masks).isfinite()


def test_is_nothing_where_all_is_right_or_ignored() -> None:
    masks = torch.tensor([[[0, 1], [1, 255]]], dtype=torch.uint8)
    assert SegmentationLoss()(200.0 * (masks == 1).unsqueeze(1) - 100, masks).item() == pytest.approx(0, abs=1e-6)
    assert SegmentationLoss()(torch.zeros(1, 1, 2, 2), torch.full((1, 2, 2), 255, dtype=torch.uint8)).item() == 0


def test_more_channels_are_an_error() -> None:
    with pytest.raises(ShapeError, match=r"must be \(1, 1, h, w\), got \(1, 2, 4, 4\)"):
        SegmentationLoss()(torch.zeros(1, 2, 4, 4), torch.zeros(1, 4, 4, dtype=torch.uint8))


THREE = torch.tensor([[[0, 1], [2, 255]], [[0, 0], [1, 1]]], dtype=torch.uint8)


def sure(masks: torch.Tensor) -> torch.Tensor:
    """Logits (N, 3, H, W) that are certain of the masks, and of class 0 where they are ignored."""
    known = torch.where(masks == IGNORE, 0, masks).long()
    return 40 * torch.nn.functional.one_hot(known, 3).permute(0, 3, 1, 2).float()


def test_the_loss_of_several_classes_is_cross_entropy_and_dice_by_hand():
    logits = torch.zeros(2, 3, 2, 2)
    # Every probability is 1/3; labelled pixels: 3 and 4; class 1 has 1 and 2 pixels, class 2 has 1 and 0.
    soft = [(2 * n / 3 + 1) / (m / 3 + n + 1) for n, m in ((1, 3), (2, 4), (1, 3), (0, 4))]
    assert SegmentationLoss(classes=3)(logits, THREE).item() == pytest.approx(math.log(3) + 1 - sum(soft) / 4, rel=1e-5)


def test_certainty_of_several_classes_costs_nothing_and_of_the_wrong_ones_much():
    assert SegmentationLoss(classes=3)(sure(THREE), THREE).item() < 1e-5
    assert SegmentationLoss(classes=3)(sure((THREE + 1) % 3), THREE).item() > 10


def test_ignored_pixels_of_several_classes_change_nothing():
    one, other = sure(THREE), sure(THREE)
    other[0, :, 1, 1] = torch.tensor([-9.0, 3.0, 50.0])
    one.requires_grad_()
    loss = SegmentationLoss(classes=3)(one, THREE)
    loss.backward()
    assert one.grad is not None and not one.grad[0, :, 1, 1].any()
    assert SegmentationLoss(classes=3)(other, THREE) == loss


def test_the_network_must_have_a_channel_for_each_class():
    with pytest.raises(ShapeError, match=re.escape("logits must be (2, 3, h, w), got (2, 1, 2, 2); build the network")):
        SegmentationLoss(classes=3)(torch.zeros(2, 1, 2, 2), THREE)
