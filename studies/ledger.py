"""The record of a study's trials: Optuna's storage, which the driver alone writes, and what it knows of it by heart."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from typing import TypeVar

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.storages import get_storage
from optuna.trial import FrozenTrial, TrialState, create_trial

from evaluators.metrics import METRICS
from nas.grammar import Option
from nas.space import SearchSpace
from studies.config import StudyConfig
from studies.errors import ConfigError
from studies.folder import StudyFolder
from studies.front import Reference
from studies.outcomes import Outcome, state_of
from studies.screening import Candidate
from studies.storing import patiently
from studies.tally import Tally
from studies.trial import Result

__all__ = ["Ledger"]

SCHEMA = 1  # of what is stored of a study and its trials
T = TypeVar("T")


class Ledger:
    """Trials as they are stored. Every write is one step: a kill in between leaves what was there before."""

    def __init__(
        self,
        config: StudyConfig,
        folder: StudyFolder,
        reference: Reference,
        identity: str,
        said: Callable[[str], None] = lambda _: None,
    ):
        self._config = config
        self._said = said
        self._storage = get_storage(folder.storage(writing=True))
        self._study = self._patiently(
            lambda: optuna.create_study(
                study_name=folder.study_name(),
                storage=self._storage,
                sampler=optuna.samplers.RandomSampler(),  # proposals are made elsewhere; this one is never asked
                directions=[METRICS[name].direction for name in config.objectives],
                load_if_exists=True,
            )
        )
        self._patiently(lambda: self._claim(folder, identity))
        self._tally = Tally(config.objectives, reference)
        self._known: list[FrozenTrial] | None = None

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials, in the order of their numbers; not to be changed. Of what this writes only that is read again."""
        if self._known is None:
            self._known = self._patiently(lambda: self._study.get_trials(deepcopy=False))
        return self._known

    def begin(self, candidate: Candidate, space: SearchSpace, facts: Mapping[str, object]) -> FrozenTrial:
        """Make a running trial, in one write."""
        return self._add(
            create_trial(
                state=TrialState.RUNNING,
                params=dict(candidate.decisions),
                distributions=_distributions(candidate, space),
                user_attrs={"key": candidate.key, "origin": candidate.origin, **facts},
                system_attrs=self._held(facts),
            )
        )

    def attempt(self, trial: FrozenTrial, reason: str) -> int:
        """Note that the trial is tried once more and why; return how many attempts that makes."""
        attempts = int(self.trials[trial.number].user_attrs.get("attempts", 1)) + 1
        self._note(trial, {"attempts": attempts, "lost": reason})
        return attempts

    def pause(self, trial: FrozenTrial, result: Result) -> None:
        """Note that the trial waits at a rung."""
        assert result.curve is not None
        self._note(trial, _trained(result) | {"paused": len(result.curve.epochs)})

    def go_on(self, number: int) -> FrozenTrial:
        """Note that a waiting trial trains on, and return it. One that was stopped goes on as a new trial."""
        trial = self.trials[number]
        if trial.state == TrialState.RUNNING:
            self._note(trial, {"paused": 0})
            return self.trials[number]
        facts = {name: value for name, value in trial.user_attrs.items() if name not in ("outcome", "reason")}
        return self._add(
            create_trial(
                state=TrialState.RUNNING,
                params=trial.params,
                distributions=trial.distributions,
                user_attrs=facts | {"paused": 0, "continues": number},
                system_attrs=self._held(facts),
            )
        )

    def tell(self, trial: FrozenTrial, result: Result) -> Outcome:
        """Record how a trial ended. Only finite numbers are told; facts come first: a kill in between loses none."""
        costs: Mapping[str, float] = trial.user_attrs["costs"]
        values = (
            [result.curve.dice if name == "dice" else costs[name] for name in self._config.objectives]
            if result.curve
            else []
        )
        assert result.outcome != "paused" and result.outcome != "disk_full", "these end a job, not its trial"
        outcome, reason = result.outcome, result.reason
        if not all(map(math.isfinite, values)):
            outcome, reason, values = "diverged", f"objectives {values} are not finite", []
        self._note(trial, {"outcome": outcome, "reason": reason} | _trained(result))
        self._end(trial, state_of(outcome), values or None)
        return outcome

    def stop(self, trial: FrozenTrial, reason: str) -> None:
        """Record that a waiting trial is not trained further. Its curve, and the seconds it took, are noted already."""
        self._note(trial, {"outcome": "stopped", "reason": reason})
        self._end(trial, TrialState.PRUNED, None)

    def tally(self) -> Tally:
        """Return the sums over the trials as they are stored now."""
        self._tally.take_in(self.trials)
        return self._tally

    def is_stopped(self, number: int) -> bool:
        """Return whether the trial was stopped at a rung for good, so that only another one can go on with it."""
        return self.trials[number].state == TrialState.PRUNED

    def unfinished(self) -> list[FrozenTrial]:
        """Return the trials that should be training: neither ended nor waiting at a rung."""
        return [trial for trial in self.tally().open if not trial.user_attrs.get("paused")]

    def waiting(self) -> list[FrozenTrial]:
        """Return the trials that wait at a rung and have not been stopped."""
        return [trial for trial in self.tally().open if trial.user_attrs.get("paused")]

    def _held(self, facts: Mapping[str, object]) -> dict[str, object]:
        """Return by which share of its limit each constraint is missed, below 0 where it holds, for Optuna."""
        limits, costs = self._config.limits(), facts["costs"]
        assert isinstance(costs, Mapping)
        return {"constraints": [costs[limit.metric] / limit.limit - 1 for limit in limits]} if limits else {}

    def _claim(self, folder: StudyFolder, identity: str) -> None:
        """Check that the stored study is this folder's, and of a form that this version writes."""
        stored = self._study.user_attrs
        if stored.get("identity", identity) != identity:
            raise ConfigError(
                f"{folder.root}: storage {self._config.storage} holds another study called '{folder.study_name()}'; "
                f"give this one another name"
            )
        if stored.get("schema", SCHEMA) != SCHEMA:
            raise ConfigError(
                f"{folder.root}: its record has schema {stored['schema']}, this version writes {SCHEMA}; "
                f"go on with the version that began it"
            )
        if not stored:
            self._study.set_metric_names(list(self._config.objectives))
            self._study.set_user_attr("schema", SCHEMA)
            self._study.set_user_attr("identity", identity)

    def _patiently(self, action: Callable[[], T]) -> T:
        return patiently(action, self._said)

    def _write(self, action: Callable[[], object]) -> None:
        """Write; where no answer came again, after a look at what is there."""
        asked = count()

        def write() -> None:
            if next(asked):
                self._known = None
            action()

        self._patiently(write)

    def _add(self, trial: FrozenTrial) -> FrozenTrial:
        number = len(self.trials)

        def add() -> None:
            if len(self.trials) == number:  # else it was stored, and only the answer was lost
                stored = self._storage.create_new_trial(self._study._study_id, template_trial=trial)
                self.trials.append(self._storage.get_trial(stored))

        self._write(add)
        return self.trials[number]

    def _note(self, trial: FrozenTrial, facts: Mapping[str, object]) -> None:
        for name, value in facts.items():
            self._write(partial(self._storage.set_trial_user_attr, trial._trial_id, name, value))
        self._look_at(trial)

    def _end(self, trial: FrozenTrial, state: TrialState, values: list[float] | None) -> None:
        def end() -> None:
            if not self.trials[trial.number].state.is_finished():
                self._study.tell(trial.number, values, None if values else state)

        self._write(end)
        self._look_at(trial)

    def _look_at(self, trial: FrozenTrial) -> None:
        """Read one trial again, of those that are known."""
        self.trials[trial.number] = self._patiently(lambda: self._storage.get_trial(trial._trial_id))


def _trained(result: Result) -> dict[str, object]:
    """Return what a trial's row shows of its training."""
    facts: dict[str, object] = {**result.facts, "seconds": round(result.seconds, 2)}
    if result.curve is not None:
        facts |= {"curve": [round(record.dice, 6) for record in result.curve.epochs]}
        facts |= {"best_dice": result.curve.best_dice}
    return facts


def _distributions(candidate: Candidate, space: SearchSpace) -> dict[str, BaseDistribution]:
    found: dict[str, BaseDistribution] = {}

    def record(path: str, options: tuple[Option, ...]) -> Option:
        found[path] = CategoricalDistribution(options)
        return candidate.decisions[path]

    space.derive(record)
    return found
