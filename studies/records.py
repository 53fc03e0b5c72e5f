"""A study's record as tables: trials, front and hypervolume. Reads stored files only; no rule is needed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import cast

import pandas as pd
from optuna.trial import FrozenTrial, TrialState

from studies.config import StudyConfig
from studies.folder import StudyFolder, read_json
from studies.front import Reference, front_of, hypervolumes

__all__ = [
    "StudyRecord",
    "continued",
    "curve_of",
    "finished",
    "is_published",
    "load",
    "reference_of",
    "rungs_of",
    "values_of",
]

_PRETRAINED = ("pretrained_tensors", "encoder_tensors")
_MEMORY = ("micro_batch", "peak_bytes", "memory_factor", "asked_bytes")
_FACTS = ("outcome", "reason", "origin", "best_dice", "seconds", "attempts", "key")


@dataclass(frozen=True)
class StudyRecord:
    """A study as it is stored now; make a new one to see what came since."""

    folder: StudyFolder
    config: StudyConfig
    reference: Reference
    frozen: tuple[FrozenTrial, ...]

    def trials(self) -> pd.DataFrame:
        """Return one row per trial: outcome, reason, origin, Dice, costs, and each decision as `decision.<path>`.

        `epochs` counts those trained; of a trial in training, up to its last rung. With `train.encoder_weights` also
        `pretrained_tensors`, of the `encoder_tensors` that its encoder has. Where they are known: `micro_batch`, images
        that went through the network at a time; `peak_bytes` of the training (of the CUDA device, else of the process);
        `memory_factor`, measured over predicted; `asked_bytes` of an oom; `proxy.<name>` of each of `proxies`.
        """
        rows = []
        goes_on = continued(self.frozen)
        for trial in self.frozen:
            facts = {name: trial.user_attrs.get(name) for name in _FACTS} | {"epochs": len(curve_of(trial))}
            facts["outcome"] = facts["outcome"] or ("waiting" if trial.user_attrs.get("paused") else "running")
            if trial.number in goes_on:
                facts |= {"outcome": "continued", "reason": f"goes on as trial {goes_on[trial.number]}"}
            facts |= {name: trial.user_attrs[name] for name in (*_PRETRAINED, *_MEMORY) if name in trial.user_attrs}
            facts |= {f"proxy.{name}": value for name, value in trial.user_attrs.get("proxies", {}).items()}
            decisions = {f"decision.{path}": option for path, option in trial.params.items()}
            values = values_of(trial, self.config.objectives) if trial.state == TrialState.COMPLETE else {}
            rows.append({"number": trial.number} | facts | dict(trial.user_attrs.get("costs", {})) | values | decisions)
        columns = ["number", *_FACTS, "epochs"] if not rows else None
        return pd.DataFrame(rows, columns=columns).set_index("number")

    def curves(self) -> pd.DataFrame:
        """Return the Dice after each epoch (rows, from 1) of each trial that ended well (columns)."""
        complete = [trial.number for trial in self.frozen if trial.state == TrialState.COMPLETE]
        files = {number: self.folder.trial(number) / "curve.csv" for number in complete}
        dices = {n: pd.read_csv(file, index_col="epoch")["dice"] for n, file in files.items() if file.exists()}
        return pd.DataFrame(dices).rename_axis(index="epoch", columns="number")

    def front(self) -> pd.DataFrame:
        """Return the rows of `trials()` that no other dominates, best Dice first."""
        complete = [trial for trial in self.frozen if trial.state == TrialState.COMPLETE]
        kept = front_of([values_of(t, self.config.objectives) for t in complete], self.config.objectives)
        return self.trials().loc[[complete[i].number for i in kept]]

    def best(self, **limits: float) -> pd.Series:
        """Return the front's row with the best Dice below all limits, such as `best(latency_ms=5, macs=1e9)`.

        Raises LookupError if there is none, KeyError for a column that trials do not have.
        """
        rows = self.front()
        for name, limit in limits.items():
            rows = rows[rows[name] <= limit]
        if rows.empty:
            asked = ", ".join(f"{name} <= {limit:g}" for name, limit in limits.items()) or "no limit"
            raise LookupError(f"{self.folder.root}: none of the {len(self.front())} trials of the front has {asked}")
        return rows.iloc[0]

    def hypervolume(self) -> pd.Series:
        """Return the hypervolume after each finished trial, in the order in which they finished."""
        done = sorted(finished(self.frozen), key=lambda t: (t.datetime_complete, t.number))
        well = [trial.state == TrialState.COMPLETE for trial in done]
        rows = [values_of(trial, self.config.objectives) for trial, is_well in zip(done, well, strict=True) if is_well]
        volumes = [0.0, *hypervolumes(rows, self.reference)]
        after = [volumes[count] for count in accumulate(map(int, well))]
        index = pd.Index([trial.number for trial in done], dtype="int64", name="number")
        return pd.Series(after, index=index, name="hypervolume", dtype=float)


def load(directory: str | Path) -> StudyRecord:
    """Return the record of the study in `directory`. Raises ConfigError if there is none."""
    folder = StudyFolder(Path(directory))
    config = folder.config()
    return StudyRecord(folder, config, reference_of(folder), folder.trials())


def values_of(trial: FrozenTrial, objectives: Sequence[str]) -> dict[str, float]:
    """Return a complete trial's objectives by name."""
    return dict(zip(objectives, trial.values, strict=True))


def is_published(trial: FrozenTrial) -> bool:
    """Return whether the trial is of a published network, which trains through without being compared at rungs."""
    return str(trial.user_attrs["origin"]).startswith("published:")


def curve_of(trial: FrozenTrial) -> tuple[float, ...]:
    """Return Dice after each epoch that the trial has trained, as far as its last rung."""
    return tuple(trial.user_attrs.get("curve", ()))


def continued(trials: Sequence[FrozenTrial]) -> dict[int, int]:
    """Return which stopped trial goes on as which."""
    return {int(t.user_attrs["continues"]): t.number for t in trials if "continues" in t.user_attrs}


def finished(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that have ended, well or not."""
    return [trial for trial in trials if trial.state.is_finished()]


def rungs_of(folder: StudyFolder, config: StudyConfig) -> tuple[int, ...]:
    """Return the epochs at which trials are compared, the last one included; that alone where none are stored."""
    stored = read_json(folder.facts_file).get("rungs") or [config.train.epochs]
    return tuple(cast(list[int], stored))


def reference_of(folder: StudyFolder) -> Reference:
    """Return the reference point stored when the study started."""
    return Reference(json.loads(folder.facts_file.read_text(encoding="utf-8"))["reference"])
