"""`nas export`: from a study, a stored architecture or a published network; what it takes along and what it refuses."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import nas
from evaluators.data import scenes
from evaluators.dice import dice_of_classes
from evaluators.scoring import dice_score
from nas.export.smaller import runner
from search_spaces import published
from studies.config import load_config
from studies.folder import StudyFolder
from studies.material import load_material
from tests.environments import environment_with
from tests.studies.conftest import TINY
from tests.studies.test_profiling import nas_command


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished study on images in a folder."""
    root = tmp_path_factory.mktemp("studies")
    some = scenes(24, 64, 0)
    for name in ("images", "masks"):
        (root / "lesions" / name).mkdir(parents=True)
    for i, (image, mask) in enumerate(zip(some.images, some.masks, strict=True)):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(root / "lesions" / "images" / f"{i}.png")
        Image.fromarray(mask.numpy() * np.uint8(255)).save(root / "lesions" / "masks" / f"{i}.png")
    folder = f"data:\n  kind: folder\n  root: {root / 'lesions'}\n  resize: pad\n"
    drawn = "data:\n  kind: generated\n  images: 24\n  size: 64\n"
    assert drawn in TINY
    (root / "tiny.yaml").write_text(TINY.replace(drawn, folder))
    place = root / "run"
    assert nas_command("search", root / "tiny.yaml", "--dir", place, "train.precision=fp32")[0] == 0
    return place


@pytest.fixture(scope="module")
def exported(study: Path) -> tuple[int, Path]:
    """A trial of its front, and where it is exported to."""
    number = next(int(p.parent.name) for p in sorted(study.glob("trials/*/weights.safetensors")))
    out = study.parent / "export"
    code, said, error = nas_command("export", f"{study}:{number}", "--out", out)
    assert (code, error) == (0, "")
    for part in ("weights of the trial", "model.onnx  differs by", "model.pt2   differs by", "model.py    differs by"):
        assert part in said
    return number, out


def test_an_exported_trial_has_the_dice_that_its_study_recorded(study: Path, exported: tuple[int, Path]) -> None:
    number, out = exported
    some = load_material(load_config(study / "study.yaml"), StudyFolder(study)).validation
    dice = dice_score(nas.load(out), some.images, some.masks, channels_last=False).mean
    card = (out / "README.md").read_text()
    assert f"- Dice {dice:.4f} on the validation images at 64 x 64" in card


def test_the_card_says_what_is_known_and_nothing_of_this_machine(study: Path, exported: tuple[int, Path]) -> None:
    number, out = exported
    card = (out / "README.md").read_text()
    for part in (
        f"# trial {number} of the study tiny",
        "data: the folder lesions; ",
        "epochs 2",
        "seed 0",
        "0 background",
    ):
        assert part in card, part
    assert "torch " in card and "trivial predictions have Dice" in card and "nan" not in card
    for path in out.iterdir():
        assert str(study.parent).encode() not in path.read_bytes(), path.name
    kept = json.loads((out / "preprocess.json").read_text())
    assert (kept["size"], kept["fit"], kept["range"], kept["channels"]) == (64, "pad", [0, 255], 3)
    assert kept["classes"] == ["background", "foreground"]
    assert (out / "architecture.json").read_text() == (study / f"trials/{number:05d}/architecture.json").read_text()


def test_a_trial_without_weights_is_refused(study: Path, tmp_path: Path) -> None:
    number = next(int(p.name) for p in sorted(study.glob("trials/*")) if not (p / "weights.safetensors").exists())
    code, _, error = nas_command("export", f"{study}:{number}", "--out", tmp_path / "out")
    assert code == 2 and f"trial {number} has no weights" in error and not (tmp_path / "out").exists()


def test_weights_are_taken_as_trained_or_as_exported(tmp_path: Path) -> None:
    graph = nas.build(published["unetpp_keras_L1"], (3, 64, 64), 3)
    torch.manual_seed(5)
    state = nas.to_module(graph).state_dict()
    save_file(state, tmp_path / "trained.safetensors")
    arguments = ["--size", "64", "--classes", "3", "--weights", tmp_path / "trained.safetensors"]
    assert nas_command("export", "published:unetpp_keras_L1", *arguments, "--out", tmp_path / "a")[0] == 0
    weights = ["--weights", tmp_path / "a" / "weights.safetensors"]
    assert nas_command("export", tmp_path / "a" / "graph.json", *weights, "--out", tmp_path / "b")[0] == 0
    first, second = (load_file(tmp_path / name / "weights.safetensors") for name in "ab")
    assert first.keys() == second.keys() == nas.deploy_weights(graph, state).keys()
    for name, tensor in nas.deploy_weights(graph, state).items():
        assert torch.equal(first[name], tensor) and torch.equal(second[name], tensor)
    kept = json.loads((tmp_path / "a" / "preprocess.json").read_text())
    assert (kept["classes"], kept["logits"], kept["size"]) == (["class 0", "class 1", "class 2"], 3, None)
    assert "trained.safetensors" in (tmp_path / "a" / "README.md").read_text()
    assert not (tmp_path / "b" / "architecture.json").exists()


