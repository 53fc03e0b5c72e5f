"""Encoder weights in a study: read before anything begins, loaded where encoders agree, told of every trial."""

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

import nas
import studies
from evaluators.curve import Curve, EpochRecord
from evaluators.faults import Interrupted
from nas.derivation import fixed
from nas.graph import Graph
from search_spaces import published, published_names
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.encoders.staged import staged
from search_spaces.segmenter import segmenter
from search_spaces.upsampling.double_pad import double_pad
from search_spaces.weights import published_name
from studies.cli import app
from studies.config import FolderData, load_config
from studies.errors import ConfigError
from studies.records import StudyRecord
from studies.running import run
from studies.starter import starter_yaml
from studies.tables import pretrained_line

NEVER: Callable[[], bool] = lambda: False  # noqa: E731  # a constant, as in test_search.py
WEIGHTS = "train.encoder_weights={file: unet.pth, as: unet_bn32}"
MEMBER = ("constraints.macs=<= 100 M", "start={published: true, max_share: null}", "train.epochs=1")
SMALL = fixed(segmenter(encoder=staged(base=8, depth=3), decoder=unet_decoder(upsample=double_pad)))
"""`unet_bn32` with three levels of 8 to 32 channels, which takes its place here: it trains in a second."""


def state(seed: int) -> dict[str, torch.Tensor]:
    """A checkpoint of that network for three classes, as the published code writes it."""
    torch.manual_seed(seed)
    module = nas.to_module(nas.build(SMALL, (3, 64, 64), classes=3))
    return {published_name(name, published_names["unet_bn32"]): t for name, t in module.state_dict().items()}


