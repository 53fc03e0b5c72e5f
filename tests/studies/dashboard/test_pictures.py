"""Pictures of predictions, one by one, as the live page asks for them."""

import base64
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from studies.dashboard.app import app_of
from studies.dashboard.watching import Watched
from studies.folder import StudyFolder
from studies.predictions import PICTURES, PREDICTIONS, Predictions
from studies.report.cases import predictions_at
from tests.studies.report import made


def test_each_picture_is_the_stored_one(client: FlaskClient, watched: Watched) -> None:
    study = watched.now.study
    for number in study.front[:2]:
        found = predictions_at(study, number)
        assert isinstance(found, Predictions)
        for place, case in enumerate(found.cases):
            for kind in PICTURES:
                answer = client.get(f"/case.png?trial={number}&case={place}&kind={kind}")
                assert (answer.status_code, answer.mimetype) == (200, "image/png")
                assert answer.data == base64.b64decode(case.pictures[kind])


@pytest.mark.parametrize(
    "wrong",
    ["case=2", "case=-1", "case=x", "case=", "kind=name", "kind=", "trial=39", "trial=4000", "trial=../0", "trial="],
)
def test_what_is_not_there_is_not_found(client: FlaskClient, watched: Watched, wrong: str) -> None:
    asked = {"trial": str(watched.now.study.front[0]), "case": "0", "kind": "error"}
    assert client.get("/case.png", query_string=asked).status_code == 200
    name, _, value = wrong.partition("=")
    assert client.get("/case.png", query_string=asked | {name: value}).status_code == 404


def test_pictures_are_those_of_the_study_that_is_asked_for(tmp_path: Path) -> None:
    folders = [StudyFolder(tmp_path / name) for name in ("first", "second")]
    for folder, name in zip(folders, ("anna.png", "bert.png"), strict=True):
        made.write(folder, made.config_of(), list(made.trials(3, folder=folder)))
        made.predict(folder, 1, (name,))
    client = app_of([Watched(folder.root) for folder in folders]).test_client()
    first, second = (client.get(f"/case.png?study={n}&trial=1&case=0&kind=image").data for n in (0, 1))
    assert first != second
    (folders[0].trial(1) / PREDICTIONS).unlink()
    assert client.get("/case.png?study=0&trial=1&case=0&kind=image").status_code == 404
