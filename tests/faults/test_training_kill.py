"""A training that is killed without notice and goes on from its checkpoint gives the bits of one that was not."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

pytestmark = pytest.mark.slow

TRAINING = """
import itertools
import sys
import time
from pathlib import Path

import torch

from torch import nn

from evaluators.data.generated import scenes
from evaluators.recipe import Recipe
from evaluators.training import train

torch.set_num_threads(1)
torch.manual_seed(0)
folder, pause_at = Path(sys.argv[1]), sys.argv[2]
steps = itertools.count(1)
module = nn.Sequential(
    nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout2d(0.3),
    nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 1, 1),
)


def say(what):
    print(what, flush=True)
    if what == pause_at:
        time.sleep(600)  # until the killer comes


def interrupted():
    say(f"step {next(steps)}")
    return False


curve = train(
    module, scenes(24, 32, 0), scenes(8, 32, 1), Recipe(epochs=10, batch=4, precision="bf16"), torch.device("cpu"),
    checkpoint=folder / "checkpoint.pt",
    on_epoch=lambda record: say(f"epoch {record.epoch}"), interrupted=interrupted, micro_batch=3,
)
torch.save({"weights": module.state_dict(), "curve": [(r.epoch, r.train_loss, r.dice) for r in curve.epochs]},
           folder / "result.pt")
"""


def start(folder: Path, pause_at: str = "never") -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-c", TRAINING, str(folder), pause_at]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finish(folder: Path) -> tuple[dict[str, Any], list[str]]:
    process = start(folder)
    told, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return torch.load(folder / "result.pt", weights_only=True), [
        line for line in told.splitlines() if line.startswith("epoch")
    ]


@pytest.mark.parametrize("moment", ["epoch 5", "step 33"])  # just written; in the midst of the sixth epoch
def test_ten_epochs_are_five_a_kill_and_five_more_to_the_bit(tmp_path: Path, moment: str) -> None:
    whole, _ = finish(tmp_path / "whole")
    process = start(tmp_path / "killed", pause_at=moment)
    assert process.stdout is not None
    while process.stdout.readline().strip() != moment:
        assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    continued, told = finish(tmp_path / "killed")
    assert told == [f"epoch {epoch}" for epoch in range(6, 11)]
    assert continued["curve"] == whole["curve"]
    for name, value in whole["weights"].items():
        assert torch.equal(continued["weights"][name], value), name
