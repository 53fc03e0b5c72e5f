"""A study in PostgreSQL is looked at without being able to write there, and without standing in anybody's way."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import psycopg
import pytest
from optuna.exceptions import StorageInternalError
from optuna.trial import create_trial
from psycopg import sql
from sqlalchemy.exc import DBAPIError

from studies.dashboard.app import app_of
from studies.dashboard.watching import DATABASE_S, Watched
from studies.errors import NoRecordYet
from studies.folder import StudyFolder
from studies.report import page_of, read_study
from studies.storing import closed, opened
from tests.studies.report import made

pytestmark = pytest.mark.slow
Watch = Callable[[StudyFolder], Watched]
READ_ONLY = "read-only transaction"


@pytest.fixture
def folder(postgres: str, tmp_path: Path) -> StudyFolder:
    folder = StudyFolder(tmp_path / "study")
    config = made.config_of(storage=postgres, name=tmp_path.name)
    made.write(folder, config, list(made.trials(8, folder=folder)))
    return folder


@pytest.fixture
def watching() -> Iterator[Watch]:
    """Look at studies until the test ends."""
    begun: list[Watched] = []

    def watch(folder: StudyFolder) -> Watched:
        begun.append(Watched(folder.root))
        return begun[-1]

    yield watch
    for watched in begun:
        watched.close()


def rows(postgres: str) -> dict[str, list[tuple[object, ...]]]:
    """Everything in the database's own tables."""
    with psycopg.connect(postgres) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        tables = {name: sql.SQL("SELECT * FROM {}").format(sql.Identifier(name)) for (name,) in names}
        return {name: sorted(connection.execute(asked).fetchall(), key=repr) for name, asked in tables.items()}


def test_who_reads_cannot_write(postgres: str, folder: StudyFolder) -> None:
    storage = folder.storage()
    study = optuna.load_study(study_name=folder.study_name(), storage=storage)
    assert len(study.trials) == 8
    before = rows(postgres)
    for write in (
        lambda: study.add_trial(create_trial(values=[0.5, 1.0, 1.0])),
        lambda: study.set_user_attr("schema", 2),
        lambda: storage.delete_study(study._study_id),
    ):
        with pytest.raises((StorageInternalError, DBAPIError)) as refused:
            write()
        assert READ_ONLY in f"{refused.value} {refused.value.__cause__}"
    assert rows(postgres) == before
    closed(storage)


def test_page_and_report_leave_every_row_as_it_was_and_hold_no_lock(
    postgres: str, folder: StudyFolder, watching: Watch
) -> None:
    before = rows(postgres)
    with locked_by_another(postgres):
        watched = watching(folder)
        client = app_of([watched]).test_client()
        for path in ("/", "/_dash-layout", "/trials.csv", "/report.html"):
            assert client.get(path).status_code == 200
        assert page_of(read_study(folder.root))
        assert len(watched.now.study.rows) == 8
    with psycopg.connect(postgres) as connection:
        held = connection.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_class ON pg_class.oid = relation"
            " WHERE pid <> pg_backend_pid() AND relnamespace = 'public'::regnamespace"
        ).fetchone()
    assert held == (0,)
    assert rows(postgres) == before


@contextmanager
def locked_by_another(postgres: str) -> Iterator[None]:
    """While this is open somebody else has written and not said yet that it counts; no second writer could."""
    with psycopg.connect(postgres) as connection:
        connection.execute("LOCK TABLE trials, studies, trial_values IN EXCLUSIVE MODE")
        connection.execute("UPDATE trials SET state = 'FAIL'")
        yield
        connection.rollback()


def test_what_a_search_writes_is_seen(folder: StudyFolder, watching: Watch) -> None:
    watched = watching(folder)
    writing = folder.storage(writing=True)
    optuna.load_study(study_name=folder.study_name(), storage=writing).add_trials(list(made.trials(2, state="well")))
    deadline = time.monotonic() + 3 * DATABASE_S
    while len(watched.look().study.rows) < 10 and time.monotonic() < deadline:
        time.sleep(0.5)
    assert len(watched.now.study.rows) == 10
    closed(writing)


def test_a_database_that_no_search_has_used_yet_holds_no_record(postgres: str, tmp_path: Path, watching: Watch) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE unused")
    url = postgres.removesuffix("postgres") + "unused"
    began = time.monotonic()
    with pytest.raises(NoRecordYet, match="run `nas search` first"):
        opened(url, tmp_path)
    assert time.monotonic() - began < 30
    assert rows(url) == {}
    folder = StudyFolder(tmp_path / "study")
    folder.begin(made.config_of(storage=url))
    assert watching(folder).now.study.rows == ()
