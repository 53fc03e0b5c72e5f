"""`nas retrain`: what is trained, when the test set is opened, and what is said of it."""

import csv
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch.nn import functional

import nas
from evaluators.curve import Curve
from evaluators.data import scenes
from evaluators.faults import Diverged, Interrupted, OutOfMemory, TimedOut
from evaluators.latency import Latency
from evaluators.recipe import Recipe
from nas.graph import Graph
from search_spaces import published, published_names
from search_spaces.weights import published_name
from studies import trial
from studies.retraining import running
from studies.retraining.running import Wish, retrain
from tests.studies.conftest import TINY
from tests.studies.test_profiling import nas_command

NEVER: Callable[[], bool] = lambda: False  # noqa: E731
PUBLISHED = "published:unetpp_keras_L1"
SPLIT = "  split: {validation: 0.2, test: 0.3}\n"


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished study; its images are larger than what is trained on."""
    root = tmp_path_factory.mktemp("study")
    text = TINY.replace("images: 24\n  size: 64\n", f"images: 24\n  size: 80\n{SPLIT}").replace(
        "epochs: 2\n", "epochs: 1\n"
    )
    assert SPLIT in text
    (root / "tiny.yaml").write_text(text)
    arguments = ("train.precision=fp32", "budget.trials=2", "sampler.name=random")
    code, _, error = nas_command("search", root / "tiny.yaml", "--dir", root / "run", *arguments)
    assert (code, error) == (0, "")
    return root / "run"


@pytest.fixture(autouse=True)
def instant_latency(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measuring takes seconds; it is measured once, for `retrained`."""
    monkeypatch.setattr(running.LatencyMeter, "measure", lambda *_: Latency(1.0, 0.1, 7))


@pytest.fixture
def study(searched: Path, tmp_path: Path) -> Path:
    """A copy of it to work in."""
    return Path(shutil.copytree(searched, tmp_path / "run"))


