"""How results of benchmarks are stored: a script that goes on keeps its earlier rows as they were made."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import recorded


def test_earlier_rows_keep_their_own_commit_and_new_ones_are_on_disk_as_they_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded, "HERE", tmp_path)
    monkeypatch.setattr(recorded, "_commit", lambda: "new")
    monkeypatch.setattr(sys, "argv", ["somewhere/exports.py", "--members", "2"])
    (tmp_path / "results").mkdir()
    path = tmp_path / "results" / "exports-cpu.json"
    assert recorded.known() == []
    old = {"name": "first", "value": 1, "machine": "theirs", "commit": "old", "command": "theirs"}
    path.write_text(json.dumps([old]))

    def rows() -> object:
        yield {"name": "second", "value": 2}
        assert [row["name"] for row in recorded.known()] == ["first", "second"]
        yield {"name": "third", "value": 3}

    assert recorded.record(rows(), kept=recorded.known()) == path  # type: ignore[arg-type]  # it yields rows
    first, second, third = recorded.known()
    assert first == old
    assert (second["commit"], third["commit"]) == ("new", "new")
    assert second["command"] == "python benchmarks/exports.py --members 2"
