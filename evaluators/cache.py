"""Where measurements are kept between runs, and the locks of what only one process may do at a time."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import torch

from evaluators.faults import DeviceError

__all__ = ["cache_folder", "locked", "measuring"]


def cache_folder() -> Path:
    """Return `$NAS_CACHE`, else `nas-medseg` below `$XDG_CACHE_HOME` or `~/.cache` (XDG Base Directory, 0.8)."""
    own = os.environ.get("NAS_CACHE")
    if own:
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "nas-medseg"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; waits for whoever holds it. The system gives it back if this process dies.

    Raises DeviceError where it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(path, is_singleton=True)  # whoever holds it may take it again
        lock.acquire()
    except OSError as fault:
        raise DeviceError(
            f"{path}: cannot be written ({fault.strerror}); measurements are kept there: set NAS_CACHE to a folder "
            f"that can be"
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def measuring(device: torch.device) -> Iterator[None]:
    """Hold the device against every other measurement on this machine, whichever study or user command takes it."""
    name = str(torch.cuda.get_device_properties(device).uuid) if device.type == "cuda" else "cpu"
    with locked(cache_folder() / f"measuring-{platform.node() or 'here'}-{name}.lock"):
        yield
