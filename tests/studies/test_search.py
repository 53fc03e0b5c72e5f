"""A whole study, small: what it records, that it can be stopped anywhere, and that faults become outcomes."""

import json
import math
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import torch
from optuna.trial import TrialState

import nas
import studies
from evaluators.curve import Curve, EpochRecord
from evaluators.faults import Diverged, Interrupted, OutOfMemory, TimedOut
from nas.graph import Graph
from search_spaces import load, spaces
from studies.errors import ConfigError
from studies.folder import StudyFolder
from studies.predictions import PREDICTIONS, read_predictions
from studies.records import StudyRecord
from studies.running import run

NEVER: Callable[[], bool] = lambda: False  # noqa: E731


def search(path: Path, *overrides: str, interrupted: Callable[[], bool] = NEVER) -> StudyRecord:
    run(path, overrides, None, interrupted)
    return studies.load("runs/tiny")


def test_a_study_records_what_can_be_rebuilt(tiny: Path) -> None:
    record = search(tiny)
    trials = record.trials()
    assert trials["outcome"].tolist() == ["ok"] * 4
    assert trials["key"].is_unique
    assert (trials["macs"] <= 60e6).all()
    for trial in record.frozen:
        folder = record.folder.trial(trial.number)
        graph = Graph.from_json((folder / "graph.json").read_text())
        architecture = load((folder / "architecture.json").read_text())
        assert graph.key() == trial.user_attrs["key"] == nas.build(architecture, (3, 96, 64)).key()
        assert spaces["unet"].replay(trial.params) == architecture
        assert nas.cost(nas.deploy(graph)).traffic_bytes == trial.values[1] == trials.loc[trial.number, "traffic_bytes"]
        assert len((folder / "curve.csv").read_text().splitlines()) == 3
        assert not (folder / "checkpoint.pt").exists()


def test_front_and_hypervolume_follow_from_the_trials(tiny: Path) -> None:
    record = search(tiny)
    trials, front = record.trials(), record.front()
    for number, row in trials.iterrows():
        dominated = ((trials["dice"] >= row["dice"]) & (trials["traffic_bytes"] <= row["traffic_bytes"])).sum() > 1
        assert (number in front.index) != dominated
        kept = (record.folder.trial(number) / "weights.safetensors").exists()
        assert kept == (number in front.index)
        predictions = read_predictions(record.folder.trial(number) / PREDICTIONS)
        assert (predictions is not None) == kept
        assert predictions is None or predictions.mean == pytest.approx(row["dice"], abs=1e-6)
    volume = record.hypervolume()
    assert volume.is_monotonic_increasing
    assert len(volume) == 4


def test_stored_weights_give_the_recorded_dice(tiny: Path) -> None:
    from safetensors.torch import load_file

    from evaluators.scoring import dice_score
    from studies.material import load_material

    record = search(tiny)
    best = record.front().index[0]
    folder = record.folder.trial(best)
    module = nas.to_module(Graph.from_json((folder / "graph.json").read_text()))
    module.load_state_dict(load_file(folder / "weights.safetensors"))
    validation = load_material(record.config, record.folder).validation
    dice = dice_score(
        module.eval(),
        validation.images,
        validation.masks,
        prediction=0,
        batch=4,
        dtype=torch.float32,
        channels_last=False,
    )
    assert dice.mean == pytest.approx(record.front()["dice"].iloc[0], abs=0.02)  # training scored in half precision


