"""The log of how often a study's test set was opened, and by what: each opening is on disk before an image is read."""

import hashlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import filelock

from studies.errors import ConfigError
from studies.folder import StudyFolder, read_json, write_atomic
from studies.retraining.plan import Plan, Run

__all__ = ["open_test_set", "opening_of", "times_opened"]


def open_test_set(study: StudyFolder, plan: Plan, runs: Sequence[Run]) -> int:
    """Log that these weights of this selection are tested, and return the number of the opening, from 1.

    One that was stopped before its results were stored goes on under its number, if the weights are the same.
    """
    what = _fingerprint(plan, runs)
    known = read_json(plan.folder.opening_file)
    if known.get("of") == what:
        return int(str(known["number"]))
    log = _log(study)
    with filelock.FileLock(log.with_suffix(".lock")):
        number = times_opened(study) + 1
        line = {
            "number": number,
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "folder": plan.folder.root.name,
            "selection_sha256": plan.sha256,
            "of": what,
        }
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
    write_atomic(plan.folder.opening_file, json.dumps(line, indent=1))
    return number


def opening_of(plan: Plan, runs: Sequence[Run]) -> int | None:
    """Return the number of the opening that was of these weights; None if the test set was not opened for them."""
    known = read_json(plan.folder.opening_file)
    return int(str(known["number"])) if known.get("of") == _fingerprint(plan, runs) else None


def times_opened(study: StudyFolder) -> int:
    """Return how often the test set was opened. Raises ConfigError if the log is damaged or shortened."""
    log = _log(study)
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    known = [int(str(read_json(path)["number"])) for path in study.root.glob("retrained/*/opening.json")]
    try:
        numbers = [json.loads(line)["number"] for line in lines]
        if numbers == list(range(1, len(lines) + 1)) and max(known, default=0) <= len(lines):
            return len(lines)
    except (ValueError, TypeError, KeyError):
        pass
    raise ConfigError(f"{log}: is damaged, or lines are missing; put back what says how often the test set was opened")


def _log(study: StudyFolder) -> Path:
    return study.root / "test_openings.jsonl"


def _fingerprint(plan: Plan, runs: Sequence[Run]) -> str:
    """Return a hash of the selection and of the weights."""
    digest = hashlib.sha256(plan.sha256.encode())
    for run in runs:
        with (run.folder / "weights.safetensors").open("rb") as file:
            digest.update(f"{run.network} {run.seed} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()
