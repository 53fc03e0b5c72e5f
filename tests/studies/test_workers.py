"""Worker processes: what a search with several of them records, and that a death among them costs one attempt."""

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from random import Random

import pytest
from optuna.trial import TrialState

import studies
from evaluators.faults import Interrupted
from search_spaces import spaces
from studies.config import StudyConfig, load_config
from studies.execution import Ended, Epoch, Job, Lost, Processes, Report
from studies.execution.worker import Task
from studies.ledger import Ledger
from studies.material import load_material
from studies.records import StudyRecord, continued
from studies.running import run
from studies.screening import Candidate
from studies.trial import store_candidate

NEVER: Callable[[], bool] = lambda: False  # noqa: E731
LONG_S = 120.0  # a loaded machine starts a process in many seconds


@pytest.fixture
def config(tiny: Path) -> StudyConfig:
    return load_config(tiny, ["train.epochs=40"])


@pytest.fixture
def workers(config: StudyConfig) -> Iterator[Processes]:
    task = Task(config, load_material(config, None), None, "", 1)
    executor = Processes(task, ["cpu", "cpu"], silence_s=LONG_S)
    yield executor
    executor.close(0)
    assert not multiprocessing.active_children()


@pytest.fixture
def job(config: StudyConfig, tmp_path: Path) -> Job:
    folder = tmp_path / "trial"
    store_candidate(folder, cheap())
    return Job(3, 1, folder, 40)


def cheap() -> Candidate:
    """Return a drawn member of few operations."""
    drawn = (Candidate(spaces["unet"].sample(Random(i)), {}, "test", 64, "fp32") for i in count())
    return next(c for c in drawn if c.cost.macs < 30e6 and c.cost.kernels < 60)


def until(executor: Processes, kind: type[Report]) -> list[Report]:
    """Return all reports up to the first of that kind."""
    reports: list[Report] = []
    end = time.monotonic() + LONG_S
    while not any(isinstance(report, kind) for report in reports):
        assert time.monotonic() < end, f"no {kind.__name__} came, only {reports}"
        reports += executor.wait(1.0)
    return reports


def child() -> int:
    (process,) = multiprocessing.active_children()
    assert process.pid is not None
    return process.pid


def test_a_killed_worker_loses_its_job_and_the_next_attempt_goes_on_from_the_checkpoint(
    workers: Processes, job: Job
) -> None:
    workers.submit(job)
    before = until(workers, Epoch)
    os.kill(child(), signal.SIGKILL)
    lost = until(workers, Lost)[-1]
    assert lost == Lost(job, "its process was ended by SIGKILL (out of memory?)")
    assert workers.wait(0.1) == []  # nothing more is heard of it
    again = Job(3, 2, job.folder, len(before) + 3)
    workers.submit(again)
    after = until(workers, Ended)
    epochs = [report.record.epoch for report in after if isinstance(report, Epoch)]
    assert epochs[0] > 1
    assert epochs[-1] == again.until
    ended = after[-1]
    assert isinstance(ended, Ended)
    assert ended.result.outcome == "paused"
    assert ended.result.curve is not None
    assert [record.epoch for record in ended.result.curve.epochs] == list(range(1, again.until + 1))


def test_a_silent_worker_is_killed_even_when_it_is_stopped(config: StudyConfig, job: Job) -> None:
    executor = Processes(Task(config, load_material(config, None), None, "", 1), ["cpu"], silence_s=LONG_S)
    executor.submit(job)
    until(executor, Epoch)
    stopped = child()
    os.kill(stopped, signal.SIGSTOP)
    executor._silence_s = 1.0
    time.sleep(1.5)
    lost = until(executor, Lost)[-1]
    assert isinstance(lost, Lost)
    assert "no sign of life" in lost.reason
    with pytest.raises(ProcessLookupError):
        os.kill(stopped, signal.SIGCONT)
    executor.close(0)


def test_while_it_is_quiet_no_step_is_made(workers: Processes, job: Job) -> None:
    workers.submit(job)
    until(workers, Epoch)
    with workers.quiet(lambda: None):
        checkpoint = (job.folder / "checkpoint.pt").stat().st_mtime_ns
        time.sleep(2)
        assert (job.folder / "checkpoint.pt").stat().st_mtime_ns == checkpoint
    assert isinstance(until(workers, Ended)[-1], Ended)


def test_a_cancelled_job_is_not_heard_of_again(workers: Processes, job: Job) -> None:
    workers.submit(job)
    until(workers, Epoch)
    workers.cancel(job)
    assert workers.wait(0.2) == []
    assert not multiprocessing.active_children()