def test_what_cannot_be_exported_is_one_line_and_writes_nothing(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, tmp_path / "weights.pt")
    (tmp_path / "oversized").write_bytes((2**62).to_bytes(8, "little") + b"{}")
    small = ["published:unetpp_keras_L1", "--size", "64"]
    for arguments, said in (
        (["published:hardnet68"], "one vector for an image"),
        ([*small, "--weights", tmp_path / "weights.pt"], "pickled checkpoints"),
        ([*small, "--weights", tmp_path / "missing"], "missing"),
        ([*small, "--weights", tmp_path / "oversized"], "cannot be read as safetensors"),
        (["published:nothing"], "nas published"),
        ([tmp_path / "weights.pt"], "cannot be read as JSON"),
    ):
        code, _, error = nas_command("export", *arguments, "--out", tmp_path / "out")
        assert code == 2 and said in error and len(error.splitlines()) == 1, error
        assert not (tmp_path / "out").exists()


def test_names_in_a_graph_that_is_exported_do_no_harm(tmp_path: Path) -> None:
    stored = json.loads(nas.build(published["unetpp_keras_L1"], (3, 64, 64)).to_json())
    path = tmp_path / "graph.json"
    for name in ("../../out", "a(); import os", "forward", "x\n\ny"):
        stored["nodes"][1]["name"] = name
        path.write_text(json.dumps(stored))
        code, _, error = nas_command("export", path, "--out", tmp_path / "out")
        assert code == 2 and len(error.splitlines()) == 1, (name, error)
        assert [p.name for p in tmp_path.iterdir()] == ["graph.json"]


@pytest.mark.slow
def test_without_the_studys_images_there_is_no_example_and_static_int8_says_so(
    study: Path, exported: tuple[int, Path], tmp_path: Path
) -> None:
    moved = Path(shutil.copytree(study, tmp_path / "run"))
    config = moved / "study.yaml"
    config.write_text(config.read_text().replace(str(study.parent / "lesions"), str(tmp_path / "gone")))
    code, said, error = nas_command("export", f"{moved}:{exported[0]}", "--out", tmp_path / "out")
    assert (code, error) == (0, "") and "no example.png: the study's images cannot be read" in said
    assert not (tmp_path / "out" / "example.png").exists()
    code, _, error = nas_command("export", f"{moved}:{exported[0]}", "--int8", "static", "--out", tmp_path / "b")
    assert code == 2 and not (tmp_path / "b").exists()
    weights = ("--weights", tmp_path / "out" / "weights.safetensors", "--int8", "static")
    code, _, error = nas_command("export", f"{study}:{exported[0]}", *weights, "--out", tmp_path / "b")
    assert code == 2 and "--images DIR" in error, "nobody knows what other weights were trained on"


ELSEWHERE = {
    "torch": ("torch",),
    "onnxruntime": ("onnxruntime", "numpy"),
}


