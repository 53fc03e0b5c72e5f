"""The scores of predictions, image by image and class by class, and their means: what a final report is made of.

Score masks at their original size: a prediction is resized, a mask never. Pixels that are 255 in a mask count nowhere;
in surfaces they are background of both, as what lies beyond the image is. Nothing is ever nan.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evaluators import overlap, surface
from evaluators.dice import IGNORE
from evaluators.overlap import Areas
from nas.errors import ShapeError

__all__ = ["Score", "Summary", "score_image", "summarise"]

Case = Literal["both", "missed", "false", "absent"]


@dataclass(frozen=True)
class Score:
    """One class in one image.

    Attributes:
        image: Its name.
        label: The class's index, 1 or more.
        case: both (true and predicted), missed (true only), false (predicted only), absent (neither).
        found_pixels: Pixels predicted.
        wanted_pixels: Pixels that are of the class.
        common_pixels: Both.
        dice: As iou, precision and recall 0..1, higher is better; absent: 1, missed and false: 0.
        iou: See `evaluators.overlap`.
        precision: Likewise.
        recall: Likewise.
        hd95: In the spacing's unit, lower is better; absent: 0, missed and false: the image's diagonal.
        nsd: 0..1, higher is better; absent: 1, missed and false: 0.
    """

    image: str
    label: int
    case: Case
    found_pixels: int
    wanted_pixels: int
    common_pixels: int
    dice: float
    iou: float
    precision: float
    recall: float
    hd95: float
    nsd: float


@dataclass(frozen=True)
class Summary:
    """Means over images of one class, or of all.

    Of one class, images in which it is absent are left out, unless it is absent in all. Of all classes, the mean over
    images of the mean over those of an image's classes that are not absent, unless all are: for `dice` that is what a
    search optimises, at another size.

    Attributes:
        label: The class, or None: all of them.
        images: How many were scored, absent ones included.
        missed: Rows of that case, as `false` and `absent`.
        false: See `Score.case`.
        absent: Likewise.
        pooled_dice: Of all pixels together; of all classes the mean over those that are anywhere.
        dice: As the rest a mean.
        iou: Likewise.
        precision: Likewise.
        recall: Likewise.
        hd95: Likewise.
        nsd: Likewise.
    """

    label: int | None
    images: int
    missed: int
    false: int
    absent: int
    pooled_dice: float
    dice: float
    iou: float
    precision: float
    recall: float
    hd95: float
    nsd: float


_MEANS = ("dice", "iou", "precision", "recall", "hd95", "nsd")


def score_image(
    image: str,
    prediction: NDArray[np.integer],
    truth: NDArray[np.integer],
    classes: int = 2,
    *,
    spacing: Sequence[float] | None = None,
    tolerance: float = 2.0,
) -> tuple[Score, ...]:
    """Return the scores of one image, a row for each class but the background.

    Args:
        image: Its name.
        prediction: Class indexes, (H, W) or (D, H, W).
        truth: Likewise, same shape; 255 is ignored.
        classes: Number of classes, the background included.
        spacing: Size of a pixel along each axis; None: 1, so that distances are in pixels.
        tolerance: Of the surface Dice, in the spacing's unit, 0 or more.

    Raises:
        ShapeError: The shapes differ, the spacing has not a number above 0 for each axis, or a class is too many.
    """
    steps = (1.0,) * truth.ndim if spacing is None else tuple(spacing)
    _check(image, prediction, truth, classes, steps)
    labelled = truth != IGNORE
    return tuple(
        _score(image, label, (prediction == label) & labelled, truth == label, steps, tolerance)
        for label in range(1, classes)
    )


def summarise(scores: Iterable[Score]) -> tuple[Summary, ...]:
    """Return the means of all classes together, then of each class, from the rows of any images.

    Raises:
        ShapeError: There are no scores, or an image comes twice.
    """
    rows = tuple(scores)
    if not rows:
        raise ShapeError("scores: needs the scores of at least one image, got none")
    (image, label), times = Counter((row.image, row.label) for row in rows).most_common(1)[0]
    if times > 1:
        raise ShapeError(f"scores: needs one row per image and class; {image!r}, class {label} comes {times} times")
    each = [_of_class(label, [row for row in rows if row.label == label]) for label in sorted({r.label for r in rows})]
    by_image: dict[str, list[Score]] = {}
    for row in rows:
        by_image.setdefault(row.image, []).append(row)
    means = [_means(some) for some in by_image.values()]
    anywhere = [summary.pooled_dice for summary in each if summary.absent < summary.images]
    overall = Summary(
        None,
        len(by_image),
        *_cases(rows),
        _mean(anywhere) if anywhere else 1.0,
        *map(_mean, zip(*means, strict=True)),
    )
    return overall, *each


def _score(
    image: str, label: int, found: surface.Mask, wanted: surface.Mask, spacing: tuple[float, ...], tolerance: float
) -> Score:
    areas = Areas(int(found.sum()), int(wanted.sum()), int((found & wanted).sum()))
    distances = surface.surface_distances(found, wanted, spacing)
    empty = not (areas.found or areas.wanted)
    case: Case = "absent" if empty else "false" if not areas.wanted else "missed" if not areas.found else "both"
    return Score(
        image,
        label,
        case,
        *areas,
        overlap.dice(areas),
        overlap.iou(areas),
        overlap.precision(areas),
        overlap.recall(areas),
        surface.hd95(distances, empty, surface.diagonal_of(found.shape, spacing)),
        surface.nsd(distances, empty, tolerance),
    )


def _of_class(label: int, rows: Sequence[Score]) -> Summary:
    areas = Areas(*(sum(getattr(row, f"{name}_pixels") for row in rows) for name in Areas._fields))
    return Summary(label, len(rows), *_cases(rows), overlap.dice(areas), *_means(rows))


def _means(rows: Sequence[Score]) -> tuple[float, ...]:
    """The means of `_MEANS` over the rows that are not absent."""
    there = [row for row in rows if row.case != "absent"] or rows
    return tuple(_mean([getattr(row, name) for row in there]) for name in _MEANS)


def _cases(rows: Sequence[Score]) -> tuple[int, int, int]:
    missed, false, absent = (sum(row.case == case for row in rows) for case in ("missed", "false", "absent"))
    return missed, false, absent


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _check(
    image: str, prediction: NDArray[np.integer], truth: NDArray[np.integer], classes: int, spacing: tuple[float, ...]
) -> None:
    if prediction.shape != truth.shape or truth.ndim not in (2, 3):
        raise ShapeError(
            f"scores: {image}: prediction and mask must have one shape, (H, W) or (D, H, W), "
            f"got {prediction.shape} and {truth.shape}; bring the prediction to the mask's size"
        )
    if len(spacing) != truth.ndim or not all(0 < step < float("inf") for step in spacing):
        raise ShapeError(f"scores: {image}: spacing must be {truth.ndim} numbers above 0, got {spacing}")
    for name, labels in (("prediction", prediction), ("mask", truth[truth != IGNORE])):
        if labels.size and not 0 <= labels.min() <= labels.max() < classes:
            came = f"{labels.min()}..{labels.max()}"
            raise ShapeError(f"scores: {image}: classes of the {name} must be 0..{classes - 1}, got {came}")