def test_closing_lets_a_step_end_and_leaves_no_process(workers: Processes, job: Job) -> None:
    workers.submit(job)
    until(workers, Epoch)
    workers.close(30)
    assert not multiprocessing.active_children()
    assert (job.folder / "checkpoint.pt").exists()


def test_workers_die_with_a_driver_that_was_killed(tiny: Path, tmp_path: Path) -> None:
    """No order reaches them then; the end of the connection does."""
    context = multiprocessing.get_context("spawn")
    driver = context.Process(target=_drive, args=(tiny,))
    driver.start()
    pids = tmp_path / "pids"
    end = time.monotonic() + LONG_S
    while not pids.exists() or not pids.read_text():
        assert time.monotonic() < end
        time.sleep(0.1)
    worker = int(pids.read_text())
    driver.kill()
    driver.join()
    while Path(f"/proc/{worker}").exists() and "Z" not in Path(f"/proc/{worker}/stat").read_text().split()[2]:
        assert time.monotonic() < end, "the worker lives on"
        time.sleep(0.1)


def _drive(tiny: Path) -> None:
    config = load_config(tiny, ["train.epochs=4000"])
    folder = tiny.parent / "trial"
    store_candidate(folder, cheap())
    executor = Processes(Task(config, load_material(config, None), None, "", 1), ["cpu"], silence_s=LONG_S)
    executor.submit(Job(0, 1, folder, 4000))
    until(executor, Epoch)
    (tiny.parent / "pids").write_text(str(child()))
    time.sleep(LONG_S)


def search(path: Path, *overrides: str, interrupted: Callable[[], bool] = NEVER) -> StudyRecord:
    run(path, ["workers=2", *overrides], None, interrupted)
    return studies.load("runs/tiny")


def test_a_search_with_workers_and_rungs_records_every_trial_once(tiny: Path) -> None:
    rungs = ("rungs={promote: gain, bands: 1, first: 1}", "train.epochs=4")
    record = search(tiny, *rungs, "budget.trials=9")
    trials = record.trials()
    assert len(trials) == 9
    assert trials["key"].is_unique
    assert trials["epochs"].value_counts().to_dict() == {1: 6, 3: 2, 4: 1}
    assert trials["outcome"].value_counts().to_dict() == {"stopped": 8, "ok": 1}
    assert {t.state for t in record.frozen} == {TrialState.PRUNED, TrialState.COMPLETE}
    assert not any(t.intermediate_values for t in record.frozen)
    for trial in record.frozen:
        kept = (record.folder.trial(trial.number) / "checkpoint.pt").exists()
        assert kept == (trial.state == TrialState.PRUNED)
    more = search(tiny, *rungs, "budget.trials=12").trials()
    own = more[more["outcome"] != "continued"]
    assert (own["epochs"] > 1).sum() == 4, "one more place for three more"


def test_a_stopped_trial_can_go_on_as_another(tiny: Path) -> None:
    record = search(tiny, "rungs={promote: gain, bands: 1}", "train.epochs=4", "budget.trials=3")
    stopped = next(t.number for t in record.frozen if t.state == TrialState.PRUNED)
    facts = json.loads(record.folder.facts_file.read_text())
    ledger = Ledger(record.config, record.folder, record.reference, facts["identity"])
    seconds = ledger.tally().seconds
    new = ledger.go_on(stopped)
    assert (new.state, new.params) == (TrialState.RUNNING, record.frozen[stopped].params)
    assert ledger.unfinished() == [new]
    assert ledger.tally().seconds == pytest.approx(seconds)  # its epochs so far were trained once
    assert [run.number for run in ledger.tally().runs()] == [n for n in range(4) if n != stopped]
    rows = studies.load("runs/tiny").trials()
    assert rows.loc[stopped, "outcome"] == "continued"
    assert rows.loc[new.number, "key"] == rows.loc[stopped, "key"]
    assert continued(studies.load("runs/tiny").frozen) == {stopped: new.number}


def test_a_search_with_workers_stops_on_request_and_goes_on(tiny: Path) -> None:
    with pytest.raises(Interrupted):
        search(tiny, "train.epochs=30", interrupted=lambda: any(Path("runs").glob("*/trials/*/checkpoint.pt")))
    assert not multiprocessing.active_children()
    left = [t for t in studies.load("runs/tiny").frozen if not t.state.is_finished()]
    assert 1 <= len(left) <= 2
    record = search(tiny, "train.epochs=30", "budget.trials=3")
    assert record.trials()["outcome"].tolist() == ["ok"] * 3
