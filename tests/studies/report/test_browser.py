"""The page in a browser, where Debian's Chromium is installed: figures are drawn, and texts stay texts."""

import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

from studies.folder import StudyFolder
from studies.report import Study, page_of, read_study
from studies.report.cases import predictions_at
from studies.report.details import shown_numbers
from studies.report.looks import decision_words
from studies.report.tradeoff import best_below, tradeoff_of
from tests.studies.report import made
from tests.studies.report.test_page import HOSTILE, Parsed, hostile

CHROMIUM = shutil.which("chromium")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")]


def opened(page: str, folder: Path, fragment: str = "") -> tuple[Parsed, str]:
    """Return what the page has become in a browser, and the console's complaints."""
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--window-size=1280,4000"]
    options += [f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=8000", "--enable-logging=stderr"]
    assert CHROMIUM is not None
    done = subprocess.run(
        [CHROMIUM, *options, "--dump-dom", f"{path.as_uri()}{fragment}"], capture_output=True, text=True, timeout=120
    )
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line and "GL Driver Message" not in line]
    return Parsed(done.stdout), "\n".join(console)


def unguarded(page: str) -> str:
    """Return the page without its policy, so that a test can act in it, and nothing is harmless only for the policy."""
    return re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)


def said(parsed: Parsed) -> str:
    return " ".join("".join(parsed.words).split())


def drawn(parsed: Parsed) -> set[str]:
    return {str(a["id"]) for _, a in parsed.elements if "js-plotly-plot" in (a.get("class") or "")}


def test_all_figures_are_drawn_and_the_console_is_silent(study: Study, page: str, tmp_path: Path) -> None:
    parsed, console = opened(page, tmp_path, f"#trial-{study.front[1]}")
    assert console == ""
    shown = {"front", "curves", "parallel", "effects", "agreement", "growth-trials", "growth-device_hours"}
    for number in study.front[:2]:  # the best is open from the start, the other by the address
        shown |= {f"curve-{number}", f"blocks-{number}"}
    assert drawn(parsed) == {f"figure-{name}" for name in shown}
    assert "Share" not in said(parsed)


def test_images_are_put_where_they_are_shown(study: Study, tmp_path: Path) -> None:
    parsed, console = opened(page_of(study, images=True), tmp_path)
    assert console == ""
    shown = [a for n, a in parsed.elements if n == "img"]
    networks = [n for n in shown_numbers(study) if not isinstance(predictions_at(study, n), str)]
    assert networks
    assert len(shown) == len(networks) * 2 * 5  # of two cases each, the image by itself and below its errors
    sources = {a["data-image"]: a["src"] for a in shown if "data-image" in a}
    assert len(sources) == len(set(sources.values())) == 2
    assert all(str(a["src"]).startswith("data:image/png;base64,iVBOR") for a in shown)


@pytest.mark.parametrize(("pair", "bars"), [("x=macs&y=dice", {"yerror"}), ("x=dice&y=macs", {"xerror"}), ("", set())])
def test_error_bars_follow_dice(tmp_path: Path, pair: str, bars: set[str]) -> None:
    folder = StudyFolder(tmp_path / "study")
    made.write(folder, made.config_of(), list(made.trials(4)))
    made.retrain(folder, "best", {"trial-2": [0.8, 0.9]})
    parsed, console = opened(page_of(read_study(folder.root)), tmp_path, f"#{pair or 'x=macs&y=params'}")
    assert console == ""
    classes = {name for _, a in parsed.elements for name in (a.get("class") or "").split()}
    assert classes & {"xerror", "yerror"} == bars


@pytest.mark.parametrize("metric", ["latency_ms", "params"])
def test_a_limit_picks_what_the_figures_data_say(study: Study, page: str, tmp_path: Path, metric: str) -> None:
    tradeoff = tradeoff_of(study)
    limit = sorted(row.values[metric] for row in study.complete)[len(study.complete) // 2]
    shown = limit * {"latency_ms": 1, "params": 1e-6}[metric] * 1.001
    best = best_below(tradeoff, metric, limit)
    assert best is not None
    parsed, console = opened(page, tmp_path, f"#x={metric}&y=macs&budget={metric}&limit={shown}&stopped=1&log-x=0")
    assert console == ""
    assert f"Trial {tradeoff.numbers[best]}: Dice {tradeoff.metrics['dice'][best]:.4f} at" in said(parsed)


def test_hostile_texts_do_nothing_even_where_the_pointer_rests(tmp_path: Path) -> None:
    page = page_of(hostile(tmp_path))
    hover = (
        "<script>setTimeout(() => {"
        " for (const [place, at] of [['front', 4], ['front', 3], ['curves', 0], ['effects', 0]])"
        " Plotly.Fx.hover('figure-' + place, [{curveNumber: at, pointNumber: 0}]); }, 3000);"
        " setTimeout(() => { document.body.dataset.pwned = String(window.pwned); }, 5000)</script></body>"
    )
    parsed, console = opened(unguarded(page).replace("</body>", hover), tmp_path)
    assert ("pwned", "undefined") in [(k.removeprefix("data-"), v) for _, a in parsed.elements for k, v in a.items()]
    assert not [n for n, _ in parsed.elements if n in ("img", "b")]
    assert not [a for n, a in parsed.elements if "javascript" in f"{a.get('href')}{a.get('xlink:href')}"]
    assert any(a.get("class") == "hovertext" for _, a in parsed.elements)
    assert unescape(HOSTILE[:20]) in said(parsed)
    assert "pwned" not in console


def test_two_networks_are_compared_from_the_start(study: Study, page: str, tmp_path: Path) -> None:
    parsed, _ = opened(page, tmp_path)
    here, there = (study.row[number].decisions for number in study.front[:2])
    different = sum(here.get(path) != there.get(path) for path in {*here, *there})
    assert sum(a.get("class") == "differs" for _, a in parsed.elements) == different
    everything = "<script>$('only-different').click()</script></body>"
    parsed, _ = opened(unguarded(page).replace("</body>", everything), tmp_path)
    assert sum(a.get("class") == "differs" for _, a in parsed.elements) == different
    shared = next(path for path, option in here.items() if there.get(path) == option)
    assert (
        said(parsed).count(decision_words(shared)) >= said(opened(page, tmp_path)[0]).count(decision_words(shared)) + 1
    )
