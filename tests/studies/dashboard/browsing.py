"""A dashboard that is served, and a browser that looks at it and notes what it must not do."""

import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import WSGIRequestHandler, make_server

from studies.dashboard.app import app_of
from studies.dashboard.watching import Watched

CHROMIUM = shutil.which("chromium")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"]
PATIENCE_MS = 90_000  # a shared machine may be slow
DRIVERS = ("GL Driver Message", "willReadFrequently")  # what software rendering says of itself
expect.set_options(timeout=PATIENCE_MS)


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None: ...


@contextmanager
def served(*folders: Path) -> Iterator[str]:
    server = make_server(
        "127.0.0.1", 0, app_of([Watched(folder) for folder in folders]), threaded=True, request_handler=Quiet
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def looking(browser: Browser, address: str, width: int = 1280, scheme: str = "light") -> Iterator[Page]:
    """Open a page; at the end its console must be empty and all of its requests local."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.set_default_timeout(PATIENCE_MS)
    page, said, asked = context.new_page(), [], []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda fault: said.append(str(fault)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.wait_for_selector("#title:not(:empty)")
    yield page
    context.close()
    complaints = [line for line in said if not any(known in line for known in DRIVERS)]
    assert not complaints, complaints
    origin = "/".join(address.split("/")[:3])
    outside = [url for url in asked if not url.startswith((origin, "data:", "blob:"))]
    assert not outside, outside


def settled(page: Page, *figures: str) -> None:
    """Wait until figures have something in them."""
    for name in figures:
        page.wait_for_function(
            f"() => {{ const g = document.querySelector('#{name} .js-plotly-plot');"
            " return g && g.data && g.data.length && g._fullLayout && g._fullLayout._size.w > 0 }",
            polling=100,
        )


def clicked(page: Page, figure: str, trace: str, place: int) -> None:
    """Click a point of a figure, as a person would: where it is on the screen."""
    at = page.evaluate(
        """([id, name, i]) => {
          const g = document.querySelector('#' + id + ' .js-plotly-plot');
          const t = g._fullData.find((t) => t.name === name), l = g._fullLayout;
          const box = g.getBoundingClientRect();
          return [box.left + l._size.l + l.xaxis.d2p(t.x[i]), box.top + l._size.t + l.yaxis.d2p(t.y[i])];
        }""",
        [figure, trace, place],
    )
    page.mouse.move(at[0] - 3, at[1])
    page.mouse.move(*at)
    page.mouse.click(*at)


def text_of(page: Page, place: str) -> str:
    return " ".join(page.locator(place).inner_text().split())


def rows_of(page: Page, place: str) -> Sequence[str]:
    return page.locator(f"{place} tbody tr").all_inner_texts()
