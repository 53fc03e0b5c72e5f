"""The record as plain Optuna, and so its dashboard, reads it: trials, values, constraints."""

from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from typer.testing import CliRunner

from studies.cli import app
from studies.records import load


@pytest.mark.slow
def test_constraints_are_where_optuna_and_its_dashboard_look_for_them(tiny: Path) -> None:
    limits = 'constraints={macs: "<= 60 M", params: "<= 5 M"}'
    result = CliRunner().invoke(app, ["search", str(tiny), "--dir", "run", "budget.trials=2", limits])
    assert result.exit_code == 0, result.output
    storage = JournalStorage(JournalFileBackend("run/journal.log"))
    study = optuna.load_study(study_name="study", storage=storage)
    rows = load("run").trials()
    assert study.metric_names == ["dice", "traffic_bytes"]
    assert len(study.trials) == len(rows) == 2
    for trial in study.trials:
        row = rows.loc[trial.number]
        expected = [row["macs"] / 60e6 - 1, row["params"] / 5e6 - 1]
        assert trial._system_attrs["constraints"] == pytest.approx(expected)
        assert list(trial.constraints.values()) == pytest.approx(expected)
        assert max(expected) <= 0
        assert trial.values == [row["dice"], row["traffic_bytes"]]
    best = {trial.number for trial in study.best_trials}
    assert best == set(load("run").front().index)