@pytest.mark.parametrize(
    "fault",
    [
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4096 bytes"),
        TypeError("Cannot handle this data type: (1, 1, 7), |u1"),
    ],
)
def test_a_fault_in_making_pictures_costs_them_and_no_trial(
    fault: Exception, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr("studies.trial.predictions_of", failing)
    record = search(tiny, "budget.trials=1")
    assert record.trials()["outcome"].tolist() == ["ok"]
    folder = record.folder.trial(0)
    assert (folder / "weights.safetensors").exists() and not (folder / PREDICTIONS).exists()
    assert str(fault) in (folder / "fault.txt").read_text()


def test_a_study_that_may_hold_no_pictures_makes_none_and_loses_those_it_has(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stored(record: StudyRecord) -> list[Path]:
        return list(record.folder.root.rglob(PREDICTIONS))

    assert stored(search(tiny, "budget.trials=1"))
    monkeypatch.setattr("studies.trial.predictions_of", pytest.fail)
    assert not stored(search(tiny, "budget.trials=1", "pictures=false"))
    again = search(tiny, "budget.trials=2", "pictures=false")
    assert len(again.trials()) == 2 and not stored(again)
    assert not (again.folder.trial(1) / "fault.txt").exists()


def summary(record: StudyRecord) -> list[tuple[str, float]]:
    return list(zip(record.trials()["key"], record.trials()["dice"], strict=True))


def test_the_same_seed_gives_the_same_study(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = summary(search(tiny))
    (tmp_path / "again").mkdir()
    monkeypatch.chdir(tmp_path / "again")
    assert summary(search(tiny)) == first
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert {key for key, _ in summary(search(tiny, "seed=1"))}.isdisjoint({key for key, _ in first})


def after(steps: int) -> Callable[[], bool]:
    asked = count()
    return lambda: next(asked) >= steps


def test_stopped_anywhere_it_goes_on_to_the_same_end(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = count()
    whole = summary(search(tiny, interrupted=lambda: next(asked) < 0))
    total = next(asked)
    (tmp_path / "cut").mkdir()
    monkeypatch.chdir(tmp_path / "cut")
    stops = 0
    for share in (0, 0.3, 0.6, 0.4, 0.5, 0.35, 0.3, 2):
        try:
            search(tiny, interrupted=after(int(share * total)))
        except Interrupted:
            stops += 1
            begun = Path("runs/tiny/journal.log").exists()
            running = [t for t in studies.load("runs/tiny").frozen if not t.state.is_finished()] if begun else []
            assert len(running) <= 1
    assert stops >= 4
    assert summary(studies.load("runs/tiny")) == whole


def test_a_larger_budget_goes_on_and_another_recipe_is_refused(tiny: Path) -> None:
    first = summary(search(tiny, "budget.trials=2"))
    assert summary(search(tiny, "budget.trials=3"))[:2] == first
    with pytest.raises(ConfigError, match="train.epochs: was 2 when the study began, is now 3"):
        search(tiny, "train.epochs=3")
    with pytest.raises(ConfigError, match="seed"):
        search(tiny, "seed=5")


def test_changed_images_are_refused(tiny: Path) -> None:
    search(tiny, "budget.trials=1")
    split = Path("runs/tiny/split.json")
    stored = json.loads(split.read_text())
    name = next(iter(stored))
    stored[name][1] = "0" * 64
    split.write_text(json.dumps(stored))
    with pytest.raises(Exception, match=f"1 changed: {name}"):
        search(tiny, "budget.trials=2")


def test_a_second_driver_is_refused(tiny: Path) -> None:
    with (
        StudyFolder(Path("runs/tiny")).driver(),
        pytest.raises(ConfigError, match="another `nas search` is at work"),
    ):
        search(tiny)


def test_a_torn_last_line_of_the_journal_is_dropped(tiny: Path) -> None:
    first = summary(search(tiny, "budget.trials=2"))
    journal = Path("runs/tiny/journal.log")
    with journal.open("ab") as file:
        file.write(b'{"op_code":4,"worker_id":"x","tri')
    Path("runs/tiny/journal.log.lock").write_text("")
    record = search(tiny)
    assert summary(record)[:2] == first
    assert record.trials()["outcome"].tolist() == ["ok"] * 4


def test_a_damaged_line_in_the_middle_is_a_clear_error(tiny: Path) -> None:
    search(tiny, "budget.trials=1")
    journal = Path("runs/tiny/journal.log")
    lines = journal.read_text().splitlines()
    lines[2] = lines[2][:10]
    journal.write_text("\n".join(lines) + "\n")
    with pytest.raises(ConfigError, match="damaged"):
        studies.load("runs/tiny")


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Exception | float]]:
    """Trainings end one after the other as this list says: with an exception or with a Dice."""
    ends: list[Exception | float] = []

    def train(*_: object, **__: object) -> Curve:
        end = ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return Curve((EpochRecord(1, 0.5, end, 1.0, end), EpochRecord(2, 0.5, end, 1.0, end)))

    monkeypatch.setattr("studies.trial.train", train)
    yield ends


def test_faults_become_outcomes_and_the_study_goes_on(tiny: Path, faults: list[Exception | float]) -> None:
    faults += [OutOfMemory("no 3 GB left"), Diverged("nan"), TimedOut("60 s"), KeyError("x"), math.nan, math.inf, 0.5]
    record = search(tiny, "budget.trials=7")
    trials = record.trials()
    assert trials["outcome"].tolist() == ["oom", "diverged", "timeout", "bug", "diverged", "diverged", "ok"]
    assert trials.loc[0, "reason"] == "OutOfMemory: no 3 GB left"
    assert [t.state for t in record.frozen] == [TrialState.FAIL] * 6 + [TrialState.COMPLETE]
    assert record.front().index.tolist() == [6]
    assert all(math.isfinite(v) for t in record.frozen for v in t.values or ())


def test_a_study_without_any_result_says_so(tiny: Path, faults: list[Exception | float]) -> None:
    faults += [Diverged("nan")]
    assert run(tiny, ["budget.trials=1"], None, NEVER) is False


PUBLISHED_TOO = ("constraints.macs=<= 700 M", "start={published: true, max_share: 0.5}")


def test_screening_is_counted_and_published_networks_come_first(tiny: Path, faults: list[Exception | float]) -> None:
    faults += [0.1 + i / 100 for i in range(40)]
    record = search(tiny, *PUBLISHED_TOO, "budget.trials=40")
    assert record.trials()["origin"].tolist()[:2] == ["published:amsunet", "published:unet_bilinear32"]
    counts = json.loads(record.folder.screened_file.read_text())
    assert counts["admitted"] == 40
    assert counts["proposed"] == counts["admitted"] + counts.get("infeasible", 0) + counts.get("duplicate", 0)


def test_published_networks_beyond_their_share_of_the_budget_are_named(
    tiny: Path, faults: list[Exception | float], capsys: pytest.CaptureFixture[str]
) -> None:
    faults += [0.1, 0.2]
    record = search(tiny, *PUBLISHED_TOO, "budget.trials=2")
    assert not any(str(origin).startswith("published") for origin in record.trials()["origin"])
    assert "not tried: published amsunet: would train as long as" in capsys.readouterr().out


def test_latency_is_measured_before_a_trial_exists(tiny: Path, faults: list[Exception | float]) -> None:
    faults += [0.1, 0.2]
    record = search(tiny, "objectives=[dice, latency_ms]", "budget.trials=2", "constraints.latency_ms=<= 900")
    trials = record.trials()
    assert ((trials["latency_ms"] > 0) & (trials["latency_ms"] < 900)).all()
    assert [t.values[1] for t in record.frozen] == trials["latency_ms"].tolist()
    assert record.reference.values["latency_ms"] == 900
