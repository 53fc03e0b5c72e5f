"""Every storage numbers the trials of many writers once each, and holds a whole search."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState, create_trial

import studies
from studies.storing import closed, opened

pytestmark = pytest.mark.slow
PROCESSES, TRIALS = 8, 50
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(params=["journal", "sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres"))
    return str(request.param)


def _add(storage: str, folder: Path, name: str, number: int) -> None:
    writing = storage != "journal"  # whose one driver mends what another left behind
    study = optuna.load_study(study_name=name, storage=opened(storage, folder, writing=writing))
    for index in range(TRIALS):
        study.add_trial(create_trial(state=TrialState.RUNNING, user_attrs={"key": f"{number}-{index}"}))


def test_eight_processes_number_their_trials_without_gap_or_double(storage: str, tmp_path: Path) -> None:
    record = opened(storage, tmp_path, writing=True)
    study = optuna.create_study(study_name="writers", storage=record, directions=["minimize", "maximize"])
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_add, args=(storage, tmp_path, "writers", i)) for i in range(PROCESSES)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(300)
        assert writer.exitcode == 0
    trials = study.get_trials()
    assert sorted(trial.number for trial in trials) == list(range(PROCESSES * TRIALS))
    assert len({trial.user_attrs["key"] for trial in trials}) == PROCESSES * TRIALS
    closed(record)


def test_a_search_goes_on_in_its_storage(storage: str, many: Path, start: Start) -> None:
    overrides = (f"storage={storage}", "rungs.promote=off", "train.epochs=2")
    for trials in (2, 4):
        driver = start(*overrides, f"budget.trials={trials}")
        _, error = driver.communicate(timeout=300)
        assert driver.returncode == 0, error
        assert studies.load(many / "run").trials()["outcome"].tolist() == ["ok"] * trials


def test_a_database_may_be_away_for_a_while(postgres: str, many: Path, start: Start) -> None:
    """Its server processes are stopped for some seconds in the middle of a search, which waits and goes on."""
    driver = start(f"storage={postgres}", "name=away", "rungs.promote=off", "budget.trials=6")
    for _ in range(3):
        time.sleep(4)
        backends = subprocess.run(["pgrep", "-f", "postgres: .*idle"], capture_output=True, text=True).stdout.split()
        for pid in backends:
            os.kill(int(pid), signal.SIGTERM)  # ends that connection, as an administrator or a failover would
    _, error = driver.communicate(timeout=400)
    assert driver.returncode == 0, error
    trials = studies.load(many / "run").trials()
    assert trials["outcome"].tolist() == ["ok"] * 6
    assert trials["key"].is_unique


def test_an_unreachable_database_is_exit_code_4(many: Path) -> None:
    code = "import studies.storing as s; s.PATIENCE_S = 2; from studies.cli import app; app()"
    words = ["search", "study.yaml", "--dir", "run", "storage=postgresql://nobody@127.0.0.1:1/none"]
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=many, capture_output=True, text=True, timeout=120)
    assert done.returncode == 4, done.stderr
    assert "storage: no answer for 2 s" in done.stderr
