"""The page over a study that a search is writing at the same time."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from studies.records import load
from tests.studies.conftest import TINY

pytest.importorskip("playwright", reason="needs playwright")

from playwright.sync_api import Browser, expect, sync_playwright

from tests.studies.dashboard.browsing import CHROMIUM, OPTIONS, looking, served, settled

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")]


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


def test_a_page_follows_a_search_and_keeps_what_is_open(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY.replace("trials: 4", "trials: 6"))
    search = [sys.executable, "-m", "studies.cli", "search", "tiny.yaml", "--dir", "run", "budget.trials="]
    subprocess.run([*search[:-1], search[-1] + "2"], cwd=tmp_path, check=True, capture_output=True, timeout=300)
    with served(tmp_path / "run") as address, looking(browser, f"{address}/?stopped=1&trial=0") as page:
        settled(page, "front", "drawing")
        process = subprocess.Popen(
            [*search[:-1], search[-1] + "6"], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        try:
            expect(page.locator("#status")).to_contain_text("Running", timeout=120_000)
            _, error = process.communicate(timeout=300)
        finally:
            process.kill()
        assert process.returncode == 0, error
        assert "locked" not in error
        expect(page.locator("#status")).to_contain_text("6 trials", timeout=60_000)
        page.wait_for_function(
            "() => document.querySelector('#front .js-plotly-plot').data.slice(1, 5)"
            ".reduce((sum, t) => sum + t.x.length, 0) === 6",
            polling=100,
        )
        expect(page.locator("#chosen-title")).to_have_text("trial 0")
        assert "trial=0" in page.url
    assert load(tmp_path / "run").trials()["outcome"].tolist() == ["ok"] * 6
