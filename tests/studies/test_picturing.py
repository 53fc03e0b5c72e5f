"""Pictures of predictions: the worst first, every pixel of one kind, and the Dice that the search optimised."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from evaluators.data import Samples
from evaluators.dice import IGNORE
from studies.errors import ConfigError
from studies.picturing import ERRORS, chosen, errors_of, middle_pixels, predictions_of
from studies.predictions import PICTURES, Predictions, read_predictions, write_predictions


class Redness(nn.Module):
    """Finds the foreground where the first channel is above the middle."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images[:, :1]


def samples(count: int = 12, classes: int = 2) -> Samples:
    """Squares that are predicted the worse the earlier they come; the last image is half unlabelled."""
    images = torch.zeros(count, 3, 16, 16, dtype=torch.uint8)
    masks = torch.zeros(count, 16, 16, dtype=torch.uint8)
    for i in range(count):
        masks[i, 2:14, 2:14] = 1
        images[i, 0, 2:14, 2 : 3 + i] = 255
        images[i, 0, 0, 0] = 255
    masks[-1, 8:] = IGNORE
    return Samples(images, masks, tuple(f"p{i}.png" for i in range(count)), tuple(map(str, range(count))), classes)


def predicted(some: Samples, module: nn.Module | None = None) -> Predictions:
    return predictions_of(
        module or Redness(), some, prediction=0, batch=5, dtype=torch.float32, channels_last=True, slices=1
    )


def indexes(picture: str) -> NDArray[np.uint8]:
    opened = Image.open(io.BytesIO(base64.b64decode(picture)))
    assert opened.mode == "P"
    return np.asarray(opened)


def test_the_worst_come_first_then_the_median_and_the_best() -> None:
    dices = [0.9, 0.1, 0.5, 0.2, 0.8, 0.3, 0.7, 0.4, 0.6, 0.95, 0.0]
    assert [dices[i] for i in chosen(dices)] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.95]
    assert chosen([0.5, 0.5]) == [0, 1]
    assert chosen([0.5]) == [0]
    many = [i / 100 for i in range(100)]
    assert [many[i] for i in chosen(many)] == [0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.5, 0.99]


def test_dice_of_each_and_the_mean_are_those_of_the_search() -> None:
    from evaluators.scoring import dice_score

    some = samples()
    found = predicted(some)
    scored = dice_score(Redness(), some.images, some.masks)
    assert (found.images, found.mean) == (12, pytest.approx(scored.mean, abs=1e-12))
    for case in found.cases:
        index = some.ids.index(case.name)
        one = dice_score(Redness(), some.images[index : index + 1], some.masks[index : index + 1])
        assert case.dice == pytest.approx(one.mean, abs=1e-6)
    dices = [case.dice for case in found.cases]
    assert dices == sorted(dices)
    assert found.cases[0].name == "p0.png"


def test_pictures_show_the_image_the_mask_the_prediction_and_every_error() -> None:
    some = samples()
    for case in predicted(some).cases:
        index = some.ids.index(case.name)
        image = Image.open(io.BytesIO(base64.b64decode(case.pictures["image"])))
        assert np.array_equal(np.asarray(image), some.images[index].permute(1, 2, 0).numpy())
        truth, found, error = map(
            indexes, (case.pictures["truth"], case.pictures["prediction"], case.pictures["error"])
        )
        assert np.array_equal(truth, some.masks[index].numpy())
        assert np.array_equal(found, (some.images[index, 0] > 127).numpy())
        assert np.array_equal(error, errors_of(truth, found))


def test_kinds_of_errors() -> None:
    truth = np.array([[0, 1, 1, 0, 1, IGNORE, IGNORE, 2]], np.uint8)
    found = np.array([[0, 1, 0, 2, 2, 0, 1, 2]], np.uint8)
    names = [list(ERRORS)[kind] for kind in errors_of(truth, found)[0]]
    assert names == ["background", "right", "missed", "extra", "other class", "not labelled", "not labelled", "right"]


def test_errors_are_transparent_where_there_are_none_and_classes_have_colours() -> None:
    case = predicted(samples()).cases[0]
    laid_over = np.asarray(Image.open(io.BytesIO(base64.b64decode(case.pictures["error"]))).convert("RGBA"))
    kinds = indexes(case.pictures["error"])
    for kind, (colour, opaque) in enumerate(ERRORS.values()):
        assert (laid_over[kinds == kind] == (*colour, opaque)).all()
    assert {1, 2, 3} <= set(np.unique(kinds).tolist()) | {1}
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(case.pictures["truth"]))).convert("RGB"))
    assert set(map(tuple, shown.reshape(-1, 3).tolist())) == {(0, 0, 0), (255, 255, 255)}
    assert len({colour for colour, _ in ERRORS.values()}) == len(ERRORS)


def test_several_classes_are_told_apart_by_colour() -> None:
    class Three(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images

    some = samples(classes=3)
    some.masks[:, 4:6, 4:6] = 2
    case = predicted(some, Three()).cases[0]
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(case.pictures["truth"]))).convert("RGB"))
    labels = indexes(case.pictures["truth"])
    assert len({tuple(shown[labels == label][0].tolist()) for label in (0, 1, 2)}) == 3


def test_of_several_slices_the_middle_one_is_shown() -> None:
    image = torch.arange(5, dtype=torch.uint8).view(5, 1, 1).expand(5, 4, 4)
    assert (middle_pixels(image, slices=5) == 2).all() and middle_pixels(image, slices=5).shape == (4, 4, 1)
    assert (middle_pixels(image[:3], slices=3) == 1).all() and middle_pixels(image[:3], slices=3).shape == (4, 4, 1)
    assert middle_pixels(image[:3]).shape == (4, 4, 3)
    deep = torch.tensor([0.0, 0.5, 1.0, 1.5]).view(1, 2, 2)
    assert middle_pixels(deep).tolist() == [[[0], [128]], [[255], [255]]]


def test_what_is_stored_comes_back(tmp_path: Path) -> None:
    path, made = tmp_path / "predictions.json", predicted(samples())
    assert read_predictions(path) is None
    write_predictions(path, made)
    assert read_predictions(path) == made
    assert [file.name for file in tmp_path.iterdir()] == ["predictions.json"]
    for kind in PICTURES:
        assert base64.b64decode(made.cases[0].pictures[kind]).startswith(b"\x89PNG")


def changed(stored: dict[str, Any], kind: str, picture: str) -> dict[str, object]:
    case = stored["cases"][0]
    return case | {"pictures": case["pictures"] | {kind: picture}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda stored: stored | {"format": 2}, "has format 2, this version reads 1"),
        (lambda stored: stored | {"cases": 3}, "damaged"),
        (lambda stored: stored | {"mean": float("nan")}, "damaged"),
        (lambda stored: stored | {"cases": [changed(stored, "error", "javascript:1")]}, "error is no PNG"),
        (lambda stored: stored | {"cases": [changed(stored, "image", "PHN2Zz4=")]}, "image is no PNG"),
        (lambda stored: stored | {"cases": [{"name": "a", "dice": 0.5, "pictures": 3}]}, "damaged"),
        (lambda stored: {"format": 1}, "damaged"),
        (lambda stored: [], "damaged"),
    ],
)
def test_a_damaged_file_is_said(tmp_path: Path, change: object, said: str) -> None:
    path = tmp_path / "predictions.json"
    write_predictions(path, predicted(samples()))
    assert callable(change)
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(ConfigError, match=said):
        read_predictions(path)
    path.write_bytes(b"\xff{")
    with pytest.raises(ConfigError, match="damaged"):
        read_predictions(path)
