"""Laws of the page: nothing leaves it, texts stay texts, the whole front is in it, the study is untouched."""

import base64
import csv
import gzip
import hashlib
import io
import json
import os
import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from optuna.exceptions import StorageInternalError
from optuna.study import StudyDirection
from optuna.trial import TrialState
from typer.testing import CliRunner

from studies.cli import app
from studies.folder import StudyFolder
from studies.records import load
from studies.report import Study, page_of, read_study
from studies.report.listing import MOST_PLAIN, csv_of, download_of
from studies.report.markup import Markup, as_json, plain, tag
from tests.studies.report import made

HOSTILE = """<img src=x onerror="window.pwned=1"><a href='javascript:pwned=1'>&lt;b&gt;</script>"""


class Parsed(HTMLParser):
    """Elements with their attributes, and the texts of scripts."""

    def __init__(self, page: str):
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            self.scripts[-1] += data
        else:
            self.words.append(data)

    def data(self) -> dict[str, object]:
        return dict(json.loads(self.scripts[0]))


def invoked(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def hostile(root: Path) -> Study:
    """A study all of whose texts attack the page."""
    folder, found = StudyFolder(root), []
    for i, one in enumerate(made.trials(30, state="well")):
        costs, curve = one.user_attrs["costs"], one.user_attrs.get("curve", [])
        decisions = {f"{HOSTILE}.block": HOSTILE if i % 2 else "plain", "=cmd|'/c calc'!A0": "@x"}
        ended, origin = made.BEGAN + timedelta(minutes=i), f"published:{HOSTILE}" if i < 2 else HOSTILE
        found.append(made.trial(decisions, costs, curve, ended, origin, failed=i == 5))
        if i == 5:
            found[-1].user_attrs["reason"] = HOSTILE
            folder.trial(5).mkdir(parents=True)
            (folder.trial(5) / "fault.txt").write_text(HOSTILE)
    return made.study(found, root, name=HOSTILE)


def test_no_element_points_outside(page: str) -> None:
    for name, attributes in Parsed(page).elements:
        assert name not in ("img", "iframe", "link", "object", "embed", "base", "form[action]"), name
        for key in ("src", "href", "action", "srcset", "xlink:href", "formaction"):
            assert (attributes.get(key) or "#").startswith(("#", "data:text/csv", "data:application/gzip")), attributes
        assert not any(key.startswith("on") for key in attributes), attributes
    assert "url(" not in re.sub(r"<script.*?</script>", "", page, flags=re.S)


def test_the_policy_allows_the_scripts_in_the_page_and_no_request(page: str) -> None:
    parsed = Parsed(page)
    (policy,) = (a["content"] for n, a in parsed.elements if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in (policy or "").split(";"))
    assert rules["default-src"] == "'none'"
    assert not {"connect-src", "frame-src", "font-src", "media-src", "object-src"} & set(rules)
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in parsed.scripts[1:]]
    assert rules["script-src"] == " ".join([*(f"'sha256-{h}'" for h in hashes), "'unsafe-eval'"])
    assert len(hashes) == 3
    assert rules["img-src"] == "data: blob:"


def test_no_chart_is_shared(page: str) -> None:
    assert "showSendToCloud: false" in Parsed(page).scripts[2]


def test_texts_of_a_study_stay_texts(tmp_path: Path) -> None:
    page = page_of(hostile(tmp_path))
    parsed = Parsed(page)
    assert not [n for n, _ in parsed.elements if n in ("img", "b")]
    assert not [a for n, a in parsed.elements if n == "a" and "javascript" in (a.get("href") or "")]
    assert len(parsed.scripts) == 4
    assert sum(HOSTILE in words for words in parsed.words) > 5  # shown letter by letter
    figures = json.dumps(parsed.data()["figures"]) + json.dumps(parsed.data()["front"])
    assert "<" not in figures.replace("<br>", "").replace("<extra></extra>", "")
    assert "&lt;img" in figures


def test_every_network_of_the_front_is_there(study: Study, page: str) -> None:
    parsed = Parsed(page)
    ids = {attributes.get("id") for _, attributes in parsed.elements}
    links = {attributes.get("href") for _, attributes in parsed.elements}
    compared = parsed.data()["compared"]
    assert isinstance(compared, dict)
    assert list(study.front) == list(load(study.folder.root).front().index)
    for number in study.front:
        assert f"trial-{number}" in ids
        assert f"figure-curve-{number}" in ids
        assert f"#trial-{number}" in links
        assert dict(compared[str(number)]["costs"])["Dice"] == f"{study.row[number].values['dice']:.4f}"
    assert sum(name == "svg" for name, _ in parsed.elements) == len(study.front) + sum(
        n not in study.front for n in (0, 1)
    )


