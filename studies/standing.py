"""What the driver of a search said last, for whoever looks at the study from outside."""

import os
from typing import NamedTuple

from studies.folder import StudyFolder, read_json

__all__ = ["Said", "last_said"]


class Said(NamedTuple):
    """A process at work, how many networks it trains at once, and the line it said, at `at` seconds since 1970."""

    pid: int
    at: float
    slots: int
    text: str


def last_said(folder: StudyFolder) -> Said | None:
    """Return what the study's driver said last, None if none is at work."""
    stored = read_json(folder.standing_file)
    if not stored or not _is_running(int(str(stored["pid"]))):
        return None
    return Said(int(str(stored["pid"])), float(str(stored["at"])), int(str(stored["slots"])), str(stored["text"]))


def _is_running(pid: int) -> bool:
    """Return whether there is such a process; one that belongs to somebody else counts."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
