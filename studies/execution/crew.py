"""Jobs in flight until they end: a lost one is tried again, one given up is not heard, nothing is left behind."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from evaluators.faults import Interrupted
from nas.errors import NasError
from studies.execution.jobs import Ended, Epoch, Executor, Job, Lost
from studies.trial import Result

__all__ = ["ATTEMPTS", "Crew", "DiskFull"]

ATTEMPTS = 3
LOOK_S = 0.5  # how soon a request to stop is seen while all slots train
LEAVE_S = 4.0  # what workers have to end their step; killed in it they lose no more than the epoch they are in


class DiskFull(NasError):
    """Nothing more can be stored. What was stored is whole, and the same command goes on from there."""


class Crew:
    """Has an executor train jobs, and says what becomes of them.

    Args:
        executor: Who trains.
        check_leave: Called whenever something was reported, and at least twice a second; may raise Interrupted.
        shown: Called with every epoch.
        ended: Called with a job and its result, once for each job that is submitted.
        again: Called with a job that was lost and is about to be submitted once more.
    """

    def __init__(
        self,
        executor: Executor,
        check_leave: Callable[[], None],
        shown: Callable[[Epoch], None],
        ended: Callable[[Job, Result], None],
        again: Callable[[Lost], None],
    ):
        self._executor, self._check_leave = executor, check_leave
        self._shown, self._ended, self._again = shown, ended, again
        self._flying: dict[int, Job] = {}

    def __len__(self) -> int:
        """Return how many jobs have not ended."""
        return len(self._flying)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Leave no training behind, however what is done meanwhile ends."""
        try:
            yield
        except Interrupted:
            self._executor.close(LEAVE_S)
            raise
        finally:
            self._executor.close(0)

    def submit(self, job: Job) -> None:
        """Begin a job, when a slot is free: until then what others report is taken in."""
        self.work_off(self._executor.slots - 1)
        self._begin(job)

    def work_off(self, most: int) -> None:
        """Take in reports until at most so many jobs are in flight. Raises DiskFull, and what `check_leave` raises."""
        while True:
            self._check_leave()
            if len(self._flying) <= most:
                return
            for report in self._executor.wait(LOOK_S):
                if self._flying.get(report.job.number) != report.job:
                    continue  # of an attempt that was given up
                if isinstance(report, Epoch):
                    self._shown(report)
                elif isinstance(report, Ended):
                    self._end(report.job, report.result)
                else:
                    self._try_again(report)

    def _begin(self, job: Job) -> None:
        self._flying[job.number] = job
        self._executor.submit(job)

    def _end(self, job: Job, result: Result) -> None:
        del self._flying[job.number]
        if result.outcome == "disk_full":
            raise DiskFull(
                f"{job.folder}: the disk is full ({result.reason}); make room, then go on by the same command"
            )
        self._ended(job, result)

    def _try_again(self, lost: Lost) -> None:
        """Have a job trained once more from its checkpoint; after the last attempt it has failed."""
        if lost.job.attempt < ATTEMPTS:
            self._again(lost)
            self._begin(replace(lost.job, attempt=lost.job.attempt + 1))
        else:
            self._end(lost.job, Result("crash", f"lost {ATTEMPTS} times; at last {lost.reason}", None, 0.0))