@pytest.mark.slow
@pytest.mark.parametrize("package", ELSEWHERE)
def test_a_found_network_is_used_as_its_card_says_where_nothing_else_is_installed(
    exported: tuple[int, Path], tmp_path: Path, package: str
) -> None:
    moved = Path(shutil.copytree(exported[1], tmp_path / "moved"))
    python = environment_with(tmp_path / "venv", *ELSEWHERE[package])
    snippets = re.findall(r"```python\n(.*?)```", (moved / "README.md").read_text(), re.DOTALL)
    (snippet,) = [text for text in snippets if f"import {package}" in text]
    absent = sorted({"nas", "studies", "safetensors", "torch", "onnxruntime"} - set(ELSEWHERE[package]))
    check = (
        f"from importlib.util import find_spec\nassert not any(map(find_spec, {absent}))\n{snippet}\n"
        "print(list(logits.shape), float(logits.mean()))\n"
    )
    (tmp_path / "snippet.py").write_text(f"import sys\nsys.path.insert(0, '.')\n{check}")
    done = subprocess.run(
        [python, "-E", tmp_path / "snippet.py"], capture_output=True, text=True, cwd=moved, timeout=300
    )
    assert done.returncode == 0, done.stderr
    shape, mean = done.stdout.rsplit(maxsplit=1)
    with torch.no_grad():
        expected = nas.load(moved)(torch.zeros(1, 3, *json.loads(shape)[2:]))
    assert isinstance(expected, torch.Tensor)
    assert json.loads(shape) == list(expected.shape) and abs(float(mean) - float(expected.mean())) < 1e-5
    done = subprocess.run([python, "-E", "verify.py"], capture_output=True, text=True, cwd=moved, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ("model.py    agrees" if package == "torch" else "model.onnx  agrees") in done.stdout


def test_an_export_of_a_trial_shows_predictions_and_says_whose_images_they_are(
    study: Path, exported: tuple[int, Path]
) -> None:
    out = exported[1]
    some = load_material(load_config(study / "study.yaml"), StudyFolder(study)).validation
    with torch.no_grad():
        logits = nas.load(out)((some.images / 255 - 0.5) / 0.25)
    assert isinstance(logits, torch.Tensor)
    dices = dice_of_classes((logits[:, 0] > 0).byte(), some.masks, 2).sort().values
    card = (out / "README.md").read_text()
    rows = [dices[0], dices[len(dices) // 2], dices[-1]]
    assert f"(Dice {', '.join(f'{float(dice):.4f}' for dice in rows)})" in card and "terms" in card
    with Image.open(out / "example.png") as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (3 * 64 + 2 * 4, 3 * 64 + 2 * 4, 3)
    worst = int(dice_of_classes((logits[:, 0] > 0).byte(), some.masks, 2).argsort(stable=True)[0])
    np.testing.assert_array_equal(pixels[:64, :64], some.images[worst].permute(1, 2, 0).numpy())


@pytest.mark.slow
def test_smaller_forms_are_measured_on_validation_images_and_checked_by_verify(
    study: Path, exported: tuple[int, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = (f"{study}:{exported[0]}", "--fp16", "--bf16", "--int8", "static", "--no-example", "--out", out)
    code, said, error = nas_command("export", *arguments)
    assert (code, error) == (0, "") and not (out / "example.png").exists()
    some = load_material(load_config(study / "study.yaml"), StudyFolder(study)).validation
    names = {"model.fp16.onnx", "model.bf16.pt2", "model.int8-static.onnx"}
    lines = {line.split(":")[0]: line for line in said.splitlines() if line.split(":")[0] in names}
    assert lines.keys() == names == json.loads((out / "forms.json").read_text()).keys()
    for name, line in lines.items():
        run = runner(name, (out / name).read_bytes())
        with torch.no_grad():
            found = torch.cat([run((image[None] / 255 - 0.5) / 0.25) for image in some.images])
        dice = float(dice_of_classes((found[:, 0] > 0).byte(), some.masks, 2).mean())
        assert f"Dice {dice:.4f}" in line and f"{len(some)} validation images" in line, (name, line)
        assert line in (out / "README.md").read_text()
    for path in out.iterdir():
        assert str(study.parent).encode() not in path.read_bytes() and b"/tmp/" not in path.read_bytes(), path.name
    done = subprocess.run([sys.executable, "verify.py"], capture_output=True, text=True, cwd=out, timeout=300)
    assert done.returncode == 0 and done.stdout.count("agrees") == 6, done.stdout + done.stderr
    (out / "model.fp16.onnx").write_bytes((out / "model.int8-static.onnx").read_bytes())
    done = subprocess.run([sys.executable, "verify.py"], capture_output=True, text=True, cwd=out, timeout=300)
    assert done.returncode == 1 and "model.fp16.onnx DIFFERS" in done.stdout


def test_int8_without_images_is_refused(tmp_path: Path) -> None:
    small = ["published:unetpp_keras_L1", "--size", "64", "--int8", "static"]
    code, _, error = nas_command("export", *small, "--out", tmp_path / "out")
    assert code == 2 and "--images DIR" in error and not (tmp_path / "out").exists()
    code, _, error = nas_command("export", *small, "--images", tmp_path / "none", "--out", tmp_path / "out")
    assert code == 2 and "no pictures" in error


@pytest.mark.slow
def test_int8_by_images_of_a_folder(tmp_path: Path) -> None:
    small = ["published:unetpp_keras_L1", "--size", "64", "--int8", "static"]
    (tmp_path / "images").mkdir()
    for i in range(3):
        pixels = np.random.default_rng(i).integers(0, 256, (40 + i, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{i}.png")
    code, said, _ = nas_command("export", *small, "--images", tmp_path / "images", "--out", tmp_path / "out")
    assert code == 0 and "3 images, whose masks are what the float32 form predicts" in said
    assert "against float32's 1.0000" in said


@pytest.mark.slow
def test_a_network_is_pruned_to_the_level_that_is_asked_for(tmp_path: Path) -> None:
    graph = nas.build(published["unetpp_bn32_ds"], (3, 64, 64))
    torch.manual_seed(3)
    state = nas.to_module(graph).state_dict()
    save_file(state, tmp_path / "trained.safetensors")
    arguments = ["published:unetpp_bn32_ds", "--size", "64", "--weights", tmp_path / "trained.safetensors"]
    code, said, error = nas_command("export", *arguments, "--level", 1, "--out", tmp_path / "out")
    assert (code, error) == (0, "")
    assert f"{nas.cost(nas.deploy(graph, 0)).params:,} parameters" in said
    assert "pruned to level 1" in (tmp_path / "out" / "README.md").read_text()
    assert not (tmp_path / "out" / "architecture.json").exists()
    module = nas.to_module(graph).eval()
    module.load_state_dict(state)
    image = torch.randn(1, 3, 64, 80)
    with torch.no_grad():
        outputs, found = module(image), nas.load(tmp_path / "out")(image)
    assert isinstance(outputs, list) and isinstance(found, torch.Tensor)
    torch.testing.assert_close(found, outputs[0], atol=1e-4, rtol=1e-4)
    code, _, error = nas_command("export", *arguments, "--level", 5, "--out", tmp_path / "other")
    assert code == 2 and "give 1 to 4" in error and not (tmp_path / "other").exists()
