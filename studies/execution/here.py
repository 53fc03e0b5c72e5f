"""Training in the driver's own process: for debugging, and where processes cannot be had. One job at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from evaluators.curve import EpochRecord
from studies.execution.jobs import Ended, Epoch, Job, Report
from studies.trial import Trainer

__all__ = ["Here"]


class Here:
    """Trains within `wait`. A crash of the training is a crash of the driver."""

    slots = 1

    def __init__(self, trainer: Trainer):
        self._trainer = trainer
        self._job: Job | None = None

    def submit(self, job: Job) -> None:
        """Keep the job for the next `wait`."""
        assert self._job is None, "the only slot is taken"
        self._job = job

    def wait(self, seconds: float) -> list[Report]:
        """Train the job to its end. Raises Interrupted if asked to stop."""
        job, self._job = self._job, None
        if job is None:
            return []
        reports: list[Report] = []

        def on_epoch(record: EpochRecord) -> None:
            reports.append(Epoch(job, record))

        return [*reports, Ended(job, self._trainer.run(job.folder, job.until, on_epoch, job.memory_factor, job.seed))]

    def cancel(self, job: Job) -> None:
        """Forget the job."""
        self._job = None

    @contextmanager
    def quiet(self, check_leave: Callable[[], None]) -> Iterator[None]:
        """Nothing runs outside of `wait`."""
        yield

    def close(self, seconds: float) -> None:
        """Nothing runs outside of `wait`."""
