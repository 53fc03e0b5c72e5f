"""Rank correlations of what is known early with the Dice at the end."""

from io import StringIO
from pathlib import Path
from random import Random

import pandas as pd
import pytest
from optuna.trial import create_trial
from rich.console import Console
from rich.table import Table
from scipy.stats import kendalltau

import studies
from studies.config import GeneratedData, StudyConfig
from studies.errors import ConfigError
from studies.fidelity import foretelling, rank_correlation
from studies.folder import StudyFolder
from studies.front import Reference
from studies.records import StudyRecord
from studies.running import run
from studies.tables import foretelling_table


def noisy(noise: float, count: int = 30) -> tuple[pd.Series, pd.Series]:
    rng = Random(0)
    last = pd.Series([rng.random() for _ in range(count)])
    return last + pd.Series([noise * rng.gauss(0, 1) for _ in range(count)]), last


def test_it_is_kendalls_tau_and_its_interval_holds_it() -> None:
    early, last = noisy(0.2)
    found = rank_correlation(early, last)
    assert found.tau == pytest.approx(kendalltau(early, last).statistic)
    tied = early.round(1)
    assert rank_correlation(tied, last).tau == pytest.approx(kendalltau(tied, last).statistic)
    assert -1 <= found.low < found.tau < found.high <= 1
    assert found.trials == 30
    assert rank_correlation(early, last) == found
    few = rank_correlation(*noisy(0.2, count=8))
    assert few.high - few.low > found.high - found.low


def test_agreement_is_one_reversal_minus_one_and_ties_zero() -> None:
    _, last = noisy(0.0)
    assert rank_correlation(last, last)[:3] == pytest.approx((1, 1, 1))
    assert rank_correlation(-last, last)[:3] == pytest.approx((-1, -1, -1))
    assert rank_correlation(0 * last, last)[:3] == (0, 0, 0)


def test_trials_are_paired_by_number_and_missing_values_left_out() -> None:
    _, last = noisy(0.0)
    early = last.sample(frac=1, random_state=0)
    early.iloc[:3] = None
    assert rank_correlation(early, last) == pytest.approx((1, 1, 1, 27))


def stored(folder: Path, count: int) -> StudyRecord:
    """Return a record of trials whose Dice at the end is their number's, of which the second epoch knows all."""
    frozen = []
    for number in range(count):
        dice = number / 100
        place = folder / "trials" / f"{number:05d}"
        place.mkdir(parents=True)
        dices = (-dice, dice, 0.01 * (number // 2), dice)
        (place / "curve.csv").write_text("epoch,dice\n" + "".join(f"{n},{d}\n" for n, d in enumerate(dices, 1)))
        proxies = {"naswot": -2.0 * number, "synflow": None if number < 3 else number}
        facts = {"outcome": "ok", "proxies": proxies}
        frozen.append(create_trial(values=[dice], user_attrs=facts))
        frozen[-1].number = number
    config = StudyConfig(name="stored", objectives=("dice",), data=GeneratedData(), proxies=("naswot", "synflow"))
    return StudyRecord(StudyFolder(folder), config, Reference({"dice": 0.0}), tuple(frozen))


def test_a_study_is_told_from_eight_trials_on(tmp_path: Path) -> None:
    assert foretelling(stored(tmp_path / "few", 7)).empty
    found = foretelling(stored(tmp_path / "some", 8))
    assert list(found.index) == [*(f"Dice at epoch {n} of 4" for n in (1, 2, 3)), "naswot"]
    assert list(found["tau"].round(3)) == [-1, 1, 0.926, -1]
    many = foretelling(stored(tmp_path / "many", 11))
    assert many.loc["synflow", ["tau", "trials"]].tolist() == pytest.approx([1, 8])
    assert "+1.00 .. +1.00" in as_text(foretelling_table(many))


def as_text(table: Table) -> str:
    console = Console(width=200, record=True, file=StringIO())
    console.print(table)
    return console.export_text()


def test_a_search_stores_the_proxies_it_is_asked_for(tiny: Path) -> None:
    run(tiny, ["budget.trials=1", "proxies=[naswot, grad_norm]"], None, lambda: False)
    record = studies.load("runs/tiny")
    trial, curves = record.trials().iloc[0], record.curves()
    assert list(curves[0]) == [pytest.approx(curves[0].iloc[0]), trial["dice"]]
    assert trial["proxy.grad_norm"] > 0
    assert "proxy.naswot" in trial
    assert "proxy.synflow" not in trial


def test_a_wrong_proxy_is_an_error(tiny: Path) -> None:
    with pytest.raises(ConfigError, match="proxies"):
        run(tiny, ["proxies=[synflaw]"], None, lambda: False)
