"""What is new is seen, and nothing is ever written."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest

from studies.dashboard.app import app_of
from studies.dashboard.watching import Watched
from studies.errors import ConfigError
from studies.folder import StudyFolder
from tests.studies.report import made


def state(root: Path) -> dict[str, tuple[str, int, int]]:
    """Every file with its bytes, time and permissions."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_file():
            status = path.stat()
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path.relative_to(root))] = digest, status.st_mtime_ns, status.st_mode
    return found


@contextmanager
def written(folder: StudyFolder) -> Iterator[optuna.Study]:
    storage = folder.storage(writing=True)
    yield optuna.load_study(study_name=folder.study_name(), storage=storage)
    if hasattr(storage, "engine"):
        storage.remove_session()
        storage.engine.dispose()


@pytest.mark.parametrize("storage", ["journal", "sqlite"])
def test_what_is_written_is_seen_at_the_next_look_and_only_then_is_anything_read(tmp_path: Path, storage: str) -> None:
    folder = StudyFolder(tmp_path)
    trials = list(made.trials(6, state="well"))
    made.write(folder, made.config_of(storage=storage), trials[:4])
    watched = Watched(tmp_path)
    first = watched.now
    assert len(first.study.rows) == 4
    assert watched.look() is first
    with written(folder) as study:
        study.add_trial(trials[4])
    second = watched.look()
    assert (second.version, len(second.study.rows)) == (first.version + 1, 5)
    assert [row.values for row in second.study.rows[:4]] == [row.values for row in first.study.rows]


@pytest.mark.parametrize("storage", ["journal", "sqlite"])
def test_looking_and_asking_leaves_every_byte_as_it_was(tmp_path: Path, storage: str) -> None:
    folder = StudyFolder(tmp_path / "study")
    made.write(folder, made.config_of(storage=storage), list(made.trials(8, folder=folder)))
    before = state(folder.root)
    listed = sorted(folder.root.iterdir())
    watched = Watched(folder.root)
    client = app_of([watched]).test_client()
    for path in ("/", "/_dash-layout", "/trials.csv", "/report.html"):
        assert client.get(path).status_code == 200
    watched.look()
    for number in range(8):
        watched.now.detail(number)
    assert state(folder.root) == before
    assert sorted(folder.root.iterdir()) == listed


def test_a_study_that_has_not_begun_is_shown_and_then_its_trials(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path)
    folder.begin(made.config_of())
    watched = Watched(tmp_path)
    assert watched.now.study.rows == ()
    assert [path.name for path in tmp_path.iterdir()] == ["study.yaml"]
    made.write(folder, made.config_of(), list(made.trials(3)))
    assert len(watched.look().study.rows) == 3


def test_a_record_that_cannot_be_read_leaves_what_was_seen(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path)
    made.write(folder, made.config_of(), list(made.trials(3)))
    watched = Watched(tmp_path)
    with (tmp_path / "journal.log").open("a") as file:
        file.write("not JSON\n{}\n")
    with pytest.raises(ConfigError, match="is damaged"):
        watched.look()
    assert len(watched.now.study.rows) == 3


def test_a_folder_without_a_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no study here"):
        Watched(tmp_path)


def test_a_training_of_a_retraining_that_ends_is_something_new(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path)
    made.write(folder, made.config_of(), list(made.trials(3)))
    watched = Watched(tmp_path)
    version = watched.look().version
    made.retrain(folder, "best", {"trial-2": [0.5]})
    assert watched.look().version == version + 1
    assert [each.dices for each in watched.now.study.retrained] == [(0.5,)]
    made.retrain(folder, "best", {"trial-2": [0.5, 0.6]})
    assert [each.dices for each in watched.look().study.retrained] == [(0.5, 0.6)]
