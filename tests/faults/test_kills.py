"""Workers and drivers that are killed or stopped at random moments lose and repeat nothing."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import studies
from studies.records import continued
from tests.faults.running import all_workers, wait_until, workers_of

pytestmark = pytest.mark.slow
Start = Callable[..., "subprocess.Popen[str]"]
KILLS_OF_WORKERS, KILLS_OF_DRIVERS = 20, 10


def ended(process: "subprocess.Popen[str]", seconds: float = 600) -> None:
    _, error = process.communicate(timeout=seconds)
    assert process.returncode == 0, error


def results(folder: Path) -> pd.DataFrame:
    """Return the finished trials; each was told once, and each network tried once."""
    record = studies.load(folder / "run")
    assert all(trial.state.is_finished() for trial in record.frozen)
    trials = record.trials().drop(index=list(continued(record.frozen)))
    assert trials["key"].is_unique
    return trials


def told(folder: Path) -> dict[int, float]:
    """Return the results that are on record while the search runs or is down."""
    trials = studies.load(folder / "run").trials()
    if "dice" not in trials:
        return {}  # none has ended well yet
    return trials.loc[trials["outcome"] == "ok", "dice"].to_dict()


def test_twenty_killed_workers_cost_attempts_only(many: Path, start: Start) -> None:
    driver, moments, kills = start("rungs.promote=off", "budget.trials=16"), random.Random(7), 0
    while kills < KILLS_OF_WORKERS and driver.poll() is None:
        time.sleep(moments.uniform(0.5, 6))
        pids = workers_of(driver.pid)
        if pids:
            os.kill(moments.choice(pids), signal.SIGKILL)
            kills += 1
    ended(driver)
    trials = results(many)
    assert kills >= KILLS_OF_WORKERS // 2
    assert len(trials) == 16
    crashed = trials[trials["outcome"] == "crash"]
    assert set(trials["outcome"]) <= {"ok", "crash"}
    assert (crashed["attempts"] == 3).all()
    assert (trials["epochs"][trials["outcome"] == "ok"] == 9).all()
    assert not all_workers(many)


def test_ten_killed_drivers_lose_no_result_and_leave_no_worker(many: Path, start: Start) -> None:
    moments, known, kills = random.Random(8), {}, 0
    for _ in range(KILLS_OF_DRIVERS):
        driver = start()
        time.sleep(moments.uniform(4, 12))
        old = workers_of(driver.pid)
        kills += driver.poll() is None
        driver.kill()
        driver.communicate()
        wait_until(lambda old=old: not set(old) & set(all_workers(many)), 10, "workers end after their driver")
        if (many / "run" / "facts.json").exists() and (many / "run" / "journal.log").exists():
            now = told(many)
            assert now.items() >= known.items(), "a result was lost or changed"
            known = now
    assert kills >= 3
    ended(start())
    trials = results(many)
    assert len(trials) == 24
    assert trials["dice"].to_dict().items() >= known.items()
    assert set(trials["outcome"]) == {"ok", "stopped"}


def test_a_stopped_worker_is_given_up_and_its_late_result_refused(many: Path, start: Start) -> None:
    driver = start("rungs.promote=off", "budget.trials=4", "train.silence_s=5")
    wait_until(lambda: len(list(many.glob("run/trials/*/checkpoint.pt"))) > 0, 120, "the first epoch")
    stopped = workers_of(driver.pid)[0]
    os.kill(stopped, signal.SIGSTOP)
    wait_until(lambda: stopped not in all_workers(many), 60, "the silent worker is killed")
    wait_until(lambda: not Path(f"/proc/{stopped}").exists(), 10, "nothing is left that SIGCONT could wake")
    ended(driver)
    trials = results(many)
    assert trials["outcome"].tolist() == ["ok"] * 4


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_driver_and_workers_within_ten_seconds(
    many: Path, start: Start, number: signal.Signals, code: int
) -> None:
    driver = start()
    wait_until(lambda: len(list(many.glob("run/trials/*/checkpoint.pt"))) > 0, 120, "the first epoch")
    began = time.monotonic()
    driver.send_signal(number)
    driver.communicate(timeout=60)
    assert time.monotonic() - began < 10
    assert driver.returncode == code
    assert not all_workers(many)
    ended(start("budget.trials=4"))
