"""What the driver asks of whoever trains, and what it hears of it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from evaluators.curve import EpochRecord
from studies.trial import Result

__all__ = ["Ended", "Epoch", "Executor", "Job", "Lost", "Report"]


@dataclass(frozen=True)
class Job:
    """Train a trial, on from its checkpoint if it has one, up to an epoch.

    Attributes:
        number: The trial.
        attempt: 1 for the first; a report on an earlier attempt than the last is refused.
        folder: Where its graph lies and its checkpoint, curve and weights go.
        until: The epoch to stop after: a rung's, or the last.
        memory_factor: By what predictions of memory are multiplied, as the study has learnt.
        seed: Of weights, order and augmentation; None: the study's.
    """

    number: int
    attempt: int
    folder: Path
    until: int
    memory_factor: float = 1.0
    seed: int | None = None


@dataclass(frozen=True)
class Epoch:
    """An epoch has ended; its checkpoint is on disk."""

    job: Job
    record: EpochRecord


@dataclass(frozen=True)
class Ended:
    """A job came to an end, well or with a fault of the trial's own."""

    job: Job
    result: Result


@dataclass(frozen=True)
class Lost:
    """Whoever trained died or was silent too long; nobody works on the job any more."""

    job: Job
    reason: str


Report = Epoch | Ended | Lost


class Executor(Protocol):
    """Trains jobs. Only the driver calls it, from one thread; a job is on one slot from `submit` to its last report."""

    @property
    def slots(self) -> int:
        """How many jobs can run at once."""

    def submit(self, job: Job) -> None:
        """Begin a job; there must be a free slot."""

    def wait(self, seconds: float) -> list[Report]:
        """Return what has been reported since, or nothing after so many seconds. Raises Interrupted in `Here`."""

    def cancel(self, job: Job) -> None:
        """End a job at once. Nothing will be reported of it; its last finished epoch stays in the checkpoint."""

    def quiet(self, check_leave: Callable[[], None]) -> AbstractContextManager[None]:
        """While this is held no job computes, so that latency can be measured on the same device.

        `check_leave` is called while that is waited for, and may raise.
        """

    def close(self, seconds: float) -> None:
        """End all jobs: each may finish its step; what still runs after so many seconds is killed."""
