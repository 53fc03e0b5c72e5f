"""What runs of a search, as the system sees it."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path


def workers_of(driver: int) -> list[int]:
    """Return the processes that train for a driver."""
    found = subprocess.run(["pgrep", "-f", "-P", str(driver), "spawn_main"], capture_output=True, text=True).stdout
    return [int(pid) for pid in found.split()]


def all_workers(folder: Path) -> list[int]:
    """Return the training processes that run in a folder, whoever their parent is now."""
    found = subprocess.run(["pgrep", "-f", "spawn_main"], capture_output=True, text=True).stdout
    return [int(pid) for pid in found.split() if _place(int(pid)) == folder]


def _place(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return None


def wait_until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until something holds; fail after so many seconds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not in {seconds:.0f} s: {what}"
        time.sleep(0.05)
