"""How long the live page takes over a study of many trials: until the first figure, and from a click to the drawing.

Run: python benchmarks/dashboard.py   (minutes; writes benchmarks/results/dashboard-cpu.json)

The study is drawn, not trained: random members of the space `unet` with their exact costs and drawn curves. The server
runs in this process, the browser (Chromium without a window, WebGL in software) beside it; both share the cores.
"""

import argparse
import json
import logging
import random
import re
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial
from playwright.sync_api import Browser, sync_playwright
from recorded import record
from werkzeug.serving import make_server

import nas
from search_spaces import spaces
from studies.config import StudyConfig
from studies.dashboard.app import app_of
from studies.dashboard.watching import Watched
from studies.folder import StudyFolder

TRIALS, NETWORKS, EPOCHS, REPEATS = 10_000, 200, 9, 5
FIRST_AIM_S, CLICK_AIM_S = 3.0, 1.0
DRAWN = """() => {{ const g = document.querySelector('#{name} .js-plotly-plot');
  return g && g.data && g.data.length && g._fullLayout && g.querySelector('.main-svg') }}"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--trials", type=int, default=TRIALS)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = StudyFolder(Path(place))
        written(folder, asked.trials)
        began = time.perf_counter()
        watched = Watched(folder.root)
        opened_s = time.perf_counter() - began
        record([row(f"reading {asked.trials} trials when the server starts", [opened_s], None), *looked(watched)])


def row(name: str, seconds: Sequence[float], aim_s: float | None) -> dict[str, object]:
    value = round(statistics.median(seconds), 3)
    ratio = None if aim_s is None else round(value / aim_s, 3)
    return {"name": f"{name}, s", "value": value, "worst": round(max(seconds), 3), "baseline": aim_s, "ratio": ratio}


def written(folder: StudyFolder, count: int) -> None:
    """Store a study of that many trials: a tenth trained through, the others stopped at rungs or failed."""
    plain = {"name": "many", "space": "unet", "data": {"kind": "generated"}, "train": {"epochs": EPOCHS, "size": 64}}
    config = StudyConfig.model_validate(plain | {"deploy": {"size": 64}, "budget": {"trials": count}})
    folder.begin(config)
    folder.facts_file.write_text(
        json.dumps(
            {
                "reference": {"dice": 0.2, "latency_ms": 50.0, "traffic_bytes": 3e8},
                "identity": "drawn",
                "rungs": [1, 3, EPOCHS],
            }
        )
    )
    study = optuna.create_study(
        study_name=folder.study_name(),
        storage=folder.storage(writing=True),
        directions=["maximize", "minimize", "minimize"],
    )
    study.add_trials(list(drawn(folder, count)))


def drawn(folder: StudyFolder, count: int) -> Iterator[FrozenTrial]:
    rng, space = random.Random(0), spaces["unet"]
    networks = [space.sample(rng) for _ in range(NETWORKS)]
    graphs = [nas.build(network, (3, 64, 64)) for network in networks]
    costs = [asdict(nas.cost(nas.deploy(graph))) for graph in graphs]
    for number in range(count):
        which = number % NETWORKS
        spread = rng.uniform(0.5, 1.5)
        known = {name: value * spread for name, value in costs[which].items()}
        known["latency_ms"] = known["traffic_bytes"] * 2e-7 * rng.uniform(0.7, 1.4)
        outcome = rng.choices(("ok", "stopped", "oom"), (10, 88, 2))[0]
        epochs = EPOCHS if outcome == "ok" else rng.choice((1, 3))
        curve = [round(min(0.95, 0.1 * rng.random() + 0.3 + 0.05 * epoch), 6) for epoch in range(epochs)]
        folder.trial(number).mkdir(parents=True)
        (folder.trial(number) / "graph.json").write_text(graphs[which].to_json())
        yield trial(space.decisions(networks[which]), known, curve, outcome, number)


def trial(
    decisions: dict[str, object], costs: dict[str, float], curve: list[float], outcome: str, number: int
) -> FrozenTrial:
    facts = {"key": str(number), "origin": "tpe", "costs": costs, "seconds": 12.0, "outcome": outcome, "reason": ""}
    made = create_trial(
        state={"ok": TrialState.COMPLETE, "stopped": TrialState.PRUNED, "oom": TrialState.FAIL}[outcome],
        values=[curve[-1], costs["latency_ms"], costs["traffic_bytes"]] if outcome == "ok" else None,
        params=decisions,
        distributions={path: CategoricalDistribution((option, "-")) for path, option in decisions.items()},
        user_attrs=facts | ({"curve": curve} if outcome != "oom" else {}),
    )
    made.datetime_start = made.datetime_complete = datetime(2026, 1, 1) + timedelta(minutes=number)
    return made


def looked(watched: Watched) -> list[dict[str, object]]:
    """Return how long a person waits, the first time and afterwards."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, app_of([watched]), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/?stopped=1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--enable-unsafe-swiftshader"]
        )
        firsts = [first_figure(browser, address) for _ in range(REPEATS)]
        clicks = clicks_of(browser, address, watched)
        browser.close()
    server.shutdown()
    return [
        row("from asking for the page to the front, the first time", firsts[:1], FIRST_AIM_S),
        row("from asking for the page to the front, afterwards", firsts[1:], FIRST_AIM_S),
        row("from a click on a trial to its drawing", clicks, CLICK_AIM_S),
    ]


def first_figure(browser: Browser, address: str) -> float:
    """Return the seconds from asking for the page, with nothing cached in the browser, to the front."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    began = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_function(DRAWN.format(name="front"), polling="raf", timeout=120_000)
    seconds = time.perf_counter() - began
    context.close()
    return seconds


def clicks_of(browser: Browser, address: str, watched: Watched) -> list[float]:
    """Return the seconds from a click on a trial of the front, in the table, none opened before, to its drawing."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(120_000)
    page.goto(address)
    page.wait_for_function(DRAWN.format(name="front"), timeout=120_000)
    page.wait_for_timeout(3000)
    found = []
    tradeoff = watched.now.tradeoff
    for place in range(min(REPEATS, len(tradeoff.groups["front"]))):
        number = tradeoff.numbers[tradeoff.groups["front"][place]]
        link = page.locator("#front-table a", has_text=re.compile(f"^{number}$"))
        began = time.perf_counter()
        link.evaluate("link => link.click()")
        page.wait_for_function(f"() => document.querySelector('#chosen-title')?.textContent === 'trial {number}'")
        page.wait_for_function(DRAWN.format(name="drawing"), polling="raf")
        found.append(time.perf_counter() - began)
    return found


if __name__ == "__main__":
    main()
