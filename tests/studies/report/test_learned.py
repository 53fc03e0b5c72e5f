"""Effects at equal cost, agreement of rungs, parallel coordinates: known truths are found, and too few trials said."""

from datetime import timedelta
from itertools import combinations
from random import Random

import numpy as np
import pytest

from studies.report import Study, page_of
from studies.report.agreement import LEAST, agreement_figure, agreements_of
from studies.report.effects import LEAST_TRIALS, effects_figure, effects_of, residuals
from studies.report.parallel import axes_of, parallel_figure
from studies.report.rows import Row
from tests.studies.report import made

TRUE = 0.04


def planted(count: int, seed: int = 0, noise: float = 0.004) -> Study:
    """Dice rises with cost; option "b" is dear, and at equal cost better by `TRUE`; "idle" does nothing."""
    rng, found = Random(seed), []
    for i in range(count):
        option = rng.choice("ab")
        log_cost = rng.uniform(6, 8) + (0.8 if option == "b" else 0)
        cost = 10**log_cost
        dice = 0.3 + 0.1 * (log_cost - 6) - 0.01 * (log_cost - 6) ** 2 + TRUE * (option == "b") + rng.gauss(0, noise)
        decisions = {"block": option, "idle": rng.choice((1, 2, 3)), "rare": "x" if i < 2 else "y"}
        costs = {"latency_ms": cost / 1e6, "traffic_bytes": cost, "macs": cost}
        found.append(made.trial(decisions, costs, [dice] * made.EPOCHS, made.BEGAN + timedelta(minutes=i)))
    return made.study(found)


@pytest.mark.parametrize("count", [120, 2000])
def test_an_effect_is_found_at_equal_cost(count: int) -> None:
    effects = effects_of(planted(count))
    first = effects.shown[0]
    assert (first.path, first.option) == ("block", "b")
    assert first.low < first.difference < first.high
    assert first.high - first.low < 0.01
    # the fit takes a part of the effect as cost's; the plain difference of means is about 0.11
    assert 0.6 * TRUE < first.difference < 1.1 * TRUE
    assert all(e.low < 0.002 and e.high > -0.002 for e in effects.shown if e.path == "idle")
    assert not any(e.path == "rare" for e in effects.shown)
    assert effects.compared == 4


def test_intervals_cover_what_does_nothing_about_as_often_as_they_say() -> None:
    found = [e for seed in range(12) for e in effects_of(planted(60, seed)).shown if e.path == "idle"]
    missed = sum(e.low > 0 or e.high < 0 for e in found)
    assert len(found) == 36
    assert missed <= 7


def test_too_few_trials_say_nothing() -> None:
    study = planted(LEAST_TRIALS - 1)
    assert effects_of(study) == (LEAST_TRIALS - 1, 0, ())
    assert f"Too few: {LEAST_TRIALS - 1} trials" in page_of(study)
    assert effects_of(planted(LEAST_TRIALS)).shown


def test_residuals_are_nothing_where_dice_is_quadratic_in_log_cost() -> None:
    rows = planted(50, noise=0).complete
    costs = [row.values["macs"] for row in rows]
    exact = [
        row._replace(values=row.values | {"dice": 0.1 + 0.2 * np.log10(c) ** 2})
        for row, c in zip(rows, costs, strict=True)
    ]
    assert residuals(exact, ["macs"]) == pytest.approx(np.zeros(50), abs=1e-8)
    same = [row._replace(values=row.values | {"macs": 1e6}) for row in exact]
    dice = np.array([row.values["dice"] for row in same])
    assert residuals(same, ["macs"]) == pytest.approx(dice - dice.mean())


def test_the_effects_figure_shows_which_intervals_contain_nothing() -> None:
    effects = effects_of(planted(120))
    clear, unclear = effects_figure(effects.shown).data
    assert 0 in clear.y
    assert len(clear.y) + len(unclear.y) == len(effects.shown)
    first = effects.shown[0]
    assert clear.x[0] + clear.error_x.array[0] == pytest.approx(first.high, abs=1e-4)
    assert clear.x[0] - clear.error_x.arrayminus[0] == pytest.approx(first.low, abs=1e-4)


def rows(curves: list[list[float]]) -> list[Row]:
    return [Row(i, "ok", "", "tpe", tuple(c), {"dice": c[-1]}, {}, 1.0, None) for i, c in enumerate(curves)]


def test_tau_counts_pairs_in_the_same_order() -> None:
    rng = Random(5)
    curves = [[rng.random() for _ in range(9)] for _ in range(12)]
    for found in agreements_of(rows(curves), (1, 3, 9)):
        signs = [(a[found.epoch - 1] - b[found.epoch - 1]) * (a[8] - b[8]) for a, b in combinations(curves, 2)]
        expected = (sum(s > 0 for s in signs) - sum(s < 0 for s in signs)) / len(signs)
        assert found.tau == pytest.approx(expected)
        assert -1 <= found.low <= found.tau <= found.high <= 1
        assert found.trials == 12
    assert [a.epoch for a in agreements_of(rows(curves), (1, 3, 9))] == [1, 3]


def test_agreement_needs_trials_that_were_trained_through() -> None:
    curves = [[0.1 * i, 0.2 * i, 0.3 * i] for i in range(LEAST)]
    assert [a.tau for a in agreements_of(rows(curves), (1, 3))] == [pytest.approx(1)]
    stopped = [row._replace(outcome="stopped") for row in rows(curves)[:1]]
    assert agreements_of([*stopped, *rows(curves)[1:]], (1, 3)) == ()
    assert agreements_of(rows([[0.5, 0.1 * i, 0.3] for i in range(LEAST)]), (1, 3)) == ()  # all equal: no order
    assert list(agreement_figure(agreements_of(rows(curves), (1, 3))).data[0].x) == [1]


def test_axes_hold_one_value_per_trial_and_the_decisions_that_tell_most() -> None:
    study = planted(60)
    axes = axes_of(study)
    assert [axis.title for axis in axes][:2] == ["trial", "block"]
    assert [axis.title for axis in axes][-1] == "Dice"
    assert {len(axis.values) for axis in axes} == {60}
    block = axes[1]
    words = dict(block.ticks)
    assert [words[value] for value in block.values] == [row.decisions["block"] for row in study.complete]
    traffic = next(axis for axis in axes if axis.title == "traffic MB")
    assert 10 ** traffic.values[0] == pytest.approx(study.complete[0].values["traffic_bytes"] / 1e6, rel=1e-3)
    (lines,) = parallel_figure(axes).data
    assert len(lines.dimensions) == len(axes)
    assert list(lines.line.color) == axes[-1].values
