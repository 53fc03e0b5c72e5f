"""`nas retrain` that is killed at any moment goes on to the same weights and the same tables."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.running import all_workers, wait_until

RETRAIN = ("retrain", "run", "--select", "best", "--seeds", "2")


def begun(folder: Path, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "studies.cli", *RETRAIN, "--name", name, "train.epochs=5"]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)


@pytest.mark.slow
def test_a_retraining_killed_at_random_moments_ends_with_the_same_weights(
    many: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    search = start("budget.trials=1", "train.epochs=2", "rungs.promote=off")
    search.communicate(timeout=200)
    assert search.returncode == 0
    assert begun(many, "whole").wait(timeout=300) == 0
    rng = random.Random(0)
    for _ in range(2):
        process = begun(many, "killed")
        place = many / "run" / "retrained" / "killed"
        wait_until(lambda p=place: list(p.glob("runs/*/*/checkpoint.pt")), 120, "a first epoch")  # type: ignore[misc]
        time.sleep(rng.uniform(0, 1))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        wait_until(lambda: not all_workers(many), 15, "workers gone")
    assert begun(many, "killed").wait(timeout=300) == 0
    runs = {name: sorted((many / "run/retrained" / name / "runs").glob("*/*")) for name in ("whole", "killed")}
    assert len(runs["whole"]) == 2
    for first, second in zip(*runs.values(), strict=True):
        assert (first / "weights.safetensors").read_bytes() == (second / "weights.safetensors").read_bytes()
    tables = [(many / "run/retrained" / name / "images.csv").read_bytes() for name in runs]
    assert tables[0] == tables[1]
    assert len((many / "run/test_openings.jsonl").read_text().splitlines()) == 2
