"""The page as a WSGI application: Dash with everything that it loads from this server, and files to take away."""

import re
from base64 import b64decode
from collections.abc import Sequence
from html import escape
from importlib.resources import files

from dash import ClientsideFunction, Dash, Input, Output, State
from flask import Flask, Response, request

from studies.dashboard.answers import answer, looked
from studies.dashboard.guarding import guard
from studies.dashboard.layout import ZOOMED, layout_of
from studies.dashboard.more_answers import answer_more
from studies.dashboard.steering import snapshot_of, steer
from studies.dashboard.watching import Watched
from studies.dashboard.wish import Wish
from studies.predictions import PICTURES
from studies.report import page_of
from studies.report.cases import predictions_at
from studies.report.listing import csv_of

__all__ = ["app_of"]

LOOKS = {"page.css": ("studies.report", "text/css"), "dashboard.css": ("studies.dashboard", "text/css")}
ACTS = {
    "copying.js": ("studies.report", "text/javascript"),
    "dashboard.js": ("studies.dashboard", "text/javascript"),
}


def app_of(watched: Sequence[Watched], host: str = "127.0.0.1", token: str = "") -> Flask:
    """Return the application over one or more studies, which answers to who may ask (`guarding`)."""
    app = Dash(
        "studies.dashboard",
        title=escape(", ".join(one.now.study.config.name for one in watched)),
        update_title="",
        serve_locally=True,
        include_assets_files=False,
        suppress_callback_exceptions=True,  # what a trial shows is not there before one is chosen
        external_stylesheets=[f"/own/{name}" for name in LOOKS],
        external_scripts=[f"/own/{name}" for name in ACTS],
        meta_tags=[
            {"name": "viewport", "content": "width=device-width, initial-scale=1"},
            {"name": "color-scheme", "content": "light dark"},
        ],
        enable_mcp=False,
        add_log_handler=False,
    )
    app.index_string = re.sub(r"<!--\[if IE\]>.*?<!\[endif\]-->", "", app.index_string, flags=re.S)
    app.layout = lambda: layout_of([one.now.version for one in watched])
    looked(app, watched)
    steer(app, watched)
    answer(app, watched)
    answer_more(app, watched)
    app.clientside_callback(ClientsideFunction("page", "scheme"), Output("scheme", "data"), Input("url", "pathname"))
    app.clientside_callback(ClientsideFunction("page", "ring"), Input("ring", "data"))
    for name in ZOOMED:
        # Dash draws a figure that was zoomed into once more, with the zoom as if it had been asked for; after that
        # plotly's own `uirevision` takes the next figure's lack of a range for a wish to see everything.
        figure, made = Output(name, "figure"), Input(f"{name}-made", "data")
        app.clientside_callback(ClientsideFunction("page", "keep"), figure, made, State(name, "id"))
    server: Flask = app.server
    _own_files(server)
    _taken_away(server, watched)
    _pictures(server, watched)
    guard(server, host, token, app.csp_hashes())
    return server


def _own_files(server: Flask) -> None:
    @server.get("/own/<name>")
    def own(name: str) -> Response:
        known = LOOKS | ACTS
        if name not in known:
            return Response(status=404)
        package, kind = known[name]
        return Response(files(package).joinpath(name).read_bytes(), mimetype=kind)


def _taken_away(server: Flask, watched: Sequence[Watched]) -> None:
    """Offer what a person leaves with: the table of trials and the page that needs no server."""

    @server.get("/trials.csv")
    def trials() -> Response:
        return _file(csv_of(snapshot_of(watched, Wish.of(request.query_string.decode("latin-1"))).study), "trials.csv")

    @server.get("/report.html")
    def report() -> Response:
        study = snapshot_of(watched, Wish.of(request.query_string.decode("latin-1"))).study
        return _file(page_of(study), "report.html")


def _pictures(server: Flask, watched: Sequence[Watched]) -> None:
    """Answer with what a network predicts on validation images."""

    @server.get("/case.png")
    def case() -> Response:
        study = snapshot_of(watched, Wish.of(request.query_string.decode("latin-1"))).study
        number, place = (request.args.get(name, -1, int) for name in ("trial", "case"))
        found = predictions_at(study, number) if number in study.row else ""
        kind = request.args.get("kind", "")
        if isinstance(found, str) or not 0 <= place < len(found.cases) or kind not in PICTURES:
            return Response(status=404)
        return Response(b64decode(found.cases[place].pictures[kind]), mimetype="image/png")


def _file(text: str, name: str) -> Response:
    kind = "text/csv" if name.endswith(".csv") else "text/html"
    answer = Response(text, content_type=f"{kind}; charset=utf-8")
    answer.headers["Content-Disposition"] = f"attachment; filename={name}"
    return answer
