"""Retraining of studies of other kinds: several classes with pixels that nobody labelled, a person's own rules."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch.nn import functional

import nas
from nas.graph import Graph
from studies.retraining import running
from tests.studies.conftest import TINY
from tests.studies.test_own_rules import EXAMPLE
from tests.studies.test_profiling import nas_command
from tests.studies.test_retraining import SPLIT, rows_of

CLASSES = """\
data:
  kind: folder
  root: eyes
  classes: [background, disc, cup]
  codes: {background: 255, disc: 128, cup: 0}
  ignore: 7
"""
DRAWN = "data:\n  kind: generated\n  images: 24\n  size: 64\n"
FAST = ("train.precision=fp32", "train.epochs=1", "budget.trials=1", "sampler.name=random")


@pytest.fixture
def eyes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study of discs with a cup in most, whose six upper rows nobody labelled: there are discs in them too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running.LatencyMeter, "measure", lambda *_: None)
    rng, (rows, columns) = np.random.default_rng(0), np.mgrid[:70, :80]
    for name in ("images", "masks"):
        Path("eyes", name).mkdir(parents=True)
    for i in range(24):
        distance = np.hypot(rows - rng.integers(14, 50), columns - rng.integers(25, 55))
        mask = np.full((70, 80), 255, np.uint8)
        mask[distance < 18] = 128
        mask[distance < (9 if i % 6 else 0)] = 0
        pixels = rng.normal(90, 20, (70, 80, 3)) + 60 * (mask < 255)[..., None] + np.where(mask == 0, 80, 0)[..., None]
        mask[:6] = 7
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(f"eyes/images/{i}.png")
        Image.fromarray(mask).save(f"eyes/masks/{i}.png")
    Path("study.yaml").write_text(TINY.replace(DRAWN, CLASSES))
    assert nas_command("search", "study.yaml", "--dir", "run", *FAST)[0] == 0
    return tmp_path / "run"


def retrained(study: Path, *more: object) -> Path:
    """The folder of a retraining of a published network that learns the classes."""
    arguments = ("--select", "published:unetpp_keras_L1", "--seeds", 1, "--name", "one", *more)
    code, _, error = nas_command("retrain", study, *arguments, "train.epochs=8", "train.learning_rate=0.005")
    assert (code, error) == (0, "")
    return study / "retrained" / "one"


def predicted(run: Path, image: str) -> NDArray[np.int64]:
    """The class of each pixel of an image, computed beside the toolkit's own scoring."""
    module = nas.to_module(Graph.from_json((run / "graph.json").read_text())).eval()
    module.load_state_dict(load_file(run / "weights.safetensors"))
    with Image.open(f"eyes/images/{image}.png") as picture:
        small = np.asarray(picture.resize((64, 64), Image.Resampling.BILINEAR)).copy()
    with torch.no_grad():
        logits = module((torch.from_numpy(small).permute(2, 0, 1)[None] / 255 - 0.5) / 0.25)
    assert isinstance(logits, torch.Tensor)
    return functional.interpolate(logits, (70, 80), mode="bilinear", align_corners=False)[0].argmax(0).numpy()


def test_each_class_is_scored_where_somebody_labelled(eyes: Path) -> None:
    place = retrained(eyes)
    rows = rows_of(place)
    tested = [name for name, (part, _) in json.loads((eyes / "split.json").read_text()).items() if part == "test"]
    assert sorted((row["image"], row["class"]) for row in rows) == sorted(
        (n, c) for n in tested for c in ("cup", "disc")
    )
    (run,) = place.glob("runs/*/*")
    masks = {name: predicted(run, name) for name in tested}
    for row in rows:
        with Image.open(f"eyes/masks/{row['image']}.png") as picture:
            truth = np.asarray(picture)
        found = masks[row["image"]] == (1 if row["class"] == "disc" else 2)
        wanted = truth == (128 if row["class"] == "disc" else 0)
        assert int(row["wanted_pixels"]) == wanted.sum()
        assert int(row["found_pixels"]) == pytest.approx((found & (truth != 7)).sum(), abs=4)
        assert int(row["common_pixels"]) == pytest.approx((found & wanted).sum(), abs=4)
    assert any(mask[:6].any() for mask in masks.values()), "something is predicted where nothing is labelled"
    results = json.loads((place / "results.json").read_text())["networks"]["published:unetpp_keras_L1"]
    assert 0.5 < results["class_dice"]["disc"] <= 1
    table = (place / "results.md").read_text()
    for name in ("disc", "cup"):
        dices = [float(r["dice"]) for r in rows if r["class"] == name and r["case"] != "absent"]
        assert results["class_dice"][name] == pytest.approx(np.mean(dices))
        assert f"Dice of {name} {results['class_dice'][name]:.4f}" in table
    assert len(list(place.glob("worst/*/*.png"))) == len(results["worst"]) > 0


@pytest.mark.slow
def test_its_export_predicts_the_classes_that_were_scored(eyes: Path, tmp_path: Path) -> None:
    place = retrained(eyes)
    (run,) = place.glob("runs/*/*")
    assert nas_command("export", run, "--out", tmp_path / "net")[0] == 0
    assert nas_command("predict", tmp_path / "net", "eyes/images", "--out", tmp_path / "masks")[0] == 0
    for row in rows_of(place):
        with (
            Image.open(tmp_path / "masks" / f"{row['image']}.png") as mask,
            Image.open(f"eyes/masks/{row['image']}.png") as picture,
        ):
            found = (np.asarray(mask) == (1 if row["class"] == "disc" else 2)) & (np.asarray(picture) != 7)
        assert int(row["found_pixels"]) == pytest.approx(found.sum(), abs=6)


def test_a_network_with_rules_of_ones_own_is_retrained_without_their_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running.LatencyMeter, "measure", lambda *_: None)
    Path("study.yaml").write_text(TINY.replace(DRAWN, DRAWN + SPLIT))
    Path("ghost_block.py").write_text(EXAMPLE.read_text())
    code, _, error = nas_command("search", "study.yaml", "--dir", "run", *FAST, "seed=3", "--rules", "ghost_block.py")
    assert (code, error) == (0, "")
    assert "ghost_block" in Path("run/trials/00000/architecture.json").read_text(), "the seed draws the rule"
    Path("ghost_block.py").unlink()
    code, said, error = nas_command("retrain", "run", "--select", "0", "--seeds", 1, "--name", "one")
    assert (code, error) == (0, "") and "nas export" in said
    (run,) = Path("run/retrained/one/runs").glob("trial-0/seed-*")
    graph = Graph.from_json((run / "graph.json").read_text())
    assert graph.key() == Graph.from_json(Path("run/trials/00000/graph.json").read_text()).key()
    nas.to_module(graph).load_state_dict(load_file(run / "weights.safetensors"))
    assert (run / "architecture.json").read_text() == Path("run/trials/00000/architecture.json").read_text()
    assert Path("run/retrained/one/images.csv").exists()