def test_tables_show_values_in_the_units_of_their_heads(study: Study, page: str) -> None:
    words = Parsed(page).words
    heads = words.index("Dice *")
    assert words[heads : heads + 5] == ["Dice *", "latency ms *", "traffic MB *", "GMACs", "params M"]
    values = study.row[study.front[0]].values
    shown = [f"{values['dice']:.4f}", f"{values['latency_ms']:.2f}", f"{values['traffic_bytes'] / 1e6:.1f}"]
    shown += [f"{values['macs'] / 1e9:.3f}", f"{values['params'] / 1e6:.3f}"]
    first = words.index(shown[0], heads)
    assert words[first : first + 5] == shown


def test_every_figure_has_its_place_and_every_place_its_figure(page: str) -> None:
    parsed = Parsed(page)
    places = {str(a["id"]).removeprefix("figure-") for _, a in parsed.elements if a.get("class") == "figure"}
    assert places == set(parsed.data()["figures"])  # type: ignore[call-overload]
    assert {"front", "curves", "parallel", "effects", "agreement", "growth-trials", "growth-device_hours"} <= places


def test_the_script_gets_all_that_another_pair_needs(study: Study, page: str) -> None:
    front = Parsed(page).data()["front"]
    assert isinstance(front, dict)
    names = list(front["titles"])
    assert {"dice", "latency_ms", "traffic_bytes", "macs", "params"} <= set(names)
    assert set(front["steps"]) == {f"{x}|{y}" for x in names for y in names if x != y}
    place = front["numbers"].index(study.front[0])
    assert front["values"]["traffic_bytes"][place] == pytest.approx(
        study.row[study.front[0]].values["traffic_bytes"] / 1e6, rel=1e-5
    )


def test_the_table_of_trials_can_be_read_back(study: Study) -> None:
    download = download_of(study)
    assert (download.name, download.uri.startswith("data:text/csv")) == ("trials.csv", True)
    text = base64.b64decode(download.uri.partition(",")[2]).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [int(row["number"]) for row in rows] == list(range(40))
    for row, one in zip(rows, study.rows, strict=True):
        assert (row["outcome"], row["origin"], row["on_front"]) == (
            one.outcome,
            one.origin,
            str(one.number in study.front),
        )
        assert row["dice"] == ("" if "dice" not in one.values else str(one.values["dice"]))
        assert float(row["macs"]) == one.values["macs"]
        made_ = {path.removeprefix("decision."): option for path, option in row.items() if path.startswith("decision.")}
        assert {path: option for path, option in made_.items() if option} == {
            p: str(o) for p, o in one.decisions.items()
        }


