"""One study on disk and in memory, made once: nothing in a report changes it."""

from pathlib import Path

import pytest

from studies.folder import StudyFolder
from studies.report import Study, page_of, read_study
from tests.studies.report import made


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = StudyFolder(tmp_path_factory.mktemp("studies") / "a study")
    trials = list(made.trials(40, folder=folder))
    made.write(folder, made.config_of(), trials)
    for number in (8, 16):
        text = 'Traceback:\n  File "/home/somebody/own/nas/module.py", line 3\n<b>no room</b>\n'
        (folder.trial(number) / "fault.txt").write_text("old\n" * 100 + text)
    return folder.root


@pytest.fixture(scope="session")
def study(folder: Path) -> Study:
    return read_study(folder)


@pytest.fixture(scope="session")
def page(study: Study) -> str:
    return page_of(study)
