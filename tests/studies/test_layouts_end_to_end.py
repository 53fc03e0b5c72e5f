"""Every layout loads, is split and trains two steps: drawn folders that mimic each, and the real sets if beside."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import nas
from evaluators.data import Samples, scenes
from evaluators.recipe import Recipe
from evaluators.training import train
from search_spaces import published
from studies.cli import app
from studies.config import StudyConfig, load_config
from studies.folder import StudyFolder
from studies.material import Material, load_material

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"
COUNT = 16
DRAWN = scenes(COUNT, 64, 0)
FAST = ("workers=0", "budget.trials=1", "train.epochs=1", "constraints.macs=<= 60 M", "start.published=false")


def pixels(index: int) -> np.ndarray:
    image: np.ndarray = DRAWN.images[index].permute(1, 2, 0).numpy()
    return image


def foreground(index: int) -> np.ndarray:
    mask: np.ndarray = DRAWN.masks[index].numpy() * 255
    return mask


def save(path: Path, values: np.ndarray, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, **options)


def isic(root: Path) -> None:
    """`_segmentation` after the mask's name, sizes and aspects that differ, lists of a split."""
    for index in range(COUNT):
        cut = np.s_[: 64 - index, : 40 + index]
        save(root / f"images/ISIC_{index:07}.jpg", pixels(index)[cut], quality=95)
        save(root / f"masks/ISIC_{index:07}_segmentation.png", foreground(index)[cut])
    names = [f"ISIC_{index:07}" for index in range(COUNT)]
    for part, some in (("train", names[:10]), ("val", names[10:13]), ("test", names[13:])):
        (root / f"split_{part}.txt").write_text("\n".join(some) + "\n")


def nuclei(root: Path) -> None:
    """A folder for each image: grey, RGB or RGBA, and a mask file for each part of the foreground."""
    for index in range(COUNT):
        rgb = pixels(index)
        forms = (rgb[..., 0], rgb, np.dstack([rgb, np.full((64, 64), 255, np.uint8)]))
        save(root / f"stage1_train/n{index}/images/n{index}.png", forms[index % 3])
        for part in range(3):
            some = np.zeros((64, 64), np.uint8)
            some[:, part::3] = foreground(index)[:, part::3]
            save(root / f"stage1_train/n{index}/masks/{part}.png", some)


def membranes(root: Path) -> None:
    """Slices of a stack: grey, each a little further; the masks show the background."""
    scene = scenes(1, 96, seed=1)
    for index in range(30):
        rows = np.roll(scene.images[0, 0].numpy(), 2 * index, axis=1)
        save(root / f"train/image/{index}.png", rows)
        save(root / f"train/label/{index}.png", 255 - 255 * np.roll(scene.masks[0].numpy(), 2 * index, axis=1))


def polyps(root: Path) -> None:
    """JPEG masks of three channels, at original sizes."""
    for index in range(COUNT):
        grown = np.ones((index % 4 + 1, index % 3 + 1), np.uint8)
        save(root / f"images/c{index}.jpg", np.kron(pixels(index), grown[..., None]), quality=90)
        save(root / f"masks/c{index}.jpg", np.dstack([np.kron(foreground(index), grown)] * 3), quality=90)


def patients(root: Path) -> None:
    """A table with patients; three classes in colours."""
    ink = np.array([(0, 0, 0), (255, 0, 0), (0, 0, 255)], np.uint8)
    lines = ["image,mask,patient"]
    for index in range(COUNT):
        labels = (foreground(index) > 0) * (1 + (np.arange(64) > 31))[None]
        save(root / f"scans/s{index}.png", pixels(index))
        save(root / f"truth/t{index}.png", ink[labels])
        lines.append(f"scans/s{index}.png,truth/t{index}.png,p{index // 2}")
    (root / "all.csv").write_text("\n".join(lines) + "\n")


