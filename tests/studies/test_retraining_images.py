"""Which images a retraining trains, validates and tests on, and that padding is cut off before it is scored."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import nas
from studies.config import StudyConfig, load_config
from studies.folder import StudyFolder
from studies.material import load_held_out, load_material
from studies.retraining.plan import RetrainFolder
from studies.retraining.testing import score_runs
from tests.nas.export.networks import drawn, two_levels
from tests.studies.conftest import TINY


@pytest.fixture
def config(tmp_path: Path) -> StudyConfig:
    """A study on images twice as wide as high, which are padded to a square."""
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (tmp_path / "lesions" / name).mkdir(parents=True)
    for i in range(24):
        pixels, mask = rng.integers(0, 256, (40, 80, 3), dtype=np.uint8), rng.integers(0, 2, (40, 80), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "lesions" / "images" / f"{i}.png")
        Image.fromarray(mask * np.uint8(255)).save(tmp_path / "lesions" / "masks" / f"{i}.png")
    data = f"data:\n  kind: folder\n  root: {tmp_path / 'lesions'}\n  resize: pad\n"
    path = tmp_path / "study.yaml"
    path.write_text(TINY.replace("data:\n  kind: generated\n  images: 24\n  size: 64\n", data))
    return load_config(path)


def test_each_part_is_the_splits_own(config: StudyConfig, tmp_path: Path) -> None:
    study = StudyFolder(tmp_path / "run")
    material, held_out = load_material(config, study), load_held_out(config, study)
    stored = json.loads(study.split_file.read_text())
    parts = {"train": material.training, "validation": material.validation, "test": held_out.samples}
    for name, samples in parts.items():
        assert set(samples.ids) == {image for image, (part, _) in stored.items() if part == name} != set()
    assert [truth.shape for truth in held_out.truths] == [(40, 80)] * len(held_out.samples)
    assert held_out.pixels(0).shape == (40, 80, 3) and held_out.units == held_out.samples.ids


def test_padding_is_cut_off_before_a_prediction_is_scored(config: StudyConfig, tmp_path: Path) -> None:
    study = StudyFolder(tmp_path / "run")
    load_material(config, study)
    held_out, graph = load_held_out(config, study), two_levels()
    run = RetrainFolder(tmp_path / "run" / "retrained" / "one").run("trial-0", 1)
    run.folder.mkdir(parents=True)
    (run.folder / "graph.json").write_text(graph.to_json())
    save_file(drawn(graph), run.folder / "weights.safetensors")
    (scored,) = score_runs([run], held_out, config)
    module = nas.to_module(graph).eval()
    module.load_state_dict(drawn(graph))
    for score, image, truth in zip(scored.by_seed[1], held_out.samples.images, held_out.truths, strict=True):
        with torch.no_grad():
            logits = module((image[None] / 255 - 0.5) / 0.25)
        assert isinstance(logits, torch.Tensor)
        inner = logits[..., :32, :]  # 40 x 80 fills the upper half of 64 x 64
        found = torch.nn.functional.interpolate(inner, (40, 80), mode="bilinear", align_corners=False)[0, 0] > 0
        assert score.found_pixels == pytest.approx(int(found.sum()), abs=2)
        assert score.common_pixels == pytest.approx(int((found.numpy() & (truth == 1)).sum()), abs=2)