def test_a_long_table_is_compressed_and_spreadsheets_run_nothing(study: Study, tmp_path: Path) -> None:
    attack = hostile(tmp_path)
    assert all(not cell.startswith(("=", "@")) for line in csv.reader(io.StringIO(csv_of(attack))) for cell in line)
    rows = tuple(study.rows[0]._replace(number=i) for i in range(3 * MOST_PLAIN // len(csv_of(study)) * 40))
    download = download_of(study._replace(rows=rows))
    assert download.name == "trials.csv.gz"
    text = gzip.decompress(base64.b64decode(download.uri.partition(",")[2])).decode()
    assert text == csv_of(study._replace(rows=rows))


def state_of(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(p.relative_to(root)): (p.read_bytes(), p.stat().st_mtime_ns) for p in sorted(root.rglob("*")) if p.is_file()
    }


@pytest.mark.parametrize("storage", ["journal", "sqlite"])
def test_a_report_changes_nothing_in_the_study_even_where_it_cannot_write(storage: str, tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "a study?")
    made.write(folder, made.config_of(storage=storage), list(made.trials(6, folder=folder)))
    if storage == "sqlite":
        with pytest.raises(StorageInternalError):
            folder.storage().create_new_study([StudyDirection.MAXIMIZE], "other")
    before = state_of(folder.root)
    with folder.driver():  # as if a search ran
        locked = state_of(folder.root).keys()
        code, out, _ = invoked("report", folder.root, "--out", tmp_path / "page.html")
        assert state_of(folder.root).keys() == locked
    assert code == 0
    assert "6 trials" in out
    after = state_of(folder.root)
    assert {name: after[name] for name in before} == before


def test_no_rule_is_needed_to_look_at_a_study(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "study")
    made.write(folder, made.config_of(space="somebody_elses"), list(made.trials(3, folder=folder)))
    parsed = Parsed(page_of(read_study(folder.root)))
    assert sum(name == "svg" for name, _ in parsed.elements) == 3
    assert any("somebody_elses" in words for words in parsed.words)


@pytest.mark.parametrize("state", ["begun", "empty", "failed", "one", "waiting"])
def test_studies_in_any_state_have_a_page(state: str, tmp_path: Path) -> None:
    folder, config = StudyFolder(tmp_path / "study"), made.config_of()
    if state == "begun":
        folder.begin(config)
    elif state == "waiting":
        study = made.study(list(made.trials(5, state="well")))
        rows = tuple(r._replace(outcome="waiting", ended_at=None) for r in study.rows)
        text = page_of(study._replace(rows=rows, front=()))
        assert ">waiting<" in text
        return
    else:
        count = {"empty": 0, "failed": 4, "one": 1}[state]
        made.write(folder, config, list(made.trials(count, state="failed" if state == "failed" else "well")))
    words = " ".join(Parsed(page_of(read_study(folder.root))).words)
    expected = {"begun": "No trials yet", "empty": "No trials yet", "failed": "4 failed.", "one": "Too few: 1 trials"}
    assert expected[state] in words
    assert ("No network has been trained through yet" in words) == (state != "one")


def test_a_trial_whose_end_is_not_recorded_yet_is_running() -> None:
    one = made.trial({"a": 1}, {"latency_ms": 1.0, "traffic_bytes": 1e6, "macs": 1e6}, [0.5] * made.EPOCHS, made.BEGAN)
    one.state, one.values, one.datetime_complete = TrialState.RUNNING, None, None
    study = made.study([one])
    assert (study.rows[0].outcome, study.front) == ("running", ())
    assert ">running<" in page_of(study)


def test_a_running_search_is_said_to_run(study: Study, folder: Path, tmp_path: Path) -> None:
    assert "Not running." in page_of(study)
    other = StudyFolder(tmp_path / "study")
    made.write(other, made.config_of(), list(made.trials(3)))
    for pid, running in ((os.getpid(), True), (2**22 + 1, False)):
        said = {"pid": pid, "at": 0.0, "slots": 1, "text": "trials 3/40 · left 2 h"}
        other.standing_file.write_text(json.dumps(said))
        assert ("trials 3/40 · left 2 h" in page_of(read_study(other.root))) == running


def test_the_command_says_where_the_page_is_and_refuses_what_it_cannot_do(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = invoked("report", folder)
    assert (code, Path("made.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")) == (0, True)
    assert "made.html: 40 trials" in out
    for arguments, said in (
        ((tmp_path,), "no study here"),
        ((folder, "--out", "page.pdf"), "ends in .html; came page.pdf"),
        ((folder, "--out", "made.html/page.html"), "cannot be written"),
    ):
        code, _, error = invoked("report", *arguments)
        assert (code, error.count("\n")) == (2, 1)
        assert said in error


def test_markup_escapes_all_it_did_not_make() -> None:
    assert tag("p", "<b>", tag("i", "&"), title='"<') == '<p title="&quot;&lt;">&lt;b&gt;<i>&amp;</i></p>'
    assert tag("input", type="checkbox", checked=True, disabled=False) == '<input type="checkbox" checked>'
    assert isinstance(tag("p"), Markup)
    assert plain("<b>&amp;\n") == "&lt;b&gt;&amp;amp; "
    assert "<" not in as_json({"a": "</script><!--"})
    assert json.loads(as_json({"a": "</script>"})) == {"a": "</script>"}


def test_a_page_of_many_trials_stays_small() -> None:
    kept = list(made.trials(40, state="well"))
    trials = [
        made.trial(kept[i % 40].params, kept[i % 40].user_attrs["costs"], [0.5 + i / 1e5] * made.EPOCHS, made.BEGAN)
        for i in range(4000)
    ]
    assert len(page_of(made.study(trials))) < 8_000_000
