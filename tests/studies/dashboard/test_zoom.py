"""A zoom into the front stays while the search finds more."""

import re
from pathlib import Path

import optuna
import pytest

from studies.dashboard.watching import Watched
from studies.folder import StudyFolder
from studies.report.tradeoff import shown_value
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


RING = """() => {
  const g = document.querySelector("#front .js-plotly-plot"), ring = g.data.find((t) => t.name === "open below");
  return [ring.x, ring.y, ring.showlegend, Boolean(g.data.untouched)];
}"""


def inside(page: Page, across: float, down: float) -> tuple[float, float]:
    """Return a place on the screen by its share of the plot's width and height."""
    box = page.locator("#front .nsewdrag").bounding_box()
    assert box is not None
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def zoom_in(page: Page) -> None:
    page.mouse.move(*inside(page, 0.3, 0.3))
    page.mouse.down()
    page.mouse.move(*inside(page, 0.6, 0.7), steps=5)
    page.mouse.up()
    page.wait_for_function(f"!({AXES})()[4]", polling=100)


def test_a_zoom_stays_when_there_is_something_new_and_a_double_click_ends_it(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path)
    trials = list(made.trials(46, folder=folder))
    made.write(folder, made.config_of(), trials[:40])
    with sync_playwright() as playwright, served(folder.root) as address:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        with looking(browser, address) as page:
            settled(page, "front")
            zoom_in(page)
            zoomed, points = page.evaluate(AXES), page.evaluate(POINTS)
            study = optuna.load_study(study_name=folder.study_name(), storage=folder.storage(writing=True))
            study.add_trials(trials[40:])
            page.wait_for_function(f"{POINTS} > {points}", polling=100)
            assert page.evaluate(AXES) == pytest.approx(zoomed)
            page.mouse.dblclick(*inside(page, 0.5, 0.5))
            page.wait_for_function(f"({AXES})()[4]", polling=100)
        browser.close()


def test_the_ring_moves_to_what_is_opened_and_nothing_else_is_drawn_again(folder: Path, watched: Watched) -> None:
    tradeoff, (first, second) = watched.now.tradeoff, watched.now.study.front[:2]

    def at(number: int) -> list[object]:
        place = tradeoff.numbers.index(number)
        return [[shown_value(tradeoff, name, place)] for name in tradeoff.first]

    with sync_playwright() as playwright, served(folder) as address:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        with looking(browser, f"{address}/?trial={first}") as page:
            settled(page, "front", "drawing")
            assert page.evaluate(RING) == [*at(first), True, False]
            page.evaluate("document.querySelector('#front .js-plotly-plot').data.untouched = true")
            page.locator("#front-table a", has_text=re.compile(f"^{second}$")).click()
            page.wait_for_function(f"({RING})()[0][0] === {at(second)[0][0]}", polling=100)
            assert page.evaluate(RING) == [*at(second), True, True]
            page.locator("#front").scroll_into_view_if_needed()
            zoom_in(page)
            page.wait_for_timeout(1000)
            assert page.evaluate(RING)[:2] == at(second)
            page.locator("#colour").click()
            page.get_by_role("option", name="Dice", exact=True).click()
            page.wait_for_function(f"!({RING})()[3]", polling=100)
            assert page.evaluate(RING) == [*at(second), True, False]
        browser.close()
