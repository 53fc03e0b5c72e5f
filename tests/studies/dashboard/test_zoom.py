"""A zoom into the front stays while the search finds more."""

from pathlib import Path

import optuna
import pytest

from studies.folder import StudyFolder
from tests.studies.report import made

pytest.importorskip("playwright", reason="needs playwright")

from playwright.sync_api import Page, sync_playwright

from tests.studies.dashboard.browsing import CHROMIUM, OPTIONS, looking, served, settled

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")]
AXES = """() => {
  const g = document.querySelector("#front .js-plotly-plot"), { xaxis, yaxis } = g.layout;
  return [...xaxis.range, ...yaxis.range, Number(xaxis.autorange)];
}"""
POINTS = 'document.querySelector("#front .js-plotly-plot").data.reduce((sum, t) => sum + (t.x ? t.x.length : 0), 0)'


def inside(page: Page, across: float, down: float) -> tuple[float, float]:
    """Return a place on the screen by its share of the plot's width and height."""
    box = page.locator("#front .nsewdrag").bounding_box()
    assert box is not None
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def test_a_zoom_stays_when_there_is_something_new_and_a_double_click_ends_it(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path)
    trials = list(made.trials(46, folder=folder))
    made.write(folder, made.config_of(), trials[:40])
    with sync_playwright() as playwright, served(folder.root) as address:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        with looking(browser, address) as page:
            settled(page, "front")
            page.mouse.move(*inside(page, 0.3, 0.3))
            page.mouse.down()
            page.mouse.move(*inside(page, 0.6, 0.7), steps=5)
            page.mouse.up()
            page.wait_for_function(f"!({AXES})()[4]", polling=100)
            zoomed, points = page.evaluate(AXES), page.evaluate(POINTS)
            study = optuna.load_study(study_name=folder.study_name(), storage=folder.storage(writing=True))
            study.add_trials(trials[40:])
            page.wait_for_function(f"{POINTS} > {points}", polling=100)
            assert page.evaluate(AXES) == pytest.approx(zoomed)
            page.mouse.dblclick(*inside(page, 0.5, 0.5))
            page.wait_for_function(f"({AXES})()[4]", polling=100)
        browser.close()
