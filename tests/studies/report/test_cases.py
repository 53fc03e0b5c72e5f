"""Predictions in a report: only when asked for, images once and without their names; what is not there is said."""

import base64
from pathlib import Path

import pytest

from studies.folder import StudyFolder
from studies.predictions import PREDICTIONS
from studies.report import Study, page_of, read_study
from studies.report.cases import NONE, SHOWN, cases_part, predictions_at
from tests.studies.report import made
from tests.studies.report.test_page import Parsed, invoked


@pytest.fixture
def pictured(tmp_path: Path) -> Study:
    """Two networks that fail on an image in common, and one for which nothing is stored."""
    folder = StudyFolder(tmp_path / "study")
    made.write(folder, made.config_of(), list(made.trials(3, folder=folder)))
    made.predict(folder, 0, ("anna.png", "bert.png"))
    made.predict(folder, 1, ("bert.png", "carl.png"))
    return read_study(folder.root)


def test_a_report_has_images_only_when_it_is_asked_for_them(pictured: Study) -> None:
    plain = Parsed(page_of(pictured))
    assert not [name for name, _ in plain.elements if name == "img"]
    assert plain.data()["images"] == {}
    assert "Predictions on validation" not in "".join(plain.words)


def test_each_image_is_in_the_report_once_and_without_its_name(pictured: Study) -> None:
    page = page_of(pictured, images=True)
    parsed = Parsed(page)
    for name in ("anna.png", "bert.png", "carl.png"):
        assert name not in page
    images = parsed.data()["images"]
    assert isinstance(images, dict)
    assert len(images) == len(set(images.values())) == 3
    shown = [a for n, a in parsed.elements if n == "img"]
    numbers = [a["data-image"] for a in shown if "data-image" in a]
    assert len(numbers) == 2 * 2 * 2  # two networks, two cases, the image by itself and below its errors
    assert set(numbers) == {"1", "2", "3"}
    for attributes in shown:
        assert "data-image" in attributes or str(attributes["src"]).startswith("data:image/png;base64,iVBOR")
        assert attributes["alt"] is not None
    words = " ".join("".join(parsed.words).split())
    assert words.count("Predictions on validation images") == 3
    assert words.count(NONE) == 1
    assert "the mean Dice of all is 0.7500" in words


def test_the_same_image_has_the_same_number_everywhere(pictured: Study) -> None:
    part = {number: predictions_at(pictured, number) for number in (0, 1)}
    page = Parsed(page_of(pictured, images=True))
    images = page.data()["images"]
    assert isinstance(images, dict)
    for found in part.values():
        assert not isinstance(found, str)
        for case in found.cases:
            assert list(images.values()).count(case.pictures["image"]) == 1


def test_the_first_cases_are_open_and_the_others_asked_for(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path)
    found = made.predict(folder, 0, tuple(f"{letter}.png" for letter in "abcde"))
    part = cases_part(made.study([]), found, lambda case, place, kind: {"src": f"{place}{kind}"})
    open_part, _, closed = part.partition("<details>")
    assert (open_part.count('class="case"'), closed.count('class="case"')) == (SHOWN, 5 - SHOWN)
    assert f"{5 - SHOWN} more images" in closed
    dices = [f"Dice {case.dice:.4f}" for case in found.cases]
    assert sorted(dices, key=part.index) == dices


@pytest.mark.parametrize(
    ("data", "kinds"),
    [
        ({"kind": "generated"}, ["right", "missed", "extra"]),
        ({"kind": "folder", "root": "x", "classes": ["background", "a", "b"]}, ["right", "missed", "extra", "other"]),
        ({"kind": "folder", "root": "x", "resize": "pad"}, ["right", "missed", "extra", "ignored"]),
        ({"kind": "folder", "root": "x", "ignore": 7}, ["right", "missed", "extra", "ignored"]),
    ],
)
def test_the_legend_names_what_can_occur(tmp_path: Path, data: dict[str, object], kinds: list[str]) -> None:
    found = made.predict(StudyFolder(tmp_path), 0)
    part = cases_part(made.study([], data=data), found, lambda case, place, kind: {"src": "x"})
    keys = [str(a["class"]).split() for n, a in Parsed(part).elements if n == "span" and "key" in str(a.get("class"))]
    assert [names[1] for names in keys] == kinds


def test_damaged_predictions_are_said_and_new_ones_are_seen(pictured: Study) -> None:
    path = pictured.folder.trial(0) / PREDICTIONS
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    said = predictions_at(pictured, 0)
    assert isinstance(said, str) and "its predictions.json is damaged" in said
    assert said in page_of(pictured, images=True)
    path.write_bytes(whole)
    before = predictions_at(pictured, 0)
    assert not isinstance(before, str)
    after = made.predict(pictured.folder, 0, ("dora.png",))
    assert predictions_at(pictured, 0) == after != before


def test_names_of_images_are_text(tmp_path: Path) -> None:
    found = made.predict(StudyFolder(tmp_path), 0, ("<b>a</b>\"'.png",))
    part = cases_part(made.study([]), found, lambda case, place, kind: {"src": "x"})
    parsed = Parsed(part)
    assert "b" not in {name for name, _ in parsed.elements}
    assert [a["alt"] for n, a in parsed.elements if n == "img"][0] == "image <b>a</b>\"'.png"


def test_the_command_has_an_option_for_images(pictured: Study, tmp_path: Path) -> None:
    for options, count in (((), 0), (("--images",), 3)):
        out = tmp_path / "page.html"
        code, _, error = invoked("report", pictured.folder.root, "--out", out, *options)
        assert (code, error) == (0, "")
        images = Parsed(out.read_text(encoding="utf-8")).data()["images"]
        assert isinstance(images, dict) and len(images) == count
        for image in images.values():
            assert base64.b64decode(image).startswith(b"\x89PNG")
