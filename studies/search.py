"""The driver of a study: propose, screen, have trained, record, until the budget is spent. It alone writes."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from optuna.trial import FrozenTrial

from evaluators.faults import Interrupted
from evaluators.latency import Latency
from evaluators.prediction import Prediction
from nas.graph import Graph
from nas.space import SearchSpace
from studies.budgeting import Spending
from studies.config import StudyConfig
from studies.errors import ConfigError
from studies.execution import Epoch, Executor, Job, Lost
from studies.execution.crew import ATTEMPTS, Crew
from studies.facts import Fixed, fixed
from studies.families import lines_of
from studies.folder import StudyFolder, read_json, write_atomic
from studies.keeping import Keeper
from studies.latency_meter import LatencyMeter
from studies.ledger import Ledger
from studies.material import Material
from studies.memory import learnt_factor
from studies.pretrained import Pretrained
from studies.progress import Progress, Standing
from studies.proposing import Proposer
from studies.records import curve_of, is_published
from studies.rungs import RULES, to_finish, to_promote
from studies.screening import Screen, Verdict
from studies.trial import Result, store_candidate

__all__ = ["Search", "check_sizes"]


class Search:
    """One study being run. `interrupted` is asked whenever something was reported, and at least twice a second."""

    def __init__(
        self,
        config: StudyConfig,
        space: SearchSpace,
        folder: StudyFolder,
        material: Material,
        progress: Progress,
        interrupted: Callable[[], bool],
        executor: Executor,
        pretrained: Pretrained | None = None,
    ):
        self._config, self._space, self._folder = config, space, folder
        self._progress, self._interrupted, self._executor = progress, interrupted, executor
        self._pretrained = pretrained
        self._meter = LatencyMeter(config)
        self._screen = Screen(space, config, self._measure, self._predict, self._check_leave)
        self._screen.counts.update({k: int(str(v)) for k, v in read_json(folder.screened_file).items()})
        progress.doing("looking for feasible members of every family, and measuring the published ones")
        held = fixed(config, folder, self._screen, material, pretrained)
        self._reference = held.reference
        self._proposer = Proposer(self._screen, config, held.reference, held.opening.tried)
        self._ledger = Ledger(config, folder, held.reference, held.identity, progress.say)
        for line in self._said_first(held):
            progress.say(line)
        self._spending = Spending(config.budget, self._ledger)
        self._keeper = Keeper(folder, self._ledger, config.rungs.keep, config.pictures)
        self._rungs = held.rungs
        self._crew = Crew(executor, self._check_leave, self._show, self._record, self._again)

    def _said_first(self, held: Fixed) -> Iterator[str]:
        """Yield what a person should know before the first trial; of a search that goes on it was said before."""
        if not self._ledger.trials:
            yield from lines_of(held.refused, len(self._screen.sampler.surveys))
            yield from held.opening.said()
        if self._pretrained is not None:
            yield self._pretrained.said(self._screen)

    def run(self) -> None:
        """Go on until the budget is spent. Raises Interrupted when asked to stop; the record is whole at any moment."""
        with self._crew.at_work():
            for trial in self._ledger.unfinished():
                self._submit(trial)
            self._crew.work_off(self._executor.slots - 1)  # nothing is proposed before it can be trained
            while (reason := self._spending.reason()) is None and self._submit_next():
                self._crew.work_off(self._executor.slots - 1)
            if reason is not None:
                self._progress.say(reason)
            self._crew.work_off(0)
        for trial in self._ledger.waiting():
            self._ledger.stop(trial, f"waited at epoch {trial.user_attrs['paused']} when the budget was spent")
        self._keeper.tidy()

    def _check_leave(self) -> None:
        if self._interrupted():
            raise Interrupted("search: stopped on request")

    def _submit_next(self) -> bool:
        """Train a waiting trial further or, while the budget has trials, a new one. Return whether there was any."""
        number = self._promoted()
        if number is not None:
            self._submit(self._continued(number))
        elif self._spending.trials_left():
            self._progress.update(self._standing(), "proposing")
            verdict = self._proposer.next(self._ledger.trials)
            write_atomic(self._folder.screened_file, json.dumps(self._screen.counts))
            self._submit(self._begin(verdict))
        elif self._crew:
            self._crew.work_off(len(self._crew) - 1)  # its result may promote another
        elif (number := self._to_finish()) is not None:
            self._submit(self._continued(number))
        else:
            return False
        return True

    def _promoted(self) -> int | None:
        rungs = self._config.rungs
        if rungs.promote == "off":
            return None
        return to_promote(
            self._ledger.tally().runs(),
            self._rungs,
            RULES[rungs.promote],
            self._reference,
            reduction=rungs.reduction,
            bands=rungs.bands,
        )

    def _to_finish(self) -> int | None:
        """Return the waiting trial that trains on so that one has been trained through."""
        rule = RULES.get(self._config.rungs.promote)
        return to_finish(self._ledger.tally().runs(), self._rungs, rule, self._reference) if rule else None

    def _begin(self, verdict: Verdict) -> FrozenTrial:
        """Make a running trial of an admitted candidate after its files are on disk."""
        candidate, folder = verdict.candidate, self._folder.trial(len(self._ledger.trials))
        store_candidate(folder, candidate)
        facts: dict[str, object] = {"costs": dict(verdict.costs)}
        if self._pretrained is not None:
            facts |= self._pretrained.record(folder, candidate.graph)
        return self._ledger.begin(candidate, self._space, facts)

    def _continued(self, number: int) -> FrozenTrial:
        """Return the trial that goes on with a waiting one; if that was stopped a new one, with a copy of its files."""
        new = self._folder.trial(len(self._ledger.trials))
        if self._ledger.is_stopped(number):
            shutil.copytree(self._folder.trial(number), new, dirs_exist_ok=True)
        return self._ledger.go_on(number)

    def _submit(self, trial: FrozenTrial) -> None:
        done = len(curve_of(trial))
        last = self._rungs[-1]
        until = last if is_published(trial) else next((epoch for epoch in self._rungs if epoch > done), last)
        attempt, factor = int(trial.user_attrs.get("attempts", 1)), learnt_factor(self._ledger.trials)
        self._crew.submit(Job(trial.number, attempt, self._folder.trial(trial.number), until, factor))
        self._say_standing()

    def _record(self, job: Job, result: Result) -> None:
        trial = self._ledger.trials[job.number]
        if result.outcome == "paused":
            self._ledger.pause(trial, result)
            said = f"Dice {result.curve.dice:.4f} after {job.until} epochs" if result.curve else ""
        else:
            outcome = self._ledger.tell(trial, result)
            (job.folder / "checkpoint.pt").unlink(missing_ok=True)
            said = f"Dice {result.curve.dice:.4f}" if result.curve else f"{outcome}: {result.reason}"
        self._keeper.tidy()
        self._say_standing()
        self._progress.update(
            self._standing(), f"trial {trial.number} {trial.user_attrs['origin']} {said}", important=True
        )

    def _again(self, lost: Lost) -> None:
        trial = self._ledger.trials[lost.job.number]
        attempt = self._ledger.attempt(trial, lost.reason)
        self._progress.say(f"trial {trial.number}: {lost.reason}; attempt {attempt} of {ATTEMPTS}")

    def _measure(self, graph: Graph) -> Latency:
        with self._executor.quiet(self._check_leave):
            return self._meter.measure(graph)

    def _predict(self, graph: Graph) -> Prediction | None:
        with self._executor.quiet(self._check_leave):  # it measures launches that are new
            return self._meter.predict(graph)

    def _show(self, epoch: Epoch) -> None:
        trial = self._ledger.trials[epoch.job.number]
        what = f"trial {trial.number} {trial.user_attrs['origin']}"
        record = epoch.record
        self._progress.update(self._standing(), f"{what} epoch {record.epoch}/{epoch.job.until} Dice {record.dice:.3f}")

    def _say_standing(self) -> None:
        """Write what `nas status` shows of a search that is running."""
        text = self._standing().text()
        now = {"pid": os.getpid(), "at": time.time(), "slots": self._executor.slots, "text": text}
        write_atomic(self._folder.standing_file, json.dumps(now), durable=False)

    def _standing(self) -> Standing:
        """Return how the search stands. Time left: the trials to come, each as long as one took so far."""
        tally, total, begun = self._ledger.tally(), self._spending.trials_total(), len(self._ledger.trials)
        idle = begun - len(self._crew)
        left = tally.seconds / idle * max(0, total - idle) / self._executor.slots if idle else None
        return Standing(
            begun,
            total,
            tally.outcomes,
            self._screen.counts,
            len(tally.front),
            tally.volumes[-1] if tally.volumes else 0.0,
            left,
            training=len(self._crew),
            waiting=len(self._ledger.waiting()),
        )


def check_sizes(config: StudyConfig, space: SearchSpace) -> None:
    """Check that the space's networks take the study's sizes. Raises ConfigError if not."""
    for name, size in (("train.size", config.train.size), ("deploy.size", config.deploy.size)):
        if size is not None and size < space.min_side:
            raise ConfigError(
                f"{name}={size}: the networks of {space.label} need at least {space.min_side} pixels; raise it"
            )


def disk_free_bytes(path: Path) -> int:
    """Return the free space where `path` is or will be."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free