@pytest.fixture(scope="module")
def retrained(searched: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A study after a retraining of its best trial and a published network with two seeds, and what that printed."""
    root = Path(shutil.copytree(searched, tmp_path_factory.mktemp("retrained") / "run"))
    arguments = ("--select", "best", "--select", PUBLISHED, "--seeds", 2, "--name", "both", "train.epochs=2")
    code, said, error = nas_command("retrain", root, *arguments)
    assert (code, error) == (0, "")
    return root, said


def one(study: Path, seeds: int = 1, interrupted: Callable[[], bool] = NEVER, **more: object) -> bool:
    wish = Wish(("best",), seeds, "one", ("train.epochs=2",), opens_test=True)
    return retrain(study, wish._replace(**more), interrupted)


def rows_of(place: Path) -> list[dict[str, str]]:
    with (place / "images.csv").open() as file:
        return list(csv.DictReader(file))


def test_every_test_image_is_scored_at_its_own_size_with_every_seed(retrained: tuple[Path, str]) -> None:
    place = retrained[0] / "retrained" / "both"
    parts = json.loads((retrained[0] / "split.json").read_text())
    tested = {name for name, (part, _) in parts.items() if part == "test"}
    rows = rows_of(place)
    assert {row["image"] for row in rows} == tested
    assert len(rows) == 2 * 2 * len(tested) and {row["class"] for row in rows} == {"lesion"}
    folder = next(place.glob("runs/trial-*/seed-2"))
    module = nas.to_module(Graph.from_json((folder / "graph.json").read_text())).eval()
    module.load_state_dict(load_file(folder / "weights.safetensors"))
    assert not (folder / "predictions.json").exists()  # it is shown on the test images instead
    drawn = scenes(24, 80, 0)
    for row in rows:
        if row["network"] == folder.parent.name and row["seed"] == "2":
            index = drawn.ids.index(row["image"])
            pixels = Image.fromarray(drawn.images[index].permute(1, 2, 0).numpy())
            small = torch.from_numpy(np.asarray(pixels.resize((64, 64), Image.Resampling.BILINEAR)).copy())
            with torch.no_grad():
                outputs = module((small.permute(2, 0, 1)[None] / 255 - 0.5) / 0.25)
            logits = outputs if isinstance(outputs, torch.Tensor) else outputs[int(module.prediction)]
            logits = functional.interpolate(logits, (64, 64), mode="bilinear", align_corners=False)
            found = functional.interpolate(logits, (80, 80), mode="bilinear", align_corners=False)[0, 0] > 0
            truth = drawn.masks[index].bool()
            assert int(row["wanted_pixels"]) == int(truth.sum())
            assert int(row["found_pixels"]) == pytest.approx(int(found.sum()), abs=3)


def test_the_tables_say_the_means_of_the_rows(retrained: tuple[Path, str]) -> None:
    place, said = retrained[0] / "retrained" / "both", retrained[1]
    results = json.loads((place / "results.json").read_text())
    rows = [row for row in rows_of(place) if row["network"] == PUBLISHED]
    by_seed = [np.mean([float(r["dice"]) for r in rows if r["seed"] == seed]) for seed in ("1", "2")]
    dice = results["networks"][PUBLISHED]["means"]["dice"]
    assert dice["mean"] == pytest.approx(np.mean(by_seed)) and dice["sd"] == pytest.approx(np.std(by_seed, ddof=1))
    table = (place / "results.md").read_text()
    assert f"{dice['mean']:.4f} ± {dice['sd']:.4f}" in table
    tested = results["test_images"]
    assert f"{tested} test images" in table and f"{tested} test images, a claim needs 30" in said
    assert results["comparisons"] == [] and "better" not in table
    assert results["networks"][PUBLISHED]["costs"]["latency_ms"] > 0
    worst = [entry["dice"] for entry in results["networks"][PUBLISHED]["worst"]]
    assert worst == sorted(worst) and worst[0] == pytest.approx(
        min(np.mean([float(r["dice"]) for r in rows if r["image"] == name]) for name in {r["image"] for r in rows})
    )
    pictures = sorted(place.glob("worst/published-*/*.png"))
    assert len(pictures) == len(worst)
    with Image.open(pictures[0]) as picture:
        assert picture.size == (164, 80)


def test_no_seed_is_the_searchs_own_and_every_training_is_another(retrained: tuple[Path, str]) -> None:
    folders = sorted((retrained[0] / "retrained" / "both" / "runs").glob("*/seed-*"))
    assert [folder.name for folder in folders] == ["seed-1", "seed-2"] * 2  # the search's is 0
    weights = [(folder / "weights.safetensors").read_bytes() for folder in folders]
    assert len(set(weights)) == 4
    assert not list(retrained[0].glob("retrained/**/checkpoint.pt"))
    assert all(len((folder / "curve.csv").read_text().splitlines()) == 3 for folder in folders)  # 2 epochs


def test_a_training_that_is_stopped_goes_on_to_the_same_weights(study: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(study, tmp_path / "other"))
    assert one(study)
    asked = 0

    def after_some_steps() -> bool:
        nonlocal asked
        asked += 1
        return asked > 5

    with pytest.raises(Interrupted):
        one(other, interrupted=after_some_steps)
    assert list(other.glob("retrained/one/runs/*/*/checkpoint.pt")) and not (other / "test_openings.jsonl").exists()
    assert one(other)
    first, second = (next(root.glob("retrained/one/runs/*/*/weights.safetensors")) for root in (study, other))
    assert first.read_bytes() == second.read_bytes()


def test_the_opening_is_on_disk_with_the_selections_hash_before_an_image_is_read(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(running, "load_held_out", lambda *_: (_ for _ in ()).throw(Interrupted("stopped here")))
        with pytest.raises(Interrupted):
            one(study)
    selection = (study / "retrained/one/selection.json").read_bytes()
    line = json.loads((study / "test_openings.jsonl").read_text())
    assert line["number"] == 1
    assert line["selection_sha256"] == hashlib.sha256(selection).hexdigest()
    assert one(study), "the same opening goes on"
    assert len((study / "test_openings.jsonl").read_text().splitlines()) == 1


def test_a_second_opening_is_said_on_every_table_and_showing_results_again_is_none(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert one(study)
    assert one(study)
    assert "test seen" not in capsys.readouterr().out.replace("\n", " ")
    assert len((study / "test_openings.jsonl").read_text().splitlines()) == 1
    assert one(study, name="again")
    table = (study / "retrained/again/results.md").read_text()
    titles = [line for line in table.splitlines() if line.startswith("## ")]
    assert len(titles) > 2 and all("test seen 2 times" in title for title in titles)
    assert "test seen" not in (study / "retrained/one/results.md").read_text()


def test_a_log_that_lost_lines_is_refused_before_anything_is_trained(
    retrained: tuple[Path, str], tmp_path: Path
) -> None:
    study = Path(shutil.copytree(retrained[0], tmp_path / "run"))
    for lost in ("", '{"number": 2}\n', '{"numb'):
        (study / "test_openings.jsonl").write_text(lost)
        code, _, error = nas_command("retrain", study, "--select", "best", "--seeds", 1, "--name", "two")
        assert code == 2 and "test_openings.jsonl" in error and len(error.splitlines()) == 1
        assert not list(study.glob("retrained/two/runs/*/*/curve.csv"))


def test_without_test_nothing_is_opened_until_it_is_asked_for(study: Path) -> None:
    assert one(study, opens_test=False)
    assert one(study, opens_test=False, name="../../elsewhere")
    assert {path.name for path in study.parent.iterdir()} == {"run"} and len(list(study.glob("retrained/*"))) == 2
    assert not (study / "test_openings.jsonl").exists() and not (study / "retrained/one/images.csv").exists()
    assert "the test set was not opened" in (study / "retrained/one/results.md").read_text()
    assert one(study)
    assert (study / "retrained/one/images.csv").exists()


def test_what_was_selected_stays_so_and_nothing_else_goes_into_its_folder(study: Path) -> None:
    assert one(study, opens_test=False)
    arguments = ["retrain", study, "--select", "best", "--name", "one", "--no-test"]
    for more, said in (
        (["--seeds", 2, "train.epochs=2"], "seeds"),
        (["--seeds", 1, "train.epochs=3"], "train.epochs"),
        (["--seeds", 1, "train.epochs=2", "--select", "knee"], "select"),
    ):
        code, _, error = nas_command(*arguments, *more)
        assert code == 2 and said in error and "one" in error, error
    graph = next((study / "retrained/one/runs").glob("*/*/graph.json"))
    shutil.copy(next(p for p in study.glob("trials/*/graph.json") if p.read_bytes() != graph.read_bytes()), graph)
    code, _, error = nas_command(*arguments, "--seeds", 1, "train.epochs=2")
    assert code == 2 and "is not the network that was selected" in error


@pytest.mark.parametrize(
    ("which", "said"),
    [
        ("published:nothing", "nas published"),
        ("trial=77", "no trial-77"),
        ("fastest", "needs best, knee, front"),
        ("best:macs<1", "none of the"),
        ("best:latency_ms<5", "the study has no latency_ms"),
        ("best:dice<0.5", "cannot be limited"),
    ],
)
def test_a_selection_of_nothing_is_one_line(searched: Path, which: str, said: str) -> None:
    code, _, error = nas_command("retrain", searched, "--select", which)
    assert code == 2 and said in error and len(error.splitlines()) == 1, error


def test_only_the_training_may_differ_from_the_study(searched: Path) -> None:
    code, _, error = nas_command("retrain", searched, "data.split.seed=3")
    assert code == 2 and "data.split.seed" in error and not (searched / "retrained").exists()


def test_a_training_that_fails_is_named_and_the_code_is_1(study: Path) -> None:
    code, said, _ = nas_command(
        "retrain", study, "--select", "best", "--seeds", 1, "train.learning_rate=1e30", "train.clip_norm=null"
    )
    assert code == 1 and "seed 1 failed: diverged" in said and "0 of 1" in said
    assert not (study / "test_openings.jsonl").exists()


def failing(monkeypatch: pytest.MonkeyPatch, fault: Exception | None, seeds: tuple[int, ...] = (2,)) -> list[int]:
    """Have trainings with these seeds end by a fault, none if it is None; return the seeds of those that begin."""
    began: list[int] = []
    real = trial.train

    def train(
        module: torch.nn.Module, training: object, validation: object, recipe: Recipe, *rest: object, **more: object
    ) -> Curve:
        began.append(recipe.seed)
        if fault is not None and recipe.seed in seeds:
            raise fault
        return real(module, training, validation, recipe, *rest, **more)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(trial, "train", train)
    return began


def test_failed_trainings_are_tried_again_only_when_asked_and_the_test_set_is_then_opened_anew(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = study / "retrained/one"
    with monkeypatch.context() as patch:
        failing(patch, TimedOut("60 s have passed"))
        assert not one(study, seeds=2)
        assert "with --retry-failed" in capsys.readouterr().out.replace("\n", " ")
    first = place.glob("runs/*/seed-1/*")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in first}
    tables = {name: (place / name).read_bytes() for name in ("results.json", "results.md", "images.csv")}
    with monkeypatch.context() as patch:
        began = failing(patch, None)
        assert not one(study, seeds=2) and not began, "final without the option"
        assert one(study, seeds=2, retries_failed=True, opens_test=False) is False, "the old tables lack it"
        assert began == [2] and (place / "results.json").read_bytes() == tables["results.json"]
        assert len((study / "test_openings.jsonl").read_text().splitlines()) == 1
        capsys.readouterr()
        assert one(study, seeds=2)
        assert began == [2] and one(study, seeds=2, retries_failed=True) and began == [2]
    said = capsys.readouterr().out.replace("\n", " ")
    assert "trainings ended after opening 1 of the test set" in said and "time 2" in said
    assert "nothing failed that may be otherwise the next time" in said
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in before} == before
    assert {name: (place / "opening-1" / name).read_bytes() for name in tables} == tables
    assert len((study / "test_openings.jsonl").read_text().splitlines()) == 2
    table = (place / "results.md").read_text()
    titles = [line for line in table.splitlines() if line.startswith("## ")]
    assert all("test seen 2 times" in title for title in titles)
    assert "seed 2 was tried again after timeout: TimedOut: 60 s have passed" in table and "2 of 2" in table
    (logged,) = [json.loads(line) for line in (place / "failures.jsonl").read_text().splitlines()]
    assert (logged["seed"], logged["outcome"]) == (2, "timeout") and "TimedOut" in logged["fault"]


def test_trained_again_it_is_as_if_it_had_never_failed(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Path(shutil.copytree(study, tmp_path / "other"))
    assert one(study, opens_test=False)
    with monkeypatch.context() as patch:
        failing(patch, OutOfMemory("no room"), (1,))
        assert not one(other, opens_test=False)
        assert not one(other, opens_test=False, retries_failed=True), "it fails again, and once more it may be tried"
    assert len((other / "retrained/one/failures.jsonl").read_text().splitlines()) == 1
    assert one(other, opens_test=False, retries_failed=True)
    first, second = (next(root.glob("retrained/one/runs/*/*/weights.safetensors")) for root in (study, other))
    assert first.read_bytes() == second.read_bytes()
    assert not list(other.glob("retrained/one/runs/*/*/fault.txt"))


def test_one_that_fails_anew_is_told_with_its_new_reason_and_opens_nothing(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for reason in ("60 s have passed", "90 s have passed"):
        with monkeypatch.context() as patch:
            failing(patch, TimedOut(reason))
            assert not one(study, seeds=2, retries_failed=reason.startswith("90"))
    table = (study / "retrained/one/results.md").read_text()
    assert "failed: timeout: TimedOut: 90 s have passed" in table and "after timeout: TimedOut: 60 s" in table
    assert "test seen" not in table and "1 of 2" in table
    assert len((study / "test_openings.jsonl").read_text().splitlines()) == 1
    assert not (study / "retrained/one/opening-1").exists()


def test_what_diverged_is_final_and_what_never_began_cannot_be_tried_again(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("retrain", study, "--select", "best", "--seeds", 1, "--name", "one", "train.epochs=2", "--retry-failed")
    code, _, error = nas_command(*command)
    assert code == 2 and "nothing was retrained here that could fail" in error and len(error.splitlines()) == 1
    assert not (study / "retrained/one/selection.json").exists()
    failing(monkeypatch, Diverged("the loss is nan"), (1,))
    assert not one(study)
    code, said, _ = nas_command(*command)
    assert code == 1 and "nothing failed that may be otherwise the next time" in said
    assert not (study / "retrained/one/failures.jsonl").exists()


def begun_from(study: Path, *more: object) -> tuple[int, str, str]:
    weights = f"train.encoder_weights={{file: {study.parent / 'weights.pth'}, as: unetpp_keras_L1}}"
    arguments = ("--select", "best", "--select", PUBLISHED, "--seeds", 1, "--name", "one", "--no-test")
    return nas_command("retrain", study, *arguments, weights, *more)


def checkpoint(seed: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    module = nas.to_module(nas.build(published["unetpp_keras_L1"], (3, 64, 64)))
    return {published_name(n, published_names["unetpp_keras_L1"]): t for n, t in module.state_dict().items()}


def test_each_network_says_what_of_the_encoder_weights_it_begins_with(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[dict[str, torch.Tensor]] = []
    real = trial.train

    def train(module: torch.nn.Module, *given: object, **named: object) -> Curve:
        began.append({name: tensor.clone() for name, tensor in module.state_dict().items()})
        return real(module, *given, **named)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(trial, "train", train)
    torch.save(checkpoint(7), study.parent / "weights.pth")
    code, said, error = begun_from(study)
    assert (code, error) == (0, "")
    theirs, names = checkpoint(7), published_names["unetpp_keras_L1"]
    encoder = {n for n in began[1] if n.startswith("encoder.")}
    assert encoder and all(torch.equal(began[1][n], theirs[published_name(n, names)]) for n in encoder)
    assert not all(torch.equal(t, theirs[published_name(n, names)]) for n, t in began[1].items())
    line = f"{PUBLISHED} begins with {len(encoder)} of its encoder's {len(encoder)} tensors from unetpp_keras_L1"
    table = (study / "retrained/one/results.md").read_text()
    assert said.count(line) == 2 and line in table, "before the training, and under the tables"
    assert re.search(r"trial-\d begins with 0 of its encoder's \d+ tensors", table)
    assert "images.csv" not in said.replace("\n", ""), "the test set was not opened"
    (study.parent / "weights.pth").unlink()
    assert begun_from(study)[0] == 0, "what is done is shown without them"


def test_encoder_weights_that_cannot_be_used_or_have_changed_are_one_line(study: Path) -> None:
    code, _, error = begun_from(study)
    assert code == 2 and "train.encoder_weights" in error and len(error.splitlines()) == 1, error
    assert not (study / "retrained/one/selection.json").exists(), "the name is still free"
    torch.save(checkpoint(7), study.parent / "weights.pth")
    assert begun_from(study)[0] == 0
    result = next((study / "retrained/one/runs").glob("published*/seed-1/result.json"))
    result.write_text(json.dumps(json.loads(result.read_text()) | {"outcome": "timeout"}))
    (study.parent / "weights.pth").unlink()
    assert begun_from(study, "--retry-failed")[0] == 2 and result.exists(), "not forgotten while it cannot begin"
    result.unlink()
    torch.save(checkpoint(8), study.parent / "weights.pth")
    code, _, error = begun_from(study)
    assert code == 2 and "weights.pth has changed since this began" in error and len(error.splitlines()) == 1, error


@pytest.mark.slow
def test_a_retrained_network_is_exported_with_its_weights_and_what_was_measured(
    retrained: tuple[Path, str], tmp_path: Path
) -> None:
    folder = next((retrained[0] / "retrained/both/runs").glob("trial-*/seed-2"))
    assert str(folder.parent) in retrained[1].splitlines()[-1]
    code, said, error = nas_command("export", folder, "--out", tmp_path / "out")
    assert (code, error) == (0, "") and "weights of the retraining" in said
    graph = Graph.from_json((folder / "graph.json").read_text())
    expected = nas.deploy_weights(graph, load_file(folder / "weights.safetensors"))
    found = load_file(tmp_path / "out" / "weights.safetensors")
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    kept = json.loads((tmp_path / "out" / "preprocess.json").read_text())
    assert (kept["size"], kept["classes"]) == (64, ["background", "lesion"])
    results = json.loads((retrained[0] / "retrained/both/results.json").read_text())
    card = (tmp_path / "out" / "README.md").read_text()
    assert f"Dice {results['networks'][folder.parent.name]['means']['dice']['mean']:.4f}" in card
    assert "seed 2" in card and "epochs 2" in card and "the test set was opened once" in card
    assert str(tmp_path.parent) not in card
