"""A trial in full: decisions beside those of another, costs to the unit, commands that can be typed."""

import shlex
from dataclasses import asdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

import nas
from nas.graph import Graph
from search_spaces import published
from studies.cli import app
from studies.records import load
from studies.report import Study
from studies.report.details import MOST, blocks_figure, changes, curves_figure, detail_of, nearest, shown_numbers
from studies.report.failures import failures_of
from studies.retraining.selecting import chosen as chosen_by
from studies.sources import trial_named
from tests.studies.report import made


def test_the_front_and_the_published_networks_are_shown(study: Study) -> None:
    assert shown_numbers(study)[: len(study.front)] == list(study.front)
    assert {0, 1} <= set(shown_numbers(study))


def test_of_a_large_front_both_ends_and_what_lies_between_are_shown(study: Study) -> None:
    large = study._replace(front=tuple(range(1000, 1100)), rows=study.rows)
    shown = [number for number in shown_numbers(large) if number >= 1000]
    assert len(shown) == MOST
    assert (shown[0], shown[-1]) == (1000, 1099)
    assert max(b - a for a, b in zip(shown, shown[1:], strict=False)) <= 3


def test_a_trial_is_set_beside_the_published_network_it_shares_most_with(study: Study) -> None:
    for row in study.complete:
        if row.published:
            assert nearest(study, row) == study.row[study.front[0]] or row.number == study.front[0]
            continue
        beside = nearest(study, row)
        assert beside is not None and beside.published
        for other in (study.row[0], study.row[1]):
            assert len(changes(row.decisions, beside.decisions)) <= len(changes(row.decisions, other.decisions))


def test_without_published_networks_the_best_is_the_one_beside(study: Study) -> None:
    plain = study._replace(rows=tuple(row._replace(origin="tpe") for row in study.rows))
    best, second = plain.row[study.front[0]], plain.row[study.front[1]]
    assert nearest(plain, second) == best
    assert nearest(plain, best) is None


def test_changes_name_what_only_one_has() -> None:
    assert changes({"a": 1, "b": True, "c": "x"}, {"a": 1, "b": False, "d": 3}) == (
        ("b", True, False),
        ("c", "x", None),
        ("d", None, 3),
    )
    assert changes({"a": 0}, {"a": 0}) == ()


def test_blocks_add_up_to_the_costs_of_the_trial(study: Study) -> None:
    row = study.row[study.front[0]]
    detail = detail_of(study, row.number)
    for field in ("params", "macs", "traffic_bytes", "kernels"):
        assert sum(getattr(block, field) for block in detail.blocks) == row.values[field]
    for bar in blocks_figure(detail.blocks).data:
        assert sum(bar.x) == pytest.approx(100, abs=0.1)


def test_operators_outside_of_all_blocks_count_as_well(study: Study, tmp_path: Path) -> None:
    graph = nas.build(published["hrnetv2_w18"], (3, 64, 64))  # its prediction is resized when it is deployed
    cost = asdict(nas.cost(nas.deploy(graph)))
    alone = made.study([made.trial({"a": 1}, cost | {"latency_ms": 1.0}, [0.5] * made.EPOCHS, made.BEGAN)], tmp_path)
    alone.folder.trial(0).mkdir(parents=True)
    (alone.folder.trial(0) / "graph.json").write_text(graph.to_json())
    blocks = detail_of(alone, 0).blocks
    assert sum(block.traffic_bytes for block in blocks) == cost["traffic_bytes"]
    assert any("." not in block.name and block.traffic_bytes for block in blocks)


def test_the_drawing_is_of_the_deployed_network(study: Study) -> None:
    row = study.row[study.front[0]]
    graph = Graph.from_json((study.folder.trial(row.number) / "graph.json").read_text())
    assert detail_of(study, row.number).drawing == nas.draw(nas.deploy(graph), heading=row.name)


def test_a_missing_or_damaged_graph_is_said(study: Study, tmp_path: Path) -> None:
    gone = made.study([made.trial({"a": 1}, study.rows[0].values, [0.5] * made.EPOCHS, made.BEGAN)], tmp_path)
    assert "No such file" in detail_of(gone, 0).graph_fault
    gone.folder.trial(0).mkdir(parents=True)
    for content in (b"{", b'{"nodes": 3}', b"\xff\xfe"):
        (gone.folder.trial(0) / "graph.json").write_bytes(content)
        assert "damaged" in detail_of(gone, 0).graph_fault


def test_commands_can_be_typed(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    row, beside = study.row[study.front[0]], detail_of(study, study.front[0]).beside
    assert beside is not None
    retrained, exported, verified, *quick = detail_of(study, row.number).commands
    for command in quick:
        assert f"{study.folder.root}:{row.number}" in shlex.split(command.line)
        words = shlex.split(command.line)
        result = CliRunner().invoke(app, words[1:])
        assert (words[0], result.exit_code) == ("nas", 0), result.output
    assert {path.name for path in tmp_path.glob("*.html")} == {
        f"trial{row.number}.html",
        f"trial{beside.number}-{row.number}.html",
    }
    assert verified.line.endswith("--depth 3 --verify")
    words = shlex.split(exported.line)
    assert words == ["nas", "export", f"{study.folder.root}:{row.number}", "--out", f"trial{row.number}"]
    assert trial_named(words[2]) == (study.folder.root, row.number)
    words = shlex.split(retrained.line)
    assert words == ["nas", "retrain", str(study.folder.root), "--select", f"trial={row.number}"]
    (network,) = chosen_by(load(study.folder.root), words[-1:])
    assert network.name == f"trial-{row.number}"


def test_curves_are_those_of_the_trials_and_rungs_are_marked(study: Study) -> None:
    chosen = [study.row[number] for number in shown_numbers(study)]
    figure = curves_figure(study, chosen)
    for row, trace in zip(chosen, figure.data, strict=True):
        assert (list(trace.x), list(trace.y)) == (list(range(1, made.EPOCHS + 1)), list(row.curve))
        assert trace.line.dash == ("dash" if row.published else "solid")
    assert [shape.x0 for shape in figure.layout.shapes] == list(made.RUNGS[:-1])


def test_failures_have_the_end_of_their_fault_without_the_machines_folders(study: Study) -> None:
    count, failures = failures_of(study)
    assert (count, [f.row.number for f in failures]) == (4, [32, 24, 16, 8])
    end = next(failure.end for failure in failures if failure.row.number == 8)
    assert "no room" in end
    assert 'File "nas/module.py", line 3' in end
    assert "somebody" not in end
    assert end.count("old") < 15
    assert next(failure.end for failure in failures if failure.row.number == 24) == ""
