"""A study on disk, watched, and a client that asks as a browser on this machine would."""

from pathlib import Path

import pytest

pytest.importorskip("dash", reason="needs the extra 'dashboard'")

from flask.testing import FlaskClient

from studies.dashboard.app import app_of
from studies.dashboard.watching import Watched
from tests.studies.report import made


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.on_disk(tmp_path_factory.mktemp("studies") / "a study")


@pytest.fixture(scope="session")
def watched(folder: Path) -> Watched:
    return Watched(folder)


@pytest.fixture(scope="session")
def client(watched: Watched) -> FlaskClient:
    return app_of([watched]).test_client()
