"""fp16, bf16 and int8 forms of an export: made, and measured beside the float32 form on images."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from evaluators.data.pictures import SUFFIXES, read_image
from evaluators.dice import dice_of_classes
from evaluators.scoring import class_indexes
from nas.errors import ExportError
from nas.export.inference import prepared
from nas.export.preprocess import Preprocess
from nas.export.sides import Sides
from nas.export.smaller import FILES, Smaller, cast_form, int8_form, runner
from studies.material import Material
from studies.predicting import fitted

__all__ = [
    "Form",
    "Judge",
    "forms_json",
    "judge_by_folder",
    "judge_by_study",
    "lines_of",
    "pictures_in",
    "smaller_forms",
]

CALIBRATION = 64  # images that the ranges of activations are learnt from
_RUNS = 5
Image = NDArray[np.float32]  # (1, C, H, W), as the network takes it


class Form(NamedTuple):
    """A smaller form and how it compares with the float32 one.

    Attributes:
        name: Of its file.
        content: What is in it.
        difference: Of its logits from float32's on the example image, as a share of their range.
        dice: Mean Dice on the judge's images.
        dice_float32: That of the float32 form.
        judged_by: What the images and masks are, in words; empty where there are none.
        time_ratio: Its time over float32's, both on this CPU, in turn.
    """

    name: str
    content: bytes
    difference: float
    dice: float | None
    dice_float32: float | None
    judged_by: str
    time_ratio: float


class Judge(NamedTuple):
    """Images to calibrate with and to score on. masks: (1, H, W) each; None: what the float32 form predicts."""

    calibration: Sequence[Image]
    images: Sequence[Image]
    masks: Sequence[Tensor] | None
    classes: int
    said: str


def judge_by_study(material: Material, preprocess: Preprocess) -> Judge:
    """Return the study's images at the training size: calibrated on training images, scored on validation images."""
    training, validation = material.training, material.validation
    return Judge(
        [_taken(image, preprocess) for image in training.images[:CALIBRATION]],
        [_taken(image, preprocess) for image in validation.images],
        [mask[None] for mask in validation.masks],
        training.classes,
        f"{len(validation)} validation images",
    )


def judge_by_folder(folder: Path, preprocess: Preprocess) -> Judge:
    """Return a folder's pictures as the network takes them; there are no masks. Raises ExportError if it has none."""
    pixels = [read_image(path, preprocess.channels).pixels for path in pictures_in(folder)]
    images = [prepared(fitted(each, preprocess), preprocess) for each in pixels]
    said = f"{len(images)} images, whose masks are what the float32 form predicts"
    return Judge(images[:CALIBRATION], images, None, len(preprocess.classes), said)


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures of a folder. Raises ExportError if it has none."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES) if folder.is_dir() else []
    if not paths:
        raise ExportError(f"--images {folder}: no pictures there; give a folder of images as the network will see them")
    return paths


def smaller_forms(
    kinds: Sequence[Smaller], module: nn.Module, onnx: bytes, sides: Sides, example: Tensor, judge: Judge | None
) -> list[Form]:
    """Return the forms, each run at the example's size. int8-static needs a judge."""
    return [_form(kind, module, onnx, sides, example, judge) for kind in kinds]


def _form(kind: Smaller, module: nn.Module, onnx: bytes, sides: Sides, example: Tensor, judge: Judge | None) -> Form:
    if kind == "fp16" or kind == "bf16":
        content = cast_form(kind, module, example.shape[1], sides)
    else:
        assert judge is not None or kind == "int8-dynamic", "the command line has checked that there are images"
        content = int8_form(onnx, judge.calibration if judge and kind == "int8-static" else None)
    ours, run = runner("model.onnx", onnx), runner(FILES[kind], content)
    with torch.no_grad():
        expected, found = ours(example), run(example)
    if not found.isfinite().all():
        raise ExportError(f"{FILES[kind]}: its logits are not finite: the network's numbers are beyond what it holds")
    spread = float(expected.max() - expected.min())
    difference = float((found - expected).abs().max()) / (spread or 1.0)
    dice, dice_float32 = _scores(judge, ours, run) if judge else (None, None)
    said, ratio = judge.said if judge else "", _time_ratio(run, ours, example)
    return Form(FILES[kind], content, difference, dice, dice_float32, said, ratio)


def _scores(judge: Judge, ours: Callable[[Tensor], Tensor], run: Callable[[Tensor], Tensor]) -> tuple[float, float]:
    """Return the mean Dice of a form, and of the float32 one."""
    pairs: list[tuple[float, float]] = []
    with torch.no_grad():
        for i, image in enumerate(judge.images):
            whole, small = (class_indexes(each(torch.from_numpy(image)), judge.classes) for each in (ours, run))
            truth = whole if judge.masks is None else judge.masks[i]
            height, width = truth.shape[1:]  # without the padding
            dices = [float(dice_of_classes(m[:, :height, :width], truth, judge.classes)) for m in (small, whole)]
            pairs.append((dices[0], dices[1]))
    small_dice, whole_dice = np.mean(pairs, axis=0).tolist()
    return small_dice, whole_dice


def _time_ratio(run: Callable[[Tensor], Tensor], ours: Callable[[Tensor], Tensor], image: Tensor) -> float:
    with torch.no_grad():
        pairs = [(_seconds(run, image), _seconds(ours, image)) for _ in range(_RUNS)]
    return median(first / second for first, second in pairs)


def _seconds(run: Callable[[Tensor], Tensor], image: Tensor) -> float:
    began = time.perf_counter()
    run(image)
    return time.perf_counter() - began


def _taken(image: Tensor, preprocess: Preprocess) -> Image:
    return prepared(image.permute(1, 2, 0).numpy(), preprocess)


def forms_json(forms: Sequence[Form]) -> str:
    """Return what verify.py compares the forms by: how far each may be from float32 on the example image."""
    return json.dumps({form.name: {"difference": form.difference} for form in forms}, indent=1) + "\n"


def lines_of(forms: Sequence[Form]) -> Iterator[str]:
    """Yield a line for each form, for the terminal and the model card."""
    for form in forms:
        dice = ""
        if form.dice is not None and form.dice_float32 is not None:
            lost = form.dice_float32 - form.dice
            dice = (
                f"Dice {form.dice:.4f}, {lost:+.4f} lost against float32's {form.dice_float32:.4f} on {form.judged_by}"
            )
        yield (
            f"{form.name}: {len(form.content) / 1e6:.2f} MB; logits differ by {form.difference:.1e} of their range; "
            f"{dice or 'its Dice was not measured: there were no images'}; {form.time_ratio:.2f} of float32's time on "
            "this CPU"
        )
