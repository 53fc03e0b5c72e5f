"""One study on disk and in memory, made once: nothing in a report changes it."""

from pathlib import Path

import pytest

from studies.report import Study, page_of, read_study
from tests.studies.report import made


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.on_disk(tmp_path_factory.mktemp("studies") / "a study")


@pytest.fixture(scope="session")
def study(folder: Path) -> Study:
    return read_study(folder)


@pytest.fixture(scope="session")
def page(study: Study) -> str:
    return page_of(study)
