"""Where the record of a study is kept: a journal or SQLite file in its folder, or a PostgreSQL database."""

import importlib.util
import sqlite3
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from sqlalchemy import create_engine, inspect
from sqlalchemy.exc import DBAPIError

from nas.errors import NasError
from studies.errors import ConfigError, NoRecordYet

__all__ = ["StorageUnreachable", "closed", "opened", "patiently"]

T = TypeVar("T")
PATIENCE_S = 300.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
JOURNAL, SQLITE = "journal.log", "trials.sqlite3"


class StorageUnreachable(NasError):
    """The database did not answer for as long as a search waits; the search goes on from there when it does."""


def opened(storage: str, folder: Path, *, writing: bool = False) -> BaseStorage:
    """Return the record of a study. Only its driver writes; it first mends what a killed one left behind.

    Raises:
        ConfigError: There is no record yet and none is to be written, or a package is missing.
        StorageUnreachable: The database does not answer.
    """
    if storage == "journal":
        return _journal(folder / JOURNAL, writing)
    if storage == "sqlite":
        path = folder / SQLITE
        if not path.exists() and not writing:
            raise _none_yet(path)
        return RDBStorage("sqlite:///" + SQLITE, engine_kwargs={"creator": partial(_connected, path, writing)})
    if importlib.util.find_spec("psycopg") is None:
        raise ConfigError(f"storage: {storage} needs the extra 'postgres': pip install 'nas-medseg[postgres]'")
    url = storage.replace("postgresql://", "postgresql+psycopg://", 1)
    options: dict[str, Any] = {"pool_pre_ping": True, "pool_recycle": 600}
    if not writing:
        options["connect_args"] = {"options": "-c default_transaction_read_only=on"}
        if not patiently(lambda: _is_begun(url, options)):  # Optuna would make its tables, and may not
            raise NoRecordYet(f"{folder}: storage {storage} holds no study; run `nas search` first")
    return patiently(lambda: RDBStorage(url, engine_kwargs=options))


def closed(storage: BaseStorage) -> None:
    """Give back the connections to a database; a file is only open while it is read or written."""
    if isinstance(storage, RDBStorage):
        storage.remove_session()
        storage.engine.dispose()


def patiently(action: Callable[[], T], said: Callable[[str], None] = lambda _: None) -> T:
    """Return what the action gives, trying again, less and less often, while the database does not answer.

    The action must do no harm when it is done twice. Raises StorageUnreachable after five minutes.
    """
    end, wait = time.monotonic() + PATIENCE_S, FIRST_WAIT_S
    while True:
        try:
            return action()
        except (StorageInternalError, DBAPIError) as fault:
            reason = " ".join(str(fault.__cause__ or fault).split())[:300]
            if time.monotonic() + wait > end:
                raise StorageUnreachable(
                    f"storage: no answer for {PATIENCE_S:.0f} s ({reason}); when it answers, go on by the same command"
                ) from fault
            said(f"storage: no answer ({reason}); once more in {wait:.1f} s")
            time.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_S)


def _journal(path: Path, writing: bool) -> JournalStorage:
    if writing:
        _mend(path)
    elif not path.exists():
        raise _none_yet(path)
    return JournalStorage(JournalFileBackend(str(path), lock_obj=JournalFileOpenLock(str(path))))


def _connected(path: Path, writing: bool) -> sqlite3.Connection:
    """Return a connection, which can write only if it is asked to; a path may hold what ends one in a URL."""
    place = f"file:{quote(str(path.absolute()))}?mode={'rwc' if writing else 'ro'}"
    return sqlite3.connect(place, uri=True, timeout=60, check_same_thread=False)


def _is_begun(url: str, options: Mapping[str, Any]) -> bool:
    """Return whether a database has Optuna's tables."""
    engine = create_engine(url, **options)
    try:
        return inspect(engine).has_table("studies")
    finally:
        engine.dispose()


def _none_yet(path: Path) -> NoRecordYet:
    return NoRecordYet(f"{path.parent}: the study has no trials yet (no {path.name}); run `nas search` first")


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
