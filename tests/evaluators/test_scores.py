"""Metrics against MONAI where nothing is empty, and the stated conventions where something is."""

import math
from dataclasses import astuple, fields

import numpy as np
import pytest
import torch
from monai.metrics import (
    DiceMetric,
    MeanIoU,
    compute_confusion_matrix_metric,
    compute_hausdorff_distance,
    compute_surface_dice,
    get_confusion_matrix,
)
from numpy.typing import NDArray
from scipy import ndimage
from torch import nn

from evaluators.data.resizing import fit_image
from evaluators.dice import IGNORE, dice_of_classes
from evaluators.faults import Diverged
from evaluators.scores import Score, Summary, score_image, summarise
from evaluators.scoring import class_indexes, dice_score, score_network
from nas.errors import ShapeError

Labels = NDArray[np.uint8]


def patches(shape: tuple[int, ...], classes: int, seed: int) -> Labels:
    """Draw smooth patches of every class, some of them cut off by the image's edge."""
    rng = np.random.default_rng(seed)
    fields_ = np.stack([ndimage.gaussian_filter(rng.standard_normal(shape), 3, mode="wrap") for _ in range(classes)])
    labels = fields_.argmax(0).astype(np.uint8)
    assert len(np.unique(labels)) == classes
    return labels


def like(truth: Labels, classes: int, seed: int) -> Labels:
    """Predict something near the truth: shifted, with patches of another drawing in it."""
    other = patches(truth.shape, classes, seed)
    hole = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(truth.shape), 4, mode="wrap") > 0.08
    return np.where(hole, other, np.roll(truth, 2, axis=0)).astype(np.uint8)


def one_hot(labels: Labels, classes: int) -> torch.Tensor:
    """Return (1, classes, *shape)."""
    return torch.stack([torch.from_numpy(labels == label) for label in range(classes)])[None].float()


EXAMPLES = [
    ((48, 37), 2, None, 2.0),
    ((48, 37), 2, (0.5, 1.25), 1.0),
    ((31, 50), 4, None, 1.0),
    ((40, 40), 3, (0.1, 0.1), 0.3),
    ((20, 24, 22), 3, (2.5, 1.0, 0.7), 2.0),
]


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")  # MONAI of itself
@pytest.mark.parametrize(("shape", "classes", "spacing", "tolerance"), EXAMPLES)
@pytest.mark.parametrize("seed", [0, 1])
def test_equals_monai(
    shape: tuple[int, ...], classes: int, spacing: tuple[float, ...] | None, tolerance: float, seed: int
) -> None:
    truth = patches(shape, classes, seed)
    prediction = like(truth, classes, seed + 100)
    rows = score_image("x", prediction, truth, classes, spacing=spacing, tolerance=tolerance)
    found, wanted = one_hot(prediction, classes), one_hot(truth, classes)
    confusion = get_confusion_matrix(found, wanted, include_background=False)
    expected = [metric(include_background=False)(found, wanted) for metric in (DiceMetric, MeanIoU)]
    expected += [compute_confusion_matrix_metric(name, confusion) for name in ("precision", "recall")]
    steps = [1.0] * len(shape) if spacing is None else spacing
    expected += [compute_hausdorff_distance(found, wanted, percentile=95, spacing=steps)]
    expected += [compute_surface_dice(found, wanted, [tolerance] * (classes - 1), spacing=steps)]
    names = ("dice", "iou", "precision", "recall", "hd95", "nsd")
    for name, theirs in zip(names, expected, strict=True):
        ours = [getattr(row, name) for row in rows]
        assert ours == pytest.approx(theirs.flatten().tolist(), rel=1e-6, abs=1e-6), name
        assert all(value > 0 and (value < 1 or name == "hd95") for value in ours), f"{name} says nothing here"


