"""The driver of a study: propose, screen, train, record, until the budget is spent. It alone writes the record."""

import json
import math
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from evaluators.curve import EpochRecord
from evaluators.device import describe_device, pick_device
from evaluators.faults import Interrupted
from evaluators.metrics import METRICS
from nas.space import SearchSpace
from studies.config import StudyConfig
from studies.errors import ConfigError
from studies.folder import StudyFolder, read_json, versions, write_atomic
from studies.front import Reference, front_of, hypervolume
from studies.material import Material
from studies.memory import learnt_factor
from studies.pretrained import Pretrained
from studies.progress import Progress, Standing
from studies.proposing import Proposer, members
from studies.records import finished, reference_of, values_of
from studies.screening import Candidate, Screen, Verdict
from studies.trial import Result, Trainer, latency_of, store_candidate

__all__ = ["Search", "check_sizes"]

REFERENCE_DRAWS = 20


class Search:
    """One study being run. `interrupted` is asked before every training step and between trials."""

    def __init__(
        self,
        config: StudyConfig,
        space: SearchSpace,
        folder: StudyFolder,
        material: Material,
        progress: Progress,
        interrupted: Callable[[], bool],
        pretrained: Pretrained | None = None,
    ):
        self._config = config
        self._folder = folder
        self._progress = progress
        self._interrupted = interrupted
        self._material = material
        self._screen = Screen(space, config, lambda graph: latency_of(graph, config))
        self._screen.counts.update({k: int(str(v)) for k, v in read_json(folder.screened_file).items()})
        self._pretrained = pretrained
        self._trainer = Trainer(config, material, interrupted, pretrained)
        directions = [METRICS[name].direction for name in config.objectives]
        self._proposer = Proposer(self._screen, config, directions)
        self._fix_facts()
        if pretrained is not None:
            progress.say(pretrained.said(self._screen))
        self._reference = reference_of(folder)
        self._storage = folder.storage(writing=True)
        self._study = optuna.create_study(
            study_name="study",
            storage=self._storage,
            sampler=optuna.samplers.RandomSampler(),  # proposals are made elsewhere; this one is never asked
            directions=directions,
            load_if_exists=True,
        )
        self._study.set_metric_names(list(config.objectives))

    def run(self) -> None:
        """Go on until the budget is spent. Raises Interrupted when asked to stop; the record is whole at any moment."""
        began = time.monotonic()
        for trial in self._study.trials:
            if not trial.state.is_finished():
                self._train(trial)
        hours = self._config.budget.hours
        while len(self._study.trials) < self._config.budget.trials:
            if self._interrupted():
                raise Interrupted("search: stopped on request between two trials")
            if hours is not None and time.monotonic() - began > 3600 * hours:
                self._progress.say(f"budget.hours={hours} is spent")
                return
            self._progress.update(self._standing(), "proposing")
            verdict = self._proposer.next(self._study.trials)
            write_atomic(self._folder.screened_file, json.dumps(self._screen.counts))
            self._train(self._begin(verdict))

    def _begin(self, verdict: Verdict) -> FrozenTrial:
        """Make a running trial of an admitted candidate, in one write, after its files are on disk."""
        candidate, number = verdict.candidate, len(self._study.trials)
        store_candidate(self._folder.trial(number), candidate)
        facts: dict[str, object] = {"key": candidate.key, "origin": candidate.origin, "costs": dict(verdict.costs)}
        if self._pretrained is not None:
            facts |= self._pretrained.record(self._folder.trial(number), candidate.graph)
        self._study.add_trial(
            create_trial(
                state=TrialState.RUNNING,
                params=dict(candidate.decisions),
                distributions=self._distributions(candidate),
                user_attrs=facts,
            )
        )
        return self._study.trials[number]

    def _distributions(self, candidate: Candidate) -> dict[str, BaseDistribution]:
        found: dict[str, BaseDistribution] = {}

        def record(path: str, options: tuple[str | int | float | bool, ...]) -> str | int | float | bool:
            found[path] = CategoricalDistribution(options)
            return candidate.decisions[path]

        self._screen.space.derive(record)
        return found

    def _train(self, trial: FrozenTrial) -> None:
        folder = self._folder.trial(trial.number)
        epochs = self._config.train.epochs
        title = f"trial {trial.number} {trial.user_attrs['origin']}"

        def on_epoch(record: EpochRecord) -> None:
            what = f"{title} epoch {record.epoch}/{epochs} Dice {record.dice:.3f}"
            self._progress.update(self._standing(record.seconds * (epochs - record.epoch)), what)

        self._progress.update(self._standing(), title)
        result = self._trainer.run(folder, on_epoch, learnt_factor(self._study.trials))
        self._tell(trial, result)
        (folder / "checkpoint.pt").unlink(missing_ok=True)
        self._keep_weights_of_front()
        dice = f"Dice {result.curve.dice:.4f}" if result.curve else f"{result.outcome}: {result.reason}"
        self._progress.update(
            self._standing(), f"trial {trial.number} {trial.user_attrs['origin']} {dice}", important=True
        )

    def _tell(self, trial: FrozenTrial, result: Result) -> None:
        """Record how a trial ended. Only finite numbers are told; facts come first: a kill in between loses none."""
        costs: Mapping[str, float] = trial.user_attrs["costs"]
        values = (
            [result.curve.dice if name == "dice" else costs[name] for name in self._config.objectives]
            if result.curve
            else []
        )
        outcome, reason = result.outcome, result.reason
        if not all(map(math.isfinite, values)):
            outcome, reason, values = "diverged", f"objectives {values} are not finite", []
        facts = {**result.facts, "outcome": outcome, "reason": reason, "seconds": round(result.seconds, 2)}
        if result.curve:
            facts["best_dice"] = result.curve.best_dice
        for name, value in facts.items():
            self._storage.set_trial_user_attr(trial._trial_id, name, value)
        if outcome == "ok":
            self._study.tell(trial.number, values)
        else:
            self._study.tell(trial.number, state=TrialState.FAIL)

    def _standing(self, seconds_in_trial: float | None = None) -> Standing:
        trials = self._study.trials
        done = finished(trials)
        outcomes = Counter(str(trial.user_attrs.get("outcome")) for trial in done)
        rows = [values_of(t, self._config.objectives) for t in done if t.state == TrialState.COMPLETE]
        total = max(self._config.budget.trials, len(trials))
        seconds = [float(t.user_attrs["seconds"]) for t in done]
        per_trial = sum(seconds) / len(seconds) if seconds else None
        left = None
        if per_trial is not None:
            now = per_trial if seconds_in_trial is None else seconds_in_trial
            left = per_trial * max(0, total - len(done) - 1) + now * (len(done) < total)
        front = len(front_of(rows, self._config.objectives))
        volume = hypervolume(rows, self._reference)
        return Standing(len(done), total, outcomes, self._screen.counts, front, volume, left)

    def _keep_weights_of_front(self) -> None:
        """Delete the weights of dominated trials: disk use stays bounded by the front."""
        complete = [t for t in self._study.trials if t.state == TrialState.COMPLETE]
        rows = [values_of(t, self._config.objectives) for t in complete]
        front = {complete[i].number for i in front_of(rows, self._config.objectives)}
        for trial in complete:
            if trial.number not in front:
                (self._folder.trial(trial.number) / "weights.safetensors").unlink(missing_ok=True)

    def _fix_facts(self) -> None:
        """Store what is fixed from the start, or check that a resumed study goes on with it."""
        device = describe_device(pick_device(self._config.deploy.device))
        stored = read_json(self._folder.facts_file)
        if not stored:
            self._progress.doing("measuring the published members for the reference point")
            facts = {
                "space": self._screen.space.label,
                "reference": self._first_reference().values,
                "baselines": self._material.baselines,
                "images": {"training": len(self._material.training), "validation": len(self._material.validation)},
                "deploy_device": device,
                "encoder_weights": self._weights_hash(),
                "versions": versions(),
            }
            write_atomic(self._folder.facts_file, json.dumps(facts, indent=1))
        else:
            self._check_facts(stored, device)

    def _check_facts(self, stored: Mapping[str, object], device: str) -> None:
        if stored["space"] != self._screen.space.label:
            raise ConfigError(
                f"{self._folder.root}: began in {stored['space']}, this version has {self._screen.space.label}"
            )
        elif "latency_ms" in self._config.objectives and stored["deploy_device"] != device:
            raise ConfigError(
                f"{self._folder.root}: latencies were measured on '{stored['deploy_device']}', this is '{device}'; "
                f"they do not compare: go on there, or give the study a new name"
            )
        was, now = stored.get("encoder_weights"), self._weights_hash()
        if self._pretrained is not None and was != now:
            raise ConfigError(
                f"{self._folder.root}: train.encoder_weights.file: {self._pretrained.file} has changed since the "
                f"study began: SHA-256 {was}, now {now}; put the old file back, or give the study a new name"
            )

    def _weights_hash(self) -> str | None:
        return self._pretrained.sha256 if self._pretrained is not None else None

    def _first_reference(self) -> Reference:
        """Return Dice of the best trivial prediction and, per cost, its limit or twice the dearest member's."""
        limits = {limit.metric: limit.limit for limit in self._config.limits()}
        known = [architecture for _, architecture in members(self._screen)]
        if not known:  # a space without published members: what it typically offers
            known = [self._screen.space.sample(Random(i)) for i in range(REFERENCE_DRAWS)]
        costs = [self._screen.cost_of(architecture) for architecture in known]
        values = {"dice": max(self._material.baselines.values())}
        for name in self._config.objectives:
            if name != "dice":
                values[name] = limits[name] if name in limits else 2 * max(cost[name] for cost in costs)
        return Reference({name: values[name] for name in self._config.objectives})


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
