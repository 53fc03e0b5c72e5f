"""A study on disk, watched, and a client that asks as a browser on this machine would."""

from pathlib import Path

import pytest

pytest.importorskip("dash", reason="needs the extra 'dashboard'")

from flask.testing import FlaskClient

from studies.dashboard.app import app_of
from studies.dashboard.watching import Watched
from studies.folder import StudyFolder
from tests.studies.report import made


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = StudyFolder(tmp_path_factory.mktemp("studies") / "a study")
    trials = list(made.trials(40, folder=folder))
    made.write(folder, made.config_of(), trials)
    folder.screened_file.write_text('{"infeasible": 12, "duplicate": 3, "admitted": 40}')
    (folder.trial(8) / "fault.txt").write_text('  File "/home/somebody/own/nas/module.py", line 3\nno room\n')
    return folder.root


@pytest.fixture(scope="session")
def watched(folder: Path) -> Watched:
    return Watched(folder)


@pytest.fixture(scope="session")
def client(watched: Watched) -> FlaskClient:
    return app_of([watched]).test_client()
