"""All trainings of a retraining, by the executor of a search: what is done is kept, what was stopped goes on."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from evaluators.faults import Interrupted
from studies.execution import Ended, Epoch, Executor, Job, Lost
from studies.folder import write_atomic
from studies.progress import Progress
from studies.retraining.plan import Run
from studies.search import ATTEMPTS, LEAVE_S, LOOK_S, DiskFull
from studies.trial import Result

__all__ = ["Trainings"]


class Trainings:
    """The runs that have not ended yet. A job's number is its run's place in the list."""

    def __init__(
        self,
        runs: Sequence[Run],
        epochs: int,
        executor: Executor,
        progress: Progress,
        interrupted: Callable[[], bool],
    ):
        self._runs, self._epochs = list(runs), epochs
        self._executor, self._progress, self._interrupted = executor, progress, interrupted
        self._flying: dict[int, Job] = {}

    def run(self) -> None:
        """Train until each run has a result. Raises Interrupted when asked to stop; a later call goes on from there."""
        with self._leaving_none():
            for number, run in enumerate(self._runs):
                if not run.result_file.exists():
                    self._work_off(self._executor.slots - 1)
                    self._submit(Job(number, 1, run.folder, self._epochs, seed=run.seed))
            self._work_off(0)

    @contextmanager
    def _leaving_none(self) -> Iterator[None]:
        try:
            yield
        except Interrupted:
            self._executor.close(LEAVE_S)
            raise
        finally:
            self._executor.close(0)

    def _submit(self, job: Job) -> None:
        self._flying[job.number] = job
        self._executor.submit(job)

    def _work_off(self, most: int) -> None:
        """Take in reports until at most so many runs are being trained."""
        while True:
            if self._interrupted():
                raise Interrupted("retrain: stopped on request")
            if len(self._flying) <= most:
                return
            for report in self._executor.wait(LOOK_S):
                if self._flying.get(report.job.number) != report.job:
                    continue  # of an attempt that was given up
                if isinstance(report, Epoch):
                    self._show(report)
                elif isinstance(report, Ended):
                    self._record(report.job, report.result)
                else:
                    self._try_again(report)

    def _record(self, job: Job, result: Result) -> None:
        del self._flying[job.number]
        if result.outcome == "disk_full":
            raise DiskFull(
                f"{job.folder}: the disk is full ({result.reason}); make room, then go on by the same command"
            )
        run, curve = self._runs[job.number], result.curve
        kept = {
            "outcome": result.outcome,
            "reason": result.reason,
            "dice": curve.dice if curve else None,
            "epochs": len(curve.epochs) if curve else 0,
            "seconds": result.seconds,
            "attempts": job.attempt,
        }
        write_atomic(run.result_file, json.dumps(kept, indent=1))
        (job.folder / "checkpoint.pt").unlink(missing_ok=True)
        said = f"Dice {curve.dice:.4f} on the validation images" if curve else f"{result.outcome}: {result.reason}"
        self._progress.say(f"{self._name(job)}: {said}")

    def _try_again(self, lost: Lost) -> None:
        """Have a job trained once more from its checkpoint; after the last attempt its run has failed."""
        if lost.job.attempt < ATTEMPTS:
            again = lost.job.attempt + 1
            self._progress.say(f"{self._name(lost.job)}: {lost.reason}; attempt {again} of {ATTEMPTS}")
            self._submit(replace(lost.job, attempt=again))
        else:
            self._record(lost.job, Result("crash", f"lost {ATTEMPTS} times; at last {lost.reason}", None, 0.0))

    def _show(self, epoch: Epoch) -> None:
        ended = sum(run.result_file.exists() for run in self._runs)
        record = epoch.record
        self._progress.doing(
            f"{ended} of {len(self._runs)} trainings ended · {self._name(epoch.job)} epoch "
            f"{record.epoch}/{self._epochs} Dice {record.dice:.3f}"
        )

    def _name(self, job: Job) -> str:
        run = self._runs[job.number]
        return f"{run.network} seed {run.seed}"
