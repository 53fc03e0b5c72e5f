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
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from studies.config import StudyConfig, fixed_for_resume, folder_name, load_config
from studies.errors import ConfigError, NoRecordYet
from studies.storing import closed, opened

__all__ = ["StudyFolder", "held", "write_atomic"]

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
    def split_file(self) -> Path:
        """Which image is in which part."""
        return self.root / "split.json"

    @property
    def facts_file(self) -> Path:
        """What was fixed when the study started: reference point, baselines, device, infeasible families, versions."""
        return self.root / "facts.json"

    @property
    def rules_file(self) -> Path:
        """Names and hashes of the person's own rules that the study began with; absent where there are none."""
        return self.root / "rules.json"

    @property
    def screened_file(self) -> Path:
        """Counts of proposals that never became trials."""
        return self.root / "screened.json"

    @property
    def standing_file(self) -> Path:
        """What the driver said last of how the search stands."""
        return self.root / "standing.json"

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
        """Hold the study: a second driver is refused."""
        with held(self.root, "search"):
            yield

    def storage(self, *, writing: bool = False) -> BaseStorage:
        """Return the record of trials, where the stored configuration has it. Only the driver writes."""
        return opened(self.config().storage, self.root, writing=writing)

    def study_name(self) -> str:
        """Return the study's name in its storage: a database holds many, a file this one only."""
        config = self.config()
        return folder_name(config.name) if "://" in config.storage else "study"

    def trials(self) -> tuple[FrozenTrial, ...]:
        """Return all trials as stored, not to be changed. Raises ConfigError if the study has not got that far."""
        with self.faults_of_reading():
            storage = self.storage()
            try:
                return self.trials_in(storage)
            finally:
                closed(storage)

    def trials_in(self, storage: BaseStorage) -> tuple[FrozenTrial, ...]:
        """Return all trials from the record; an open one reads only what is new. Use in `faults_of_reading`."""
        found = storage.get_all_trials(storage.get_study_id_from_name(self.study_name()), deepcopy=False)
        return tuple(sorted(found, key=lambda trial: trial.number))

    @contextmanager
    def faults_of_reading(self) -> Iterator[None]:
        """Say what is wrong with the record that is opened or read inside. Raises ConfigError."""
        try:
            yield
        except KeyError:
            place = self.config().storage
            raise NoRecordYet(f"{self.root}: storage {place} holds no study; run `nas search` first") from None
        except ValueError as fault:
            raise ConfigError(
                f"{self.root}: a line in the middle of the journal is damaged ({fault}); restore it from a backup"
            ) from None


@contextmanager
def held(root: Path, command: str) -> Iterator[None]:
    """Hold a folder for one command; the system gives it back if this process dies. Raises ConfigError if held."""
    root.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(root / "driver.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise ConfigError(f"{root}: another `nas {command}` is at work here; wait for it or stop it") from None
    try:
        yield
    finally:
        lock.release()


def versions() -> dict[str, str]:
    """Return the versions that results depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def write_atomic(path: Path, text: str, *, durable: bool = True) -> None:
    """Write a file that is afterwards whole, old or new, whenever the process or, if durable, the machine dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    new.replace(path)


def read_json(path: Path) -> dict[str, object]:
    """Return a stored mapping, empty where there is no such file yet."""
    if not path.exists():
        return {}
    stored: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return stored
