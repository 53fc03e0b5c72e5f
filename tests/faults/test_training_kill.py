"""A training that is killed without notice and goes on from its checkpoint gives the bits of one that was not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.slow

EPOCHS, KILLED_AFTER = 10, 5

TRAINING = """
import sys
import time
from pathlib import Path

import torch

import nas
from evaluators.data.generated import scenes
from evaluators.recipe import Recipe
from evaluators.training import train
from search_spaces import published

torch.set_num_threads(1)
torch.manual_seed(0)
folder, epochs = Path(sys.argv[1]), int(sys.argv[2])
module = nas.to_module(nas.build(published["amsunet"], (3, 32, 32), 1))


def on_epoch(record):
    print(record.epoch, flush=True)
    time.sleep(0.2 if epochs else 0)  # the killer needs a moment


curve = train(
    module, scenes(24, 32, 0), scenes(8, 32, 1), Recipe(epochs=10, batch=4, precision="bf16"), torch.device("cpu"),
    checkpoint=folder / "checkpoint.pt", on_epoch=on_epoch, micro_batch=3,
)
torch.save({"weights": module.state_dict(), "curve": [(r.epoch, r.train_loss, r.dice) for r in curve.epochs]},
           folder / "result.pt")
"""


def start(folder: Path, killed: bool) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-c", TRAINING, str(folder), "1" if killed else "0"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finish(folder: Path) -> tuple[dict[str, object], list[str]]:
    process = start(folder, killed=False)
    told, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return torch.load(folder / "result.pt", weights_only=True), told.split()


@pytest.mark.parametrize("late_s", [0.0, 0.35])
def test_ten_epochs_are_five_a_kill_and_five_more_to_the_bit(tmp_path: Path, late_s: float) -> None:
    """Killed right after an epoch's checkpoint, or in the midst of the next epoch."""
    whole, _ = finish(tmp_path / "whole")
    process = start(tmp_path / "killed", killed=True)
    assert process.stdout is not None
    while process.stdout.readline().strip() != str(KILLED_AFTER):
        assert process.poll() is None
    time.sleep(late_s)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    continued, told = finish(tmp_path / "killed")
    assert told == [str(epoch) for epoch in range(KILLED_AFTER + 1, EPOCHS + 1)]
    assert continued["curve"] == whole["curve"]
    for name, value in whole["weights"].items():  # type: ignore[attr-defined]  # a state dict
        assert torch.equal(continued["weights"][name], value), name  # type: ignore[index]
