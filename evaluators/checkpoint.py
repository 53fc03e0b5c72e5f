"""The state of a training between two epochs, and the file that keeps it.

The file holds tensors, numbers and text only, is read without executing anything, and is replaced in one step: a kill
at any moment leaves the last or the new state. Random numbers need no state, each epoch seeds its own.
"""

import os
import pickle
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from evaluators.curve import EpochRecord
from evaluators.ema import Ema
from evaluators.faults import CheckpointError

__all__ = ["Progress", "restore", "save"]

_FORMAT = 1


@dataclass
class Progress:
    """A training after some epochs; `records` has one for each."""

    module: nn.Module
    ema: Ema
    optimizer: torch.optim.Optimizer
    records: list[EpochRecord] = field(default_factory=list)


def save(path: Path, progress: Progress, fingerprint: str) -> None:
    """Write the state to `path`, atomically and through to the disk; the folder must exist."""
    state = {
        "format": _FORMAT,
        "fingerprint": fingerprint,
        "module": progress.module.state_dict(),
        "ema": progress.ema.module.state_dict(),
        "ema_updates": progress.ema.updates,
        "optimizer": progress.optimizer.state_dict(),
        "records": [asdict(record) for record in progress.records],
    }
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)  # a full disk should not also keep half a file


def restore(path: Path, progress: Progress, fingerprint: str, device: torch.device) -> None:
    """Fill `progress` with the state at `path`.

    Raises:
        CheckpointError: The file is damaged, holds anything that would have to be executed, or was written by a run
            with another fingerprint or network.
    """
    state = _read(path, device)
    if state["fingerprint"] != fingerprint:
        raise CheckpointError(
            f"checkpoint {path}: written by another run; delete it or restore what differs: "
            f"{state['fingerprint']} there, {fingerprint} here"
        )
    try:
        progress.module.load_state_dict(state["module"])
        progress.ema.module.load_state_dict(state["ema"])
        progress.optimizer.load_state_dict(state["optimizer"])
    except (RuntimeError, ValueError) as error:
        raise CheckpointError(f"checkpoint {path}: of another network: {' '.join(str(error).split())}") from error
    progress.ema.updates = state["ema_updates"]
    progress.records = [EpochRecord(**record) for record in state["records"]]


def _read(path: Path, device: torch.device) -> dict[str, Any]:
    if not _whole(path):
        raise CheckpointError(f"checkpoint {path}: damaged or of another kind; delete it to start anew")
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"checkpoint {path}: cannot be read: {reason}; delete it to start anew") from error
    if not isinstance(state, dict) or state.get("format") != _FORMAT:
        raise CheckpointError(f"checkpoint {path}: not a checkpoint of format {_FORMAT}; delete it to start anew")
    return state


def _whole(path: Path) -> bool:
    """Tell whether every part of the archive has its checksum, which torch writes but does not compare."""
    with path.open("rb") as file:
        try:
            return zipfile.ZipFile(file).testzip() is None
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, OSError):
            return False  # what zipfile makes of flipped bits in the parts that have no checksum