def deep(root: Path) -> None:
    """16-bit grey of 12 bits; two organs by palette index, 255 where nobody labelled."""
    for index in range(COUNT):
        save(root / f"images/{index:02}.png", pixels(index)[..., 0].astype(np.uint16) * 16)
        labels = (foreground(index) > 0) * (1 + (np.arange(64) > 31))[None].astype(np.uint8)
        labels[:5] = 255
        image = Image.fromarray(labels.astype(np.uint8))
        image.putpalette([value for label in range(256) for value in (label, 255 - label, 7)])
        (root / "masks").mkdir(exist_ok=True)
        image.save(root / f"masks/{index:02}.png")


MIMICS = {
    "isic": (isic, ["data.resize=pad"], "split_val.txt"),
    "nuclei": (nuclei, [], "layout: instances"),
    "membranes": (membranes, ["data.invert=true", "data.channels=1", "data.neighbours=1"], "block: "),
    "polyps": (polyps, ["data.resize=pad"], "layout: pairs"),
    "patients": (patients, ["data.group=patient"], "classes: [background, class1, class2]"),
    "deep": (deep, [], "range: [0.0, 4095.0]"),
}


@pytest.mark.parametrize(("write", "settings", "written"), MIMICS.values(), ids=MIMICS)
def test_every_layout_is_recognised_and_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: object, settings: list[str], written: str
) -> None:
    assert callable(write)
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "data")
    assert CliRunner().invoke(app, ["init", "data"]).exit_code == 0
    assert written in Path("data.yaml").read_text()
    size = ("train.size=64", "deploy.size=64")
    result = CliRunner().invoke(app, ["search", "data.yaml", *FAST, *size, *settings])
    assert result.exit_code == 0, result.output
    assert "ok 1" in result.output
    config = load_config(Path("data.yaml"), [*FAST, *size, *settings])
    material = load_material(config, StudyFolder(Path("runs/data")))
    count = sum(map(len, (material.training, material.validation))) + material.test_count
    assert count == (30 if write is membranes else COUNT)


def parts(config: StudyConfig) -> list[set[str]]:
    material = load_material(config, None)
    return [set(material.training.ids), set(material.validation.ids)]


def test_slices_and_patients_stay_on_one_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    membranes(tmp_path / "m")
    patients(tmp_path / "p")
    for folder, settings in (("m", []), ("p", ["data.group=patient"])):
        CliRunner().invoke(app, ["init", folder])
        config = load_config(Path(f"{folder}.yaml"), ["train.size=64", *settings])
        block = 2 if folder == "p" else config.data.model_dump()["block"]
        training, validation = (
            {int("".join(filter(str.isdigit, name))) // block for name in some} for some in parts(config)
        )
        assert not training & validation


def two_steps(material: Material) -> float:
    """Train a published network for two steps of the material's images; return the Dice."""
    batch = min(4, len(material.training) // 2)
    some: Samples = material.training.select(range(2 * batch))
    outputs = 1 if some.classes == 2 else some.classes
    graph = nas.build(published["amsunet"], tuple(some.images.shape[1:]), classes=outputs)
    torch.manual_seed(0)
    validation = material.validation.select(range(min(3, len(material.validation))))
    recipe = Recipe(epochs=1, batch=batch, precision="fp32")
    return train(nas.to_module(graph), some, validation, recipe, torch.device("cpu")).dice


NATIVE = {
    "Kvasir-SEG": [],
    "ISIC2018": ["data.resize=pad"],
    "DSB2018": ["data.resize=pad"],
    "ISBI2012-EM": ["data.invert=true", "data.channels=1", "data.neighbours=1"],
    "DSB2018/native_sample": [],
    "ISIC2018/native_aspect_sample": ["data.resize=pad"],
    "Kvasir-SEG/original_size_sample": ["data.resize=pad"],
}


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="the real data sets are not beside the repository")
@pytest.mark.parametrize("name", NATIVE)
def test_the_real_data_sets_load_are_split_and_train_two_steps(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["init", str(REAL / name), "--out", "real.yaml", "--name", "real"])
    assert result.exit_code == 0, result.output
    config = load_config(Path("real.yaml"), ["train.size=96", *NATIVE[name]])
    material = load_material(config, None)
    images = material.training.images
    assert len(material.training) and len(material.validation) and material.test_count
    assert images.float().std() > 5
    assert 0 <= two_steps(material) <= 1
