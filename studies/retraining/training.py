"""All trainings of a retraining, by the executor of a search: what is done is kept, what was stopped goes on."""

import json
from collections.abc import Callable, Sequence

from evaluators.faults import Interrupted
from studies.execution import Epoch, Executor, Job, Lost
from studies.execution.crew import ATTEMPTS, Crew
from studies.folder import write_atomic
from studies.progress import Progress
from studies.retraining.plan import Run
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
        self._progress, self._interrupted = progress, interrupted
        self._crew = Crew(executor, self._check_leave, self._show, self._record, self._again)

    def run(self) -> None:
        """Train until each run has a result. Raises Interrupted when asked to stop; a later call goes on from there."""
        with self._crew.at_work():
            for number, run in enumerate(self._runs):
                if not run.result_file.exists():
                    self._crew.submit(Job(number, 1, run.folder, self._epochs, seed=run.seed))
            self._crew.work_off(0)

    def _check_leave(self) -> None:
        if self._interrupted():
            raise Interrupted("retrain: stopped on request")

    def _record(self, job: Job, result: Result) -> None:
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

    def _again(self, lost: Lost) -> None:
        self._progress.say(f"{self._name(lost.job)}: {lost.reason}; attempt {lost.job.attempt + 1} of {ATTEMPTS}")

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
