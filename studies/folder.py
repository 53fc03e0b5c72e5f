"""A study's folder: what is stored where, the lock of its one driver, and the journal of its trials."""

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import filelock
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from studies.config import StudyConfig, fixed_for_resume, load_config
from studies.errors import ConfigError

__all__ = ["StudyFolder", "write_atomic"]

_PACKAGES = ("torch", "optuna", "numpy", "nas-medseg")


@dataclass(frozen=True)
class StudyFolder:
    """Paths below one study's folder. Nothing is created before `begin`."""

    root: Path

    @property
    def config_file(self) -> Path:
        """The resolved configuration."""
        return self.root / "study.yaml"

    @property
    def journal_file(self) -> Path:
        """Optuna's append-only record of all trials."""
        return self.root / "journal.log"

    @property
    def split_file(self) -> Path:
        """Which image is in which part."""
        return self.root / "split.json"

    @property
    def facts_file(self) -> Path:
        """What was fixed when the study started: reference point, baselines, device, versions."""
        return self.root / "facts.json"

    @property
    def screened_file(self) -> Path:
        """Counts of proposals that never became trials."""
        return self.root / "screened.json"

    def trial(self, number: int) -> Path:
        """The folder of one trial."""
        return self.root / "trials" / f"{number:05d}"

    def exists(self) -> bool:
        """Return whether a study was begun here."""
        return self.config_file.exists()

    def config(self) -> StudyConfig:
        """Return the stored configuration. Raises ConfigError if there is no study here."""
        if not self.exists():
            raise ConfigError(
                f"{self.root}: no study here (no {self.config_file.name}); give the folder that `nas search` made"
            )
        return load_config(self.config_file)

    def begin(self, config: StudyConfig) -> None:
        """Store the configuration, or check that a study begun here may go on with it. Raises ConfigError if not."""
        if self.exists():
            try:
                fixed_for_resume(self.config(), config)
            except ConfigError as fault:
                raise ConfigError("\n".join(f"{self.root}: {line}" for line in str(fault).splitlines())) from None
        self.root.mkdir(parents=True, exist_ok=True)
        write_atomic(self.config_file, config.to_yaml())

    @contextmanager
    def driver(self) -> Iterator[None]:
        """Hold the study: a second driver is refused. The system gives the lock back if this process dies."""
        self.root.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self.root / "driver.lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise ConfigError(
                f"{self.root}: another `nas search` is running this study; wait for it or stop it"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def storage(self, *, writing: bool = False) -> JournalStorage:
        """Return the record of trials. Only the driver writes; it first mends what a killed one left behind."""
        lock = JournalFileOpenLock(str(self.journal_file))
        if writing:
            _mend(self.journal_file)
        return JournalStorage(JournalFileBackend(str(self.journal_file), lock_obj=lock))

    def study(self, *, writing: bool = False) -> optuna.Study:
        """Return the study as stored. Raises ConfigError if it has not got that far."""
        if not self.journal_file.exists():
            raise ConfigError(
                f"{self.root}: the study has no trials yet (no {self.journal_file.name}); run `nas search` first"
            )
        try:
            return optuna.load_study(study_name="study", storage=self.storage(writing=writing))
        except KeyError:
            raise ConfigError(f"{self.journal_file}: it holds no study; run `nas search` first") from None
        except ValueError as fault:
            raise ConfigError(
                f"{self.journal_file}: a line in the middle is damaged ({fault}); restore it from a backup"
            ) from None


def versions() -> dict[str, str]:
    """Return the versions that results depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def write_atomic(path: Path, text: str) -> None:
    """Write a file that is afterwards whole, old or new, whenever the process or the machine dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def read_json(path: Path) -> dict[str, object]:
    """Return a stored mapping, empty where there is no such file yet."""
    if not path.exists():
        return {}
    stored: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return stored


def _mend(journal: Path) -> None:
    """Drop a last line cut off by a kill, and a dead writer's lock: the driver lock says that there is no other."""
    Path(f"{journal}.lock").unlink(missing_ok=True)
    if not journal.exists():
        return
    with journal.open("rb+") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            file.truncate(whole)
