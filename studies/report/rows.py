"""What a report looks at: the trials of a study as plain rows, read once and without any rule."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from optuna.trial import FrozenTrial, TrialState

from nas.grammar import Option
from studies.config import StudyConfig
from studies.errors import NoRecordYet
from studies.folder import StudyFolder
from studies.front import Reference, front_of
from studies.records import continued, curve_of, reference_of, rungs_of, values_of
from studies.report.retrained import Retrained, retrained_of
from studies.standing import Said, last_said

__all__ = ["Row", "Study", "read_study", "rows_of", "study_of"]


class Row(NamedTuple):
    """One trial.

    outcome: As in `StudyRecord.trials()`: ok, stopped, a fault, or waiting, running, continued.
    curve: Dice after each epoch that was trained, as far as the last rung.
    values: Dice at the last epoch trained, and every cost that is known, by name; a missing one is not there.
    ended_at: None while it has not.
    """

    number: int
    outcome: str
    reason: str
    origin: str
    curve: tuple[float, ...]
    values: dict[str, float]
    decisions: dict[str, Option]
    seconds: float
    ended_at: datetime | None

    @property
    def published(self) -> str:
        """The published network's name, empty for any other."""
        return self.origin.removeprefix("published:") if self.origin.startswith("published:") else ""

    @property
    def name(self) -> str:
        """What a person calls it: the published network's name, or its number."""
        return f"{self.published} (trial {self.number})" if self.published else f"trial {self.number}"


class Study(NamedTuple):
    """A study as it is stored now. `reference` is None before it has begun; `front`: numbers, best Dice first."""

    folder: StudyFolder
    config: StudyConfig
    reference: Reference | None
    rows: tuple[Row, ...]
    front: tuple[int, ...]
    said: Said | None
    retrained: tuple[Retrained, ...] = ()

    @property
    def complete(self) -> list[Row]:
        """The trials that were trained through."""
        return [row for row in self.rows if row.outcome == "ok"]

    @property
    def rungs(self) -> tuple[int, ...]:
        """The epochs at which trials are compared, the last one included."""
        return rungs_of(self.folder, self.config)

    @property
    def row(self) -> dict[int, Row]:
        """Rows by number."""
        return {row.number: row for row in self.rows}


def read_study(directory: Path) -> Study:
    """Return the study in `directory`, with no rows where it has none yet. Raises ConfigError if there is no study."""
    folder = StudyFolder(directory)
    config = folder.config()
    reference = reference_of(folder) if folder.facts_file.exists() else None
    try:
        frozen = folder.trials()
    except NoRecordYet:
        frozen = ()
    return study_of(folder, config, reference, frozen)


def study_of(
    folder: StudyFolder, config: StudyConfig, reference: Reference | None, frozen: Sequence[FrozenTrial]
) -> Study:
    """Return a study from its record."""
    rows = rows_of(frozen, config.objectives)
    ended_well = [row for row in rows if row.outcome == "ok"]
    kept = front_of([row.values for row in ended_well], config.objectives)
    numbers = {f"trial-{row.number}": row.number for row in rows}
    numbers |= {f"published:{row.published}": row.number for row in ended_well if row.published}
    front = tuple(ended_well[i].number for i in kept)
    return Study(folder, config, reference, rows, front, last_said(folder), retrained_of(folder, numbers))


def rows_of(frozen: Sequence[FrozenTrial], objectives: Sequence[str]) -> tuple[Row, ...]:
    """Return one row per trial."""
    goes_on = continued(frozen)
    return tuple(_row(trial, objectives, goes_on.get(trial.number)) for trial in frozen)


def _row(trial: FrozenTrial, objectives: Sequence[str], goes_on_as: int | None) -> Row:
    facts, curve = trial.user_attrs, curve_of(trial)
    outcome = str(facts.get("outcome") or ("waiting" if facts.get("paused") else "running"))
    values = {name: float(value) for name, value in dict(facts.get("costs", {})).items()}
    if curve:
        values["dice"] = float(curve[-1])
    if trial.state == TrialState.COMPLETE:
        values |= values_of(trial, objectives)
    elif outcome == "ok":
        outcome = "running"  # its facts are noted before it is told
    return Row(
        number=trial.number,
        outcome=outcome if goes_on_as is None else "continued",
        reason=str(facts.get("reason") or "") if goes_on_as is None else f"goes on as trial {goes_on_as}",
        origin=str(facts["origin"]),
        curve=curve,
        values=values,
        decisions=dict(trial.params),
        seconds=float(facts.get("seconds") or 0),
        ended_at=trial.datetime_complete,
    )
