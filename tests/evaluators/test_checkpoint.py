import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from evaluators.checkpoint import Progress, restore, save
from evaluators.curve import EpochRecord
from evaluators.ema import Ema
from evaluators.faults import CheckpointError

CPU = torch.device("cpu")


def progress(seed: int = 0) -> Progress:
    """Return a training that has done a step: every part differs between seeds."""
    torch.manual_seed(seed)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    optimizer = torch.optim.AdamW(module.parameters(), fused=True)
    ema = Ema(module, 0.9)
    module(torch.randn(2, 3, 6, 6)).square().mean().backward()
    for _ in range(seed + 1):
        optimizer.step()
        ema.update(module)
    return Progress(module, ema, optimizer, [EpochRecord(1, 0.5, 0.25, float(seed), 0.5)])


def test_every_part_comes_back(tmp_path: Path) -> None:
    written, read = progress(0), progress(1)
    save(tmp_path / "run.pt", written, "same")
    restore(tmp_path / "run.pt", read, "same", CPU)
    assert read.records == written.records
    assert read.ema.updates == written.ema.updates
    for one, other in ((read.module, written.module), (read.ema.module, written.ema.module)):
        for name, value in other.state_dict().items():
            assert torch.equal(one.state_dict()[name], value), name
    for one, other in zip(
        read.optimizer.state_dict()["state"].values(), written.optimizer.state_dict()["state"].values(), strict=True
    ):
        assert all(torch.equal(one[name], other[name]) for name in ("step", "exp_avg", "exp_avg_sq"))


def test_averages_go_on_after_a_restore(tmp_path: Path) -> None:
    written, read = progress(0), progress(1)
    save(tmp_path / "run.pt", written, "same")
    restore(tmp_path / "run.pt", read, "same", CPU)
    for state in (written, read):
        state.ema.update(state.module)
    for name, value in written.ema.module.state_dict().items():
        assert torch.equal(read.ema.module.state_dict()[name], value), name


def test_a_kill_while_writing_leaves_the_last_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.pt"
    save(path, progress(0), "same")
    before = path.read_bytes()

    def killed(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        save(path, progress(1), "same")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


class Trap:
    """Makes a folder when it is unpickled in the usual way."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_code_in_a_checkpoint_is_refused_and_not_executed(tmp_path: Path) -> None:
    trap, path = Trap(tmp_path / "sprung"), tmp_path / "run.pt"
    torch.save({"format": 1, "fingerprint": "same", "module": trap}, path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        restore(path, progress(), "same", CPU)
    assert not trap.path.exists()
    torch.load(path, weights_only=False)  # the trap does work
    assert trap.path.exists()


@pytest.mark.parametrize("content", ["cut", "empty", "text", "list"])
def test_damaged_and_foreign_files_are_an_error(tmp_path: Path, content: str) -> None:
    path, state = tmp_path / "run.pt", progress()
    save(path, state, "same")
    if content == "list":
        torch.save([1, 2], path)
    else:
        path.write_bytes({"cut": path.read_bytes()[:2000], "empty": b"", "text": b"epoch 3\n"}[content])
    with pytest.raises(CheckpointError, match=r"run\.pt"):
        restore(path, state, "same", CPU)


def test_a_flipped_bit_in_a_weight_is_found(tmp_path: Path) -> None:
    path, state = tmp_path / "run.pt", progress()
    save(path, state, "same")
    content = bytearray(path.read_bytes())
    weights = state.module.state_dict()["0.weight"].numpy().tobytes()
    content[content.index(weights) + 10] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        restore(path, state, "same", CPU)


def test_another_fingerprint_is_an_error_that_shows_both(tmp_path: Path) -> None:
    save(tmp_path / "run.pt", progress(), "epochs 12")
    with pytest.raises(CheckpointError, match="epochs 12 there, epochs 20 here"):
        restore(tmp_path / "run.pt", progress(), "epochs 20", CPU)


def test_another_network_is_an_error(tmp_path: Path) -> None:
    save(tmp_path / "run.pt", progress(), "same")
    other = replace(progress(), module=nn.Conv2d(3, 4, 3))
    with pytest.raises(CheckpointError, match="another network"):
        restore(tmp_path / "run.pt", other, "same", CPU)