def disc(shape: tuple[int, int] = (30, 40), centre: tuple[int, int] = (12, 15), radius: int = 6) -> Labels:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return ((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2).astype(np.uint8)


NOTHING = np.zeros((30, 40), np.uint8)
DIAGONAL = 50.0  # of 30 x 40


@pytest.mark.parametrize(
    ("prediction", "truth", "case", "overlap", "hd95", "nsd"),
    [
        (NOTHING, NOTHING, "absent", 1.0, 0.0, 1.0),
        (NOTHING, disc(), "missed", 0.0, DIAGONAL, 0.0),
        (disc(), NOTHING, "false", 0.0, DIAGONAL, 0.0),
        (disc(), disc(), "both", 1.0, 0.0, 1.0),
        (disc(centre=(10, 9), radius=3), disc(centre=(10, 30), radius=3), "both", 0.0, 21.0, 0.0),
    ],
)
def test_what_is_empty_has_the_stated_scores(
    prediction: Labels, truth: Labels, case: str, overlap: float, hd95: float, nsd: float
) -> None:
    (row,) = score_image("x", prediction, truth)
    assert row.case == case
    assert (row.dice, row.iou, row.precision, row.recall) == (overlap,) * 4
    assert row.hd95 == pytest.approx(hd95, abs=2.5 if case == "both" else 1e-9) and row.nsd == nsd
    (doubled,) = score_image("x", prediction, truth, spacing=(2, 2))
    assert doubled.hd95 == pytest.approx(2 * row.hd95)


def test_a_distance_is_in_the_spacings_unit_along_each_axis() -> None:
    dot = disc(radius=0)
    moved = [np.roll(dot, 4, axis) for axis in (0, 1)]
    assert [score_image("x", other, dot, spacing=(3, 1))[0].hd95 for other in moved] == [12, 4]


@pytest.mark.parametrize(("tolerance", "share"), [(0.0, 0), (0.9, 0), (1.0, 1), (1.1, 1)])
def test_a_border_within_the_tolerance_is_right(tolerance: float, share: float) -> None:
    half, more = np.zeros((20, 9), np.uint8), np.zeros((20, 9), np.uint8)
    half[5:15], more[4:16] = 1, 1  # whole rows: the edge columns are borders of both
    rows = [score_image("x", a, b, tolerance=tolerance)[0].nsd for a, b in ((half, more), (more, half))]
    assert rows[0] == rows[1]
    if share == 1:
        assert rows[0] == 1
    else:
        assert 0 < rows[0] < 0.7  # only the edge columns agree


def test_ignored_pixels_count_nowhere() -> None:
    truth, prediction = disc(), disc(centre=(12, 18))
    ignored = np.zeros(truth.shape, bool)
    ignored[:, 20:] = True
    (row,) = score_image("x", prediction, np.where(ignored, IGNORE, truth).astype(np.uint8))
    (cut,) = score_image("x", np.where(ignored, 0, prediction).astype(np.uint8), np.where(ignored, 0, truth))
    assert row == cut


@pytest.mark.parametrize("classes", [2, 4])
def test_dice_of_all_is_what_a_search_optimises(classes: int) -> None:
    truths = [patches((20, 20), classes, seed) for seed in range(4)] + [np.zeros((20, 20), np.uint8)] * 2
    truths[1] = np.where(truths[1] == 1, 0, truths[1]).astype(np.uint8)
    found = [like(truth, classes, seed + 50) if seed < 4 else truth.copy() for seed, truth in enumerate(truths)]
    found[1] = np.where(found[1] == 1, 0, found[1]).astype(np.uint8)
    found[5][3, 3] = 1
    rows = [row for i in range(6) for row in score_image(str(i), found[i], truths[i], classes)]
    overall, *each = summarise(rows)
    stacked = [torch.from_numpy(np.stack(some)) for some in (found, truths)]
    assert overall.dice == pytest.approx(dice_of_classes(stacked[0], stacked[1], classes).mean().item(), abs=1e-12)
    pooled = [
        2
        * np.sum([((f == k) & (t == k)).sum() for f, t in zip(found, truths, strict=True)])
        / np.sum([(f == k).sum() + (t == k).sum() for f, t in zip(found, truths, strict=True)])
        for k in range(1, classes)
    ]
    assert [summary.pooled_dice for summary in each] == pytest.approx(pooled)
    assert overall.pooled_dice == pytest.approx(np.mean(pooled))
    assert (each[0].absent, each[0].false, each[0].images, overall.images) == (2, 1, 6, 6)


def test_classes_that_are_absent_are_left_out_of_their_means() -> None:
    rows = [*score_image("a", disc(), disc(), 3), *score_image("b", NOTHING, disc(), 3)]
    overall, first, second = summarise(rows)
    assert (overall.label, first.label, second.label) == (None, 1, 2)
    assert (first.dice, first.missed, second.dice, second.absent) == (0.5, 1, 1.0, 2)
    assert overall.dice == 0.5 and overall.pooled_dice == first.pooled_dice == pytest.approx(2 / 3)
    assert overall.hd95 == first.hd95 == DIAGONAL / 2
    assert (second.hd95, second.nsd) == (0.0, 1.0)


@pytest.mark.parametrize("prediction", [NOTHING, disc(), disc(radius=0)])
@pytest.mark.parametrize("truth", [NOTHING, disc(), np.full((30, 40), IGNORE, np.uint8), disc(radius=0)])
def test_nothing_is_ever_nan(prediction: Labels, truth: Labels) -> None:
    rows = score_image("x", prediction, truth, 3)
    numbers = [value for row in (*rows, *summarise(rows)) for value in astuple(row) if isinstance(value, float)]
    assert numbers and all(math.isfinite(value) for value in numbers)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((3, 3), int), np.zeros((3, 4), int)), r"one shape, .* got \(3, 3\) and \(3, 4\)"),
        ((np.zeros(3, int), np.zeros(3, int)), r"got \(3,\) and \(3,\)"),
        ((np.full((3, 3), 2), np.zeros((3, 3), int)), r"classes of the prediction must be 0..1, got 2..2"),
        ((np.zeros((3, 3), int), np.full((3, 3), 7)), r"classes of the mask must be 0..1, got 7..7"),
    ],
)
def test_what_cannot_be_scored_is_an_error(arguments: tuple[Labels, Labels], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        score_image("x", *arguments)


def test_odd_spacings_and_repeated_or_missing_rows_are_errors() -> None:
    for spacing in ((1,), (1, 0), (1, float("inf"))):
        with pytest.raises(ShapeError, match="spacing must be 2 numbers above 0"):
            score_image("x", NOTHING, NOTHING, spacing=spacing)
    with pytest.raises(ShapeError, match="'x', class 1 comes 2 times"):
        summarise(score_image("x", NOTHING, NOTHING) * 2)
    with pytest.raises(ShapeError, match="at least one image"):
        summarise(())


def test_rows_and_means_name_the_same_scores() -> None:
    rows, means = ([entry.name for entry in fields(kind)] for kind in (Score, Summary))
    assert rows[-6:] == means[-6:]


class Brightness(nn.Module):
    """Calls bright pixels foreground; at half the size, as networks with a stride do; two outputs."""

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        logits = 10 * nn.functional.avg_pool2d(images, 2).mean(1, keepdim=True)
        return [-logits, logits]


@pytest.mark.parametrize("fit", ["squeeze", "pad"])
def test_a_network_is_scored_at_the_masks_own_sizes(fit: str) -> None:
    truths = [disc((80, 120), (40, 70), 30), disc((150, 90), (60, 40), 25), disc((64, 64), (32, 32), 20)]
    images = [fit_image(np.repeat(truth[..., None] * np.uint8(255), 3, 2), 64, fit) for truth in truths]  # type: ignore[arg-type]
    batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    rows = score_network(Brightness(), batch, ("a", "b", "c"), truths, fit=fit, prediction=1, batch=2)  # type: ignore[arg-type]
    assert [row.image for row in rows] == ["a", "b", "c"]
    assert [row.wanted_pixels for row in rows] == [int(truth.sum()) for truth in truths]
    assert all(row.dice > 0.95 and row.hd95 < 4 for row in rows)
    turned = score_network(Brightness(), batch, ("a", "b", "c"), truths, fit=fit, prediction=0)  # type: ignore[arg-type]
    assert all(row.dice < 0.2 for row in turned)


def test_logits_that_are_not_numbers_and_uneven_lists_are_errors() -> None:
    class Broken(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images[:, :1] * torch.nan

    batch = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    with pytest.raises(Diverged, match="not finite"):
        score_network(Broken(), batch, ("a",), [NOTHING])
    with pytest.raises(ShapeError, match="1 images, 2 names, 1 masks, 2 spacings"):
        score_network(Broken(), batch, ("a", "b"), [NOTHING])


def test_the_pooled_dice_of_a_network_weighs_large_objects_more() -> None:
    masks = torch.from_numpy(np.stack([disc((64, 64), (32, 32), 25), disc((64, 64), (20, 20), 3)]))
    images = (masks.unsqueeze(1).repeat(1, 3, 1, 1) * 255).clone()
    images[1] = 0  # the small one is missed
    score = dice_score(Brightness(), images, masks, prediction=1)
    assert dice_score(Brightness(), images, masks, prediction=1, batch=1) == score
    large, small = int(masks[0].sum()), int(masks[1].sum())
    assert score.mean == pytest.approx(0.5, abs=0.02)
    assert score.pooled == pytest.approx(2 * large / (2 * large + small), abs=0.02)


def test_several_classes_are_pooled_class_by_class() -> None:
    class Known(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return (
                nn.functional.one_hot((images[:, 0] * 0.25 + 0.5).mul(255).round().long(), 3)
                .permute(0, 3, 1, 2)
                .float()
            )

    found = torch.tensor([[[1, 1], [2, 0]], [[0, 0], [0, 0]]], dtype=torch.uint8)
    truth = torch.tensor([[[1, 0], [2, 255]], [[1, 0], [0, 0]]], dtype=torch.uint8)
    score = dice_score(Known(), found.unsqueeze(1), truth, classes=3)
    assert class_indexes(Known()((found.unsqueeze(1) / 255 - 0.5) / 0.25), 3).tolist() == found.tolist()
    assert score.mean == pytest.approx(((2 / 3 + 1) / 2 + 0) / 2)
    assert score.pooled == pytest.approx((2 * 1 / (2 + 2) + 1) / 2)
