"""Pictures of the live page for the documentation, from a search on drawn images that runs first if there is none yet.

Run: make screenshots   (a search of some minutes, then a minute; writes docs/images/*.png)
"""

import argparse
import io
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import make_server

from studies.dashboard.app import app_of
from studies.dashboard.watching import Watched

HERE = Path(__file__).resolve().parent.parent
OVERRIDES = ("name=drawn", "budget.trials=12", "train.epochs=8", "data.images=100", 'constraints={macs: "<= 200 M"}')
COLOURS = 200  # of a picture's palette; keeps it small
VIEWS = {  # query, width, height, colour scheme, figures that must be there
    "front": ("?limit={limit}&budget=latency_ms", 1280, 1000, "light", ("front",)),
    "front-dark": ("?colour=params&size=traffic_bytes&stopped=1", 1280, 900, "dark", ("front",)),
    "network": ("?trial={best}", 1280, 1500, "light", ("drawing", "curve", "blocks")),
    "predictions": ("?trial={best}", 1280, 1500, "light", ("drawing", "curve", "blocks")),
    "trials": ("?view=trials&brush={brush}", 1280, 1300, "light", ("parallel", "linked")),
    "compare": ("?view=compare", 1280, 1500, "light", ("difference-1", "curves")),
    "space": ("?z=params&colour=dice", 1280, 900, "light", ("space",)),
    "standing": ("?view=standing", 1280, 800, "light", ("growth-trials",)),
    "narrow": ("?trial={best}", 400, 1100, "light", ("front", "drawing")),
}
PARTS = {"predictions": ".cases"}  # of a view, which alone is taken


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--study", type=Path, default=Path("runs/screenshots"))  # its commands are in the pictures
    arguments.add_argument("--out", type=Path, default=HERE / "docs" / "images")
    asked = arguments.parse_args()
    if not (asked.study / "facts.json").exists():
        searched(asked.study)
    asked.out.mkdir(parents=True, exist_ok=True)
    watched = Watched(asked.study)
    server = make_server("127.0.0.1", 0, app_of([watched]), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    study = watched.now.study
    dices = sorted(row.values["dice"] for row in study.complete)
    latencies = sorted(study.row[number].values["latency_ms"] for number in study.front)
    words: dict[str, object] = {"best": study.front[0], "brush": f"dice*{dices[len(dices) // 2]:.4f}*1"}
    words["limit"] = f"{1.1 * latencies[len(latencies) // 2]:.2g}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--enable-unsafe-swiftshader"]
        )
        for name in VIEWS:
            taken(browser, f"http://127.0.0.1:{server.server_port}/", name, words, asked.out / f"dashboard-{name}.png")
        browser.close()
    server.shutdown()


def searched(place: Path) -> None:
    """Search on drawn images."""
    study = HERE / "studies" / "ready" / "quickstart.yaml"
    command = [sys.executable, "-m", "studies.cli", "search", str(study), "--dir", str(place), *OVERRIDES]
    subprocess.run(command, check=True)


def taken(browser: Browser, address: str, name: str, words: dict[str, object], out: Path) -> None:
    """Write the picture of one view, in few colours."""
    query, width, height, scheme, figures = VIEWS[name]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(address + query.format(**words))
    for figure in figures:
        page.wait_for_function(f"() => document.querySelector('#{figure} .js-plotly-plot')?.data?.length", polling=200)
    page.wait_for_timeout(2500)
    shown = page.locator(PARTS[name]) if name in PARTS else page
    picture = Image.open(io.BytesIO(shown.screenshot())).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(out, optimize=True)
    context.close()
    print(f"{out}: {out.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
