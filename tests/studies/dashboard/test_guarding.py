"""Who is answered, and what a browser may do with the answer."""

import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from typer.testing import CliRunner

from studies.cli import app
from studies.dashboard.app import app_of
from studies.dashboard.guarding import COOKIE, checked_token, is_loopback
from studies.dashboard.watching import Watched
from studies.errors import ConfigError

TOKEN = "abcdefgh12345678"
PATHS = ("/", "/_dash-layout", "/_dash-dependencies", "/trials.csv", "/report.html", "/own/page.css", "/_reload-hash")
PATHS += ("/case.png?trial=1&case=0&kind=image",)


@pytest.mark.parametrize("host", ["localhost", "localhost:8060", "127.0.0.1", "[::1]:8060", "LocalHost"])
def test_this_machine_is_answered_under_its_own_names(client: FlaskClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.7", "[::1", "", "0x7f.1"],
)
@pytest.mark.parametrize("path", PATHS)
def test_other_names_are_refused_everywhere(client: FlaskClient, host: str, path: str) -> None:
    answer = client.get(path, headers={"Host": host})
    assert answer.status_code == 400
    assert "made" not in answer.text


def test_another_site_may_not_ask(client: FlaskClient) -> None:
    assert client.post("/_dash-update-component", json={}, headers={"Origin": "http://evil.example"}).status_code == 403
    assert client.get("/trials.csv", headers={"Origin": "http://localhost"}).status_code == 200
    assert client.get("/trials.csv", headers={"Origin": "null"}).status_code == 403


def test_what_every_answer_carries(client: FlaskClient) -> None:
    for path in PATHS:
        headers = client.get(path).headers
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        rules = dict(rule.strip().split(" ", 1) for rule in headers["Content-Security-Policy"].split(";"))
        assert rules["default-src"] == rules["frame-ancestors"] == rules["base-uri"] == "'none'"
        assert rules["connect-src"] == "'self'"
        assert "unsafe-inline" not in rules["script-src"]
        assert not re.search(r"https?:|\*", " ".join(rules.values()))


def test_the_page_loads_everything_from_here(client: FlaskClient) -> None:
    page = client.get("/").text
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(sources) > 8
    for source in sources:
        assert source.startswith("/"), source
        assert not source.startswith("//")
        assert client.get(source).status_code == 200, source


def test_figures_are_not_offered_to_a_cloud(client: FlaskClient) -> None:
    layout = json.dumps(client.get("/_dash-layout").json)
    assert layout.count('"showSendToCloud": false') == layout.count('"type": "Graph"') > 3


def test_a_token_opens_the_page_once_and_a_cookie_from_then_on(watched: Watched) -> None:
    client = app_of([watched], "0.0.0.0", TOKEN).test_client()
    for path in PATHS:
        assert client.get(path).status_code == 401
    for wrong in (TOKEN[:-1], TOKEN + "x", "", "é"):
        assert client.get("/", query_string={"token": wrong}).status_code == 401
    answer = client.get("/?view=trials&token=" + TOKEN, headers={"Host": "10.0.0.7:8060"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/?view=trials")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=") and "HttpOnly" in cookie and "SameSite=Strict" in cookie
    client.set_cookie(COOKIE, TOKEN)
    for path in PATHS:
        assert client.get(path).status_code == 200
    client.set_cookie(COOKIE, TOKEN[::-1])
    assert client.get("/").status_code == 401
    assert client.get("/?token=" + TOKEN, headers={"Host": "evil.example"}).status_code == 400


def test_hosts_that_others_reach_need_a_token_that_cannot_be_guessed() -> None:
    assert [is_loopback(h) for h in ("localhost", "127.0.0.1", "127.9.9.9", "::1")] == [True] * 4
    assert [is_loopback(h) for h in ("0.0.0.0", "::", "10.0.0.7", "here", "", "localhost.evil")] == [False] * 6
    assert checked_token("127.0.0.1", "") == ""
    assert checked_token("0.0.0.0", TOKEN) == TOKEN
    for token in ("", "short", TOKEN[:-1], TOKEN + "&", "é" * 16):
        with pytest.raises(ConfigError, match="NAS_DASHBOARD_TOKEN"):
            checked_token("0.0.0.0", token)


def test_what_cannot_be_served_is_one_line_and_exit_code_2(folder: Path, tmp_path: Path) -> None:
    for arguments, said in (
        ((tmp_path,), "no study here"),
        ((folder, "--host", "0.0.0.0"), "set NAS_DASHBOARD_TOKEN"),
        ((folder, "--host", "203.0.113.1"), "set NAS_DASHBOARD_TOKEN"),
    ):
        result = CliRunner().invoke(app, ["dashboard", *map(str, arguments)])
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
        assert said in result.stderr


def test_without_dash_it_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = CliRunner().invoke(app, ["dashboard", str(folder)])
    assert result.exit_code == 2
    assert "pip install 'nas-medseg[dashboard]'" in result.stderr
