"""Trials that failed: how, why, and the end of what was written when they did."""

import re
from typing import NamedTuple

from studies.report.rows import Row, Study

__all__ = ["Failure", "failures_of"]

ENDED_OTHERWISE = ("ok", "stopped", "waiting", "running", "continued")
MOST, LINES, BYTES = 50, 15, 4000


class Failure(NamedTuple):
    """A trial that failed; `end` is the end of its fault.txt, without the folders of this machine; may be empty."""

    row: Row
    end: str


def failures_of(study: Study) -> tuple[int, list[Failure]]:
    """Return how many trials failed, and the last of them, the latest first."""
    failed = [row for row in study.rows if row.outcome not in ENDED_OTHERWISE]
    return len(failed), [Failure(row, _end(study, row.number)) for row in failed[: -MOST - 1 : -1]]


def _end(study: Study, number: int) -> str:
    try:
        content = (study.folder.trial(number) / "fault.txt").read_bytes()[-BYTES:]
    except OSError:
        return ""
    lines = content.decode("utf-8", errors="replace").splitlines()[-LINES:]
    return re.sub(r'(?<=File ")[^"\n]*?((?:[^"/\n]+/)?[^"/\n]+)(?=")', r"\1", "\n".join(lines))
