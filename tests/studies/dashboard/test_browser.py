"""The page in a browser: everything that a person does there, once."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from studies.dashboard.watching import Watched
from studies.folder import StudyFolder
from studies.report.tradeoff import best_below, tradeoff_of
from tests.studies.report import made
from tests.studies.report.test_page import HOSTILE, hostile

pytest.importorskip("playwright", reason="needs playwright")

from playwright.sync_api import Browser, expect, sync_playwright

from tests.studies.dashboard.browsing import CHROMIUM, OPTIONS, clicked, looking, rows_of, served, settled, text_of

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")]
OPEN = re.compile(r"trial=\d+")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    other = StudyFolder(tmp_path_factory.mktemp("other"))
    made.write(other, made.config_of(name="other"), list(made.trials(12, seed=5, folder=other)))
    with served(folder, other.root) as address:
        yield address


def test_how_it_stands(browser: Browser, address: str, watched: Watched) -> None:
    with looking(browser, f"{address}/?view=standing") as page:
        settled(page, "growth-trials", "growth-device_hours")
        said = text_of(page, "#standing-inside")
        assert f"trained through {len(watched.now.study.complete)}" in said
        assert f"hypervolume {watched.now.growth.hypervolume[-1]:.4f}" in said
        assert "40 of 40 trials" in said


def test_a_click_on_a_point_opens_it_and_a_click_on_a_cell_its_operators(
    browser: Browser, address: str, watched: Watched
) -> None:
    with looking(browser, address) as page:
        settled(page, "front")
        number = watched.now.tradeoff.numbers[watched.now.tradeoff.groups["front"][0]]
        clicked(page, "front", "Pareto front", 0)
        expect(page.locator("#chosen-title")).to_have_text(watched.now.study.row[number].name)
        assert f"trial={number}" in page.url
        settled(page, "drawing", "curve", "blocks")
        drawing = watched.now.detail(number).drawing
        assert drawing is not None
        cell = next(name for name, face in drawing.sheet.faces.items() if face.inside)
        page.locator("#drawing").scroll_into_view_if_needed()
        box = drawing.sheet.layout.boxes[cell]
        corner = page.locator("#drawing .js-plotly-plot").bounding_box()
        assert corner is not None
        from nas.drawing.sheet import TOP

        page.mouse.move(corner["x"] + box.x + box.width / 2 - 2, corner["y"] + TOP + box.middle)
        page.mouse.click(corner["x"] + box.x + box.width / 2, corner["y"] + TOP + box.middle)
        expect(page.locator("#drawing-cell h4")).to_have_text(drawing.sheet.faces[cell].title[0])
        assert len(rows_of(page, "#drawing-cell")) == len(drawing.sheet.faces[cell].inside)
        page.locator(".commands button").first.click()
        expect(page.locator(".commands button").first).to_have_text("copied")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == watched.now.detail(number).commands[0].line
        for words in ("Decisions", "Learning curve", "Costs by block", "What bounds its blocks"):
            assert words in text_of(page, "#chosen")


def test_controls_change_the_address_and_the_address_the_page(browser: Browser, address: str, watched: Watched) -> None:
    tradeoff = tradeoff_of(watched.now.study)
    best = best_below(tradeoff, "latency_ms", 5.0)
    assert best is not None
    with looking(browser, address) as page:
        settled(page, "front")
        page.locator("#limit").fill("5")
        page.locator("#limit").press("Enter")
        expect(page.locator("#picked strong")).to_have_text(f"Trial {tradeoff.numbers[best]}")
        for control, option in (("y", "GMACs"), ("colour", "Dice"), ("size", "params M")):
            page.locator(f"#{control}").click()
            page.get_by_role("option", name=option, exact=True).click()
            page.wait_for_url(re.compile(rf"\b{control}="))
        page.locator("#switches label", has_text="stopped").click()
        page.wait_for_url(re.compile("stopped=1"))
        page.wait_for_function(
            "() => { const l = document.querySelector('#front .js-plotly-plot')._fullLayout;"
            " return l.yaxis.title.text === 'GMACs' && l.yaxis.type === 'log'"
            " && l.coloraxis.colorbar.title.text === 'Dice' }"
        )
        colleague = page.url
    with looking(browser, colleague) as page:
        settled(page, "front")
        expect(page.locator("#picked strong")).to_have_text(f"Trial {tradeoff.numbers[best]}")
        assert text_of(page, "#y") == "GMACs"
        assert page.locator("#limit").input_value() == "5"
        stopped = (
            "document.querySelector('#front .js-plotly-plot')._fullData.find(t => t.name.startsWith('stopped')).visible"
        )
        page.wait_for_function(f"() => {stopped} === true")
        page.go_back()


def test_predictions_of_a_network_are_shown_and_what_is_not_stored_is_said(
    browser: Browser, address: str, watched: Watched
) -> None:
    best, *_, last = watched.now.study.front
    with looking(browser, f"{address}/?trial={best}") as page:
        expect(page.locator(".case")).to_have_count(2)
        page.wait_for_function(
            "() => { const all = [...document.querySelectorAll('.case img')];"
            " return all.length === 10 && all.every((image) => image.complete && image.naturalWidth === 32) }"
        )
        assert "Dice 0.1000 anna.png" in text_of(page, ".case >> nth=0")
        laid, under = (page.locator(f".case >> nth=0 >> img >> nth={place}").bounding_box() for place in (4, 3))
        assert laid == under
        page.goto(f"{address}/?trial={last}")
        expect(page.locator("#chosen")).to_contain_text("No predictions are stored for this network")
        expect(page.locator(".case")).to_have_count(0)


def test_three_columns(browser: Browser, address: str) -> None:
    with looking(browser, f"{address}/?z=traffic_bytes&colour=encoder.base") as page:
        settled(page, "space")
        assert page.evaluate("document.querySelector('#space .js-plotly-plot')._fullLayout.scene.zaxis.type") == "log"
        expect(page.locator("#flat")).to_be_hidden()


def test_a_range_that_is_dragged_chooses_rows_and_points(browser: Browser, address: str, watched: Watched) -> None:
    with looking(browser, f"{address}/?view=trials") as page:
        settled(page, "parallel", "linked")
        assert len(rows_of(page, "#table")) == 40
        axis = page.locator("#parallel .axis-brush").last.bounding_box()
        assert axis is not None
        middle = axis["x"] + axis["width"] / 2
        page.mouse.move(middle, axis["y"] + 0.15 * axis["height"])
        page.mouse.down()
        page.mouse.move(middle, axis["y"] + 0.3 * axis["height"], steps=4)
        page.mouse.move(middle, axis["y"] + 0.45 * axis["height"], steps=4)
        page.mouse.up()
        page.wait_for_url(re.compile("brush=dice"))
        expect(page.locator("#brushed")).to_contain_text("Ranges on Dice keep")
        kept = len(rows_of(page, "#table"))
        assert 0 < kept < 24
        page.wait_for_function(
            "() => document.querySelector('#linked .js-plotly-plot')._fullData"
            f".slice(1, 5).filter(t => t.name !== 'published' && t.visible === true)"
            f".reduce((sum, t) => sum + t.selectedpoints.length, 0) === {kept}"
        )
        page.locator("#nav a", has_text="Front").click()
        expect(page.locator("#picked")).to_contain_text("Ranges on Dice keep")
        page.locator("#picked a", has_text="Clear").click()
        page.wait_for_url(lambda url: "brush" not in url)


def test_the_table_sorts_and_opens(browser: Browser, address: str, watched: Watched) -> None:
    with looking(browser, f"{address}/?view=trials") as page:
        page.locator("#table th a", has_text="Dice").click()
        best = watched.now.study.front[0]
        expect(page.locator("#table tbody td").first).to_have_text(str(best))
        assert page.locator("#table th[aria-sort=descending]").count() == 1
        page.locator("#table tbody a").first.click()
        expect(page.locator("#chosen-title")).to_have_text(watched.now.study.row[best].name)


def test_three_networks_are_compared(browser: Browser, address: str, watched: Watched) -> None:
    numbers = watched.now.study.front[:3]
    with looking(browser, f"{address}/?view=compare&beside={numbers[0]}.{numbers[1]}") as page:
        settled(page, "difference-1", "curves", f"blocks-{numbers[0]}", f"blocks-{numbers[1]}")
        rows = [watched.now.study.row[number] for number in numbers]
        paths = {path for row in rows[:2] for path in row.decisions}
        different = sum(rows[0].decisions.get(path) != rows[1].decisions.get(path) for path in paths)
        assert page.locator("tr.differs").count() == different
        page.locator("#beside-2").click()
        page.get_by_role("option", name=rows[2].name, exact=True).click()
        page.wait_for_url(re.compile(rf"beside={numbers[0]}.{numbers[1]}.{numbers[2]}"))
        settled(page, "difference-2", f"blocks-{numbers[2]}")
        assert f"beside={'.'.join(map(str, numbers))}" in page.url


def test_failures_what_is_learned_and_other_studies(browser: Browser, address: str) -> None:
    with looking(browser, f"{address}/?view=failures") as page:
        expect(page.locator("#failures-inside details")).to_have_count(4)
        page.locator("#failures-inside summary", has_text="trial 8:").click()
        failure = page.locator("#failures-inside details", has_text="trial 8:")
        expect(failure.locator("pre")).to_have_text(re.compile("no room"))
        page.locator("#nav a", has_text="Learned").click()
        settled(page, "effects", "agreement")
        page.locator("#nav a", has_text="Studies").click()
        settled(page, "overlaid-latency_ms", "overlaid-traffic_bytes")
        assert len(rows_of(page, "#studies-inside")) == 2
        page.locator("#study").click()
        page.get_by_role("option", name="other").click()
        expect(page.locator("#title")).to_have_text("other")


def test_what_is_taken_away(browser: Browser, address: str, tmp_path: Path) -> None:
    with looking(browser, address) as page:
        settled(page, "front")
        for words, name, begins in (
            ("trials.csv", "trials.csv", b"number,outcome"),
            ("report.html", "report.html", b"<!DOCTYPE html>"),
        ):
            with page.expect_download() as download:
                page.locator("#nav a", has_text=words).click()
            assert download.value.suggested_filename == name
            assert Path(download.value.path()).read_bytes().startswith(begins)
        for form, begins in (("png", b"\x89PNG"), ("svg", b"<svg")):
            with page.expect_download() as download:
                page.locator(f"#flat button[data-form={form}]").click()
            assert Path(download.value.path()).read_bytes().startswith(begins)
        page.locator("#front").hover()
        assert "Share" not in page.content()


def test_hostile_texts_do_nothing_even_where_the_pointer_rests(browser: Browser, tmp_path: Path) -> None:
    bad = hostile(tmp_path / "bad")
    trials = []
    for row in bad.rows:
        costs = {name: value for name, value in row.values.items() if name != "dice"}
        trials.append(made.trial(row.decisions, costs, row.curve, made.BEGAN, row.origin, failed=row.outcome == "oom"))
        trials[-1].user_attrs["reason"] = row.reason
    made.write(bad.folder, made.config_of(name=HOSTILE), trials)
    with served(bad.folder.root) as address:
        for query in ("", "?trial=0&colour=", "?view=trials", "?view=compare", "?view=failures", "?view=learned"):
            with looking(browser, f"{address}/{query}") as page:
                page.wait_for_timeout(2500)
                page.evaluate(
                    "for (const g of document.querySelectorAll('.js-plotly-plot'))"
                    " for (let i = 0; g._fullLayout._has('cartesian') && i < 5; i++)"
                    " { try { Plotly.Fx.hover(g, [{curveNumber: i, pointNumber: 0}]) } catch {} }"
                )
                for picker in page.locator(".controls .dash-dropdown:visible").all():
                    picker.click()
                    page.keyboard.press("Escape")
                page.wait_for_timeout(300)
                assert page.evaluate("window.pwned") is None
                assert page.locator("img, b, a[href^='javascript'], a[*|href^='javascript']").count() == 0
                assert HOSTILE[:20] in page.locator("#title").inner_text()
                assert page.title() == HOSTILE


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(browser: Browser, address: str, width: int, scheme: str) -> None:
    with looking(browser, f"{address}/?trial=1", width, scheme) as page:
        settled(page, "front", "drawing", "curve")
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        ink = page.evaluate("getComputedStyle(document.querySelector('#front .xtick text')).fill")
        assert (ink == "rgb(230, 234, 238)") == (scheme == "dark")


def test_the_keyboard_reaches_views_controls_and_trials(browser: Browser, address: str) -> None:
    with looking(browser, address) as page:
        settled(page, "front")
        reached = set()
        for _ in range(40):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.textContent.trim().slice(0, 12)"))
            reached.add(page.evaluate("document.activeElement.id"))
        assert {"Trials", "Compare", "Failures", "limit", "x", "colour"} <= reached
        page.locator("#nav").get_by_role("link", name="Trials", exact=True).focus()
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("view=trials"))
        page.locator("#table tbody a").first.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#chosen-title")).to_be_visible()


@pytest.mark.parametrize("state", ["empty", "failed"])
def test_studies_without_a_dice_look_right(browser: Browser, tmp_path: Path, state: str) -> None:
    folder = StudyFolder(tmp_path)
    folder.begin(made.config_of())
    if state == "failed":
        made.write(folder, made.config_of(), list(made.trials(5, state="failed")))
    with served(tmp_path) as address:
        for view in ("standing", "front", "trials", "failures"):
            with looking(browser, f"{address}/?view={view}") as page:
                expect(page.locator(f"#view-{view}")).to_contain_text(re.compile("No t|Too few|5 failed|5 trials|oom"))
                figures = 2 if (state, view) == ("failed", "standing") else 0  # hours pass, the hypervolume stays 0
                expect(page.locator(".js-plotly-plot:visible")).to_have_count(figures)
