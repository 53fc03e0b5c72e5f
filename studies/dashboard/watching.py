"""A study as it is now, read again only where something has changed and, of its record, only what is new."""

import threading
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from optuna.storages import BaseStorage, get_storage
from optuna.trial import FrozenTrial

from studies.config import StudyConfig
from studies.errors import ConfigError, NoRecordYet
from studies.folder import StudyFolder
from studies.records import reference_of
from studies.report.agreement import Agreement, agreements_of
from studies.report.details import Detail, detail_of
from studies.report.effects import Effects, effects_of
from studies.report.parallel import Axis, axes_of
from studies.report.progress import Growth, growth_of
from studies.report.retrained import results_in
from studies.report.rows import Study, study_of
from studies.report.tradeoff import Tradeoff, tradeoff_of
from studies.standing import last_said
from studies.storing import JOURNAL, SQLITE, closed

__all__ = ["Snapshot", "Watched"]

DATABASE_S = 5.0  # seconds between looks into a database: whether it has changed, only reading it tells
_FILES = ("study.yaml", "facts.json", "screened.json", "standing.json", JOURNAL, SQLITE, f"{SQLITE}-wal")


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A study at one moment, and what the page shows of it, made when it is first asked for."""

    version: int
    study: Study

    @cached_property
    def tradeoff(self) -> Tradeoff:
        """The trials in columns."""
        return tradeoff_of(self.study)

    @cached_property
    def growth(self) -> Growth:
        """How the hypervolume grew."""
        return growth_of(self.study)

    @cached_property
    def axes(self) -> list[Axis]:
        """Axes of the parallel coordinates, a value for each trial trained through."""
        return axes_of(self.study)

    @cached_property
    def effects(self) -> Effects:
        """Effects of choices at equal cost."""
        return effects_of(self.study)

    @cached_property
    def agreements(self) -> tuple[Agreement, ...]:
        """How well rungs foretell the end."""
        return agreements_of(self.study.rows, self.study.rungs)

    @cached_property
    def _details(self) -> dict[int, Detail]:
        return {}

    def detail(self, number: int) -> Detail:
        """Return a trial in full. Raises KeyError if there is none of that number."""
        if number not in self._details:
            self._details[number] = detail_of(self.study, number)
        return self._details[number]


class Watched:
    """A study's folder, looked at again and again. Many threads may ask."""

    def __init__(self, directory: Path):
        self.folder = StudyFolder(directory)
        self._config: StudyConfig = self.folder.config()
        self._lock = threading.Lock()
        self._storage: BaseStorage | None = None
        self._read: BaseStorage | None = None  # the same with what was read of it
        self._stamp: object = None
        self._now: Snapshot | None = None
        self.look()

    @property
    def now(self) -> Snapshot:
        """What was seen last."""
        assert self._now is not None
        return self._now

    def look(self) -> Snapshot:
        """Look whether there is something new, unless another thread is looking, and return what is there now.

        Raises ConfigError or StorageUnreachable where the study cannot be read at the moment; `now` stays what it was.
        """
        if self._lock.acquire(blocking=self._now is None):
            try:
                stamp = self._stamped()
                if stamp != self._stamp or self._now is None:
                    self._now = Snapshot(self._now.version + 1 if self._now else 0, self._study())
                    self._stamp = stamp  # taken before reading: what was written since is read again
            finally:
                self._lock.release()
        return self.now

    def close(self) -> None:
        """Give back the connection to a database. What was seen stays."""
        if self._storage is not None:
            closed(self._storage)
        self._storage = self._read = None

    def _stamped(self) -> object:
        files = []
        for path in (*(self.folder.root / name for name in _FILES), *results_in(self.folder)):
            try:
                status = path.stat()
                files.append((path, status.st_mtime_ns, status.st_size, status.st_ino))
            except FileNotFoundError:
                continue
        moment = time.monotonic() // DATABASE_S if "://" in self._config.storage else 0
        return files, last_said(self.folder), moment

    def _study(self) -> Study:
        folder = self.folder
        reference = reference_of(folder) if folder.facts_file.exists() else None
        return study_of(folder, self._config, reference, self._trials())

    def _trials(self) -> tuple[FrozenTrial, ...]:
        try:
            with self.folder.faults_of_reading():
                if self._storage is None or self._read is None:
                    self._storage = self.folder.storage()
                    self._read = get_storage(self._storage)
                return self.folder.trials_in(self._read)
        except NoRecordYet:
            return ()
        except ConfigError:
            self.close()  # it may have read a part; once the record is mended it is read from its beginning
            raise