@pytest.fixture
def pretrained(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny study beside a checkpoint of the one published network that it begins with."""
    torch.save(state(7), "unet.pth")
    monkeypatch.setattr("search_spaces.published", {**published, "unet_bn32": SMALL, "unetpp_bn32": SMALL})
    monkeypatch.setattr("studies.proposing.published", {"unet_bn32": SMALL})
    return tiny


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, torch.Tensor]]:
    """What modules hold when their trainings begin, which end at once."""
    states: list[dict[str, torch.Tensor]] = []

    def train(module: torch.nn.Module, *_: object, **__: object) -> Curve:
        states.append({name: tensor.clone() for name, tensor in module.state_dict().items()})
        return Curve((EpochRecord(1, 0.5, 0.5, 1.0, 0.5),))

    monkeypatch.setattr("studies.trial.train", train)
    return states


def search(path: Path, *overrides: str, interrupted: Callable[[], bool] = NEVER) -> StudyRecord:
    run(path, [*MEMBER, *overrides], None, interrupted)
    return studies.load("runs/tiny")


def nas_command(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_a_matching_encoder_begins_trained_and_the_rest_as_it_would_have(
    pretrained: Path, begun: list[dict[str, torch.Tensor]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search(pretrained, WEIGHTS, "budget.trials=2")
    (tmp_path / "without").mkdir()
    monkeypatch.chdir(tmp_path / "without")
    search(pretrained, "budget.trials=2")
    trained, other, plain, other_plain = begun
    theirs = state(7)
    for name, tensor in trained.items():
        if name.startswith("encoder.") and not name.endswith("tracked"):
            assert torch.equal(tensor, theirs[published_name(name, published_names["unet_bn32"])]), name
        else:
            assert torch.equal(tensor, plain[name]), name
    assert not torch.equal(trained["encoder.stages0.conv1.weight"], plain["encoder.stages0.conv1.weight"])
    assert all(torch.equal(tensor, other_plain[name]) for name, tensor in other.items())


def test_every_trial_says_what_it_began_with(pretrained: Path, begun: list[dict[str, torch.Tensor]]) -> None:
    record = search(pretrained, WEIGHTS, "budget.trials=2")
    trials = record.trials()
    assert trials["pretrained_tensors"].tolist() == [36, 0]
    graphs = [Graph.from_json((record.folder.trial(n) / "graph.json").read_text()) for n in (0, 1)]
    encoders = [[name for name in nas.to_module(graph).state_dict() if name.startswith("encoder.")] for graph in graphs]
    assert trials["encoder_tensors"].tolist() == [sum("tracked" not in name for name in names) for names in encoders]
    stored = [json.loads((record.folder.trial(n) / "encoder_weights.json").read_text()) for n in (0, 1)]
    assert stored[0]["loaded"] == [f"stages{i}" for i in range(3)]
    assert (stored[0]["as"], stored[0]["file"], stored[0]["fresh"]) == ("unet_bn32", "unet.pth", [])
    assert {"final.weight", "final.bias"} < set(stored[0]["dropped"])
    assert (stored[1]["loaded"], stored[1]["used"], len(stored[1]["unused"])) == ([], [], 36)


def test_a_study_without_weights_says_nothing_of_them(
    pretrained: Path, begun: list[dict[str, torch.Tensor]], capsys: pytest.CaptureFixture[str]
) -> None:
    record = search(pretrained, "budget.trials=1")
    assert not {"pretrained_tensors", "encoder_tensors"} & set(record.trials().columns)
    assert not (record.folder.trial(0) / "encoder_weights.json").exists()
    assert "encoder weights" not in capsys.readouterr().out


def test_search_and_status_say_what_began_with_them(
    pretrained: Path, begun: list[dict[str, torch.Tensor]], capsys: pytest.CaptureFixture[str]
) -> None:
    search(pretrained, WEIGHTS, "budget.trials=2")
    said = capsys.readouterr().out
    assert "encoder weights: 36 tensors of unet_bn32 in unet.pth · published members begin with: unet_bn32 36" in said
    assert "encoder weights of unet_bn32: 1 of 2 trials began with some" in said
    assert "encoder weights of unet_bn32: 1 of 2 trials began with some" in nas_command("status", "runs/tiny")[1]


def test_the_line_counts_no_trial_where_there_is_none() -> None:
    assert pretrained_line(pd.DataFrame({"outcome": []}), "hardnet68").endswith(": 0 of 0 trials began with some")


def test_a_dry_run_says_how_many_draws_would_begin_with_them(pretrained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.space.SearchSpace.sample", lambda space, rng: SMALL)
    monkeypatch.setattr("nas.sampling.Sampler.draw", lambda sampler, rng: SMALL)
    code, out, error = nas_command("search", pretrained, WEIGHTS, "--dry-run")
    assert (code, error) == (0, "")
    assert "published members begin with: unet_bn32 36 of its 36" in out
    assert "of feasible random ones 100.0% begin with some of the encoder weights" in out


def after(steps: int) -> Callable[[], bool]:
    asked = count()
    return lambda: next(asked) >= steps


def losses(record: StudyRecord) -> list[list[float]]:
    """Of each trial's epochs."""
    folders = [record.folder.trial(trial.number) for trial in record.frozen]
    return [pd.read_csv(folder / "curve.csv")["train_loss"].tolist() for folder in folders]


def test_stopped_in_a_training_it_goes_on_to_the_same_end(
    pretrained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = ("budget.trials=2", "train.epochs=2")
    whole = losses(search(pretrained, WEIGHTS, *budget))
    (tmp_path / "cut").mkdir()
    torch.save(state(7), tmp_path / "cut" / "unet.pth")
    monkeypatch.chdir(tmp_path / "cut")
    for steps in (2, 7):  # inside of the first epoch of the first trial, then behind its checkpoint
        with pytest.raises(Interrupted):
            search(pretrained, WEIGHTS, *budget, interrupted=after(steps))
    assert losses(search(pretrained, WEIGHTS, *budget)) == whole
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    without = losses(search(pretrained, *budget))
    assert [mine == theirs for mine, theirs in zip(without, whole, strict=True)] == [False, True]


def test_other_weights_are_refused_when_a_study_goes_on(pretrained: Path, begun: list[dict[str, torch.Tensor]]) -> None:
    search(pretrained, WEIGHTS, "budget.trials=1")
    config = Path("runs/tiny/study.yaml").read_text()
    began = "train.encoder_weights.as: was 'unet_bn32' when the study began"
    for override in (WEIGHTS.replace("unet_bn32", "unetpp_bn32"), "train.encoder_weights=null"):
        with pytest.raises(ConfigError, match=began):
            search(pretrained, override, "budget.trials=2")
    torch.save(state(8), "unet.pth")
    with pytest.raises(ConfigError, match=r"unet.pth has changed since the study began: SHA-256 [0-9a-f]{64}, now "):
        search(pretrained, WEIGHTS, "budget.trials=1")
    assert Path("runs/tiny/study.yaml").read_text() == config
    torch.save(state(7), "unet.pth")
    assert len(search(pretrained, WEIGHTS, "budget.trials=2").trials()) == 2


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ("{file: nowhere.pth, as: unet_bn32}", "nowhere.pth cannot be read as a checkpoint"),
        ("{file: ., as: unet_bn32}", "needs a checkpoint of unet_bn32 in .;"),
        ("{file: tiny.yaml, as: unet_bn32}", "tiny.yaml cannot be read as a checkpoint"),
        (
            "{file: unet.pth, as: hardnet68}",
            "needs a checkpoint of hardnet68 in unet.pth; the file is no hardnet68 encoder",
        ),
        ("{file: unet.pth, as: hardnet86}", "unknown network 'hardnet86'; did you mean 'hardnet85'?"),
        ("{file: unet.pth, as: ~}", "train.encoder_weights.as: needs text"),
        ("{file: unet.pth}", "train.encoder_weights.as: is missing; add it"),
        ("unet.pth", "train.encoder_weights: needs a mapping; came 'unet.pth'"),
        ("{file: unet.pth, ass: unet_bn32}", "did you mean 'train.encoder_weights.as'?"),
    ],
)
@pytest.mark.parametrize("dry", [False, True])
def test_weights_that_cannot_be_used_are_named_before_anything_begins(
    pretrained: Path, weights: str, said: str, dry: bool
) -> None:
    flags = ("--dry-run",) if dry else ()
    code, _, error = nas_command("search", pretrained, f"train.encoder_weights={weights}", *flags)
    assert code == 2
    assert said in error
    assert "Traceback" not in error
    assert not Path("runs").exists()


def test_what_a_study_stores_reads_back_and_init_writes_null(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text("name: x\ndata: {kind: generated}\ntrain: {encoder_weights: {file: a.pth, as: hardnet68}}\n")
    config = load_config(path)
    assert config.train.encoder_weights is not None
    assert (config.train.encoder_weights.file, config.train.encoder_weights.network) == (Path("a.pth"), "hardnet68")
    path.write_text(config.to_yaml())
    assert load_config(path) == config
    text = starter_yaml("x", FolderData(root=Path("y")), 600, 256, 0.1)
    assert "  encoder_weights: null  # {file: CHECKPOINT, as: hardnet68}: " in text
