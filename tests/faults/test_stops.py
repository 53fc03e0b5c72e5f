"""A search ended from outside, by every signal and at random moments, loses and repeats nothing."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import studies

pytestmark = pytest.mark.slow

STUDY = """\
name: stopped
objectives: [dice, traffic_bytes]
constraints: {macs: "<= 60 M"}
data: {kind: generated, images: 40, size: 64}
train: {size: 64, epochs: 12, batch: 4, threads: 1}
deploy: {size: 64}
sampler: {startup: 3}
budget: {trials: 5}
start: {published: false}
rungs: {promote: "off"}
workers: 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "study.yaml").write_text(STUDY)
    return tmp_path


def start(folder: Path, run: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "studies.cli", "search", "study.yaml", "--dir", run]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(folder: Path, run: str) -> list[tuple[str, float]]:
    process = start(folder, run)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    return summary(folder / run)


def summary(directory: Path) -> list[tuple[str, float]]:
    trials = studies.load(directory).trials()
    assert set(trials["outcome"]) == {"ok"}
    return list(zip(trials["key"], trials["dice"], strict=True))


def wait_for(path: Path, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} never came"
        time.sleep(0.02)


def end(process: subprocess.Popen[str], seconds: float) -> str:
    """Wait for the process, at most so long, and return what it said on stderr."""
    try:
        return process.communicate(timeout=seconds)[1]
    finally:
        process.kill()
        process.communicate()


def test_killed_at_random_moments_it_ends_as_if_it_had_not_been(folder: Path) -> None:
    whole, moments, kills = finish(folder, "whole"), random.Random(20), 0
    for _ in range(8):
        process = start(folder, "killed")
        assert process.stdout is not None
        assert process.stdout.readline().startswith("study stopped")  # its imports are behind it
        time.sleep(moments.uniform(0.05, 4))
        kills += process.poll() is None
        process.kill()
        process.communicate()
    assert kills >= 3
    assert finish(folder, "killed") == whole


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_the_state_and_ends_within_ten_seconds(folder: Path, number: signal.Signals, code: int) -> None:
    process = start(folder, "asked")
    wait_for(folder / "asked" / "trials" / "00001")
    process.send_signal(number)
    began = time.monotonic()
    error = end(process, 30)
    assert time.monotonic() - began < 10
    assert process.returncode == code
    assert "goes on from here" in error
    assert finish(folder, "asked") == finish(folder, "whole")


def test_a_second_signal_ends_at_once(folder: Path) -> None:
    process = start(folder, "hurried")
    wait_for(folder / "hurried" / "trials" / "00000" / "graph.json")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while not process.stderr.readline().startswith("stopping"):
        pass
    process.send_signal(signal.SIGINT)
    end(process, 5)
    assert process.returncode in (130, -signal.SIGINT)  # the first may just have been obeyed
