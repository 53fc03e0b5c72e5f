"""The model of Dice: it learns what decides, is unsure where it knows nothing, and bends to no single dead network."""

from random import Random

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from studies.samplers import surrogate
from studies.samplers.features import Features
from studies.samplers.surrogate import Surrogate


def member(skip: str, log_macs: float, noise: int = 0) -> Features:
    return {
        "decisions": {f"skip={skip}": 1.0, f"other={noise}": 1.0},
        "graph": {"macs": log_macs},
        "neighbourhoods": {"Conv": log_macs / 3, skip: 1.0},
    }


def dice(row: Features) -> float:
    return 0.3 + 0.05 * row["graph"]["macs"] + (0.1 if "skip=gated" in row["decisions"] else 0.0)


def drawn(count: int, seed: int) -> list[Features]:
    rng = Random(seed)
    return [member(rng.choice(["gated", "identity"]), rng.uniform(6, 9), rng.randrange(3)) for _ in range(count)]


def test_it_learns_what_decides_and_says_how_sure_it_is() -> None:
    rows, asked = drawn(40, 0), drawn(30, 1)
    mean, deviation = Surrogate.fit(rows, [dice(row) for row in rows], [0.0] * 40).predict(asked)
    truth = np.array([dice(row) for row in asked])
    assert np.abs(mean - truth).max() < 0.02
    strange = member("rsc", 13.0)
    far = Surrogate.fit(rows, [dice(row) for row in rows], [0.0] * 40).predict([strange])[1]
    assert far[0] > 3 * deviation.max()


def test_an_option_that_no_trial_had_makes_it_less_sure() -> None:
    rows = drawn(40, 0)
    model = Surrogate.fit(rows, [dice(row) for row in rows], [0.0] * 40)
    without = member("gated", 7.5) | {"decisions": {"other=0": 1.0}}
    strange = without | {"decisions": {"other=0": 1.0, "skip=rsc": 1.0}}
    deviation = model.predict([without, strange])[1]
    assert deviation[1] > 1.1 * deviation[0]


def test_the_slope_of_its_loss_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    caught = []
    monkeypatch.setattr(surrogate, "minimize", lambda loss, start, **_: caught.append((loss, start)) or Result(start))
    rows = drawn(12, 4)
    Surrogate.fit(rows, [dice(row) + 0.01 * i for i, row in enumerate(rows)], [0.0] * 6 + [0.05] * 6)
    (loss, start), away = caught[0], np.linspace(-0.4, 0.5, 7)
    slope = approx_fprime(start + away, lambda theta: loss(theta)[0], 1e-6)
    assert loss(start + away)[1] == pytest.approx(slope, rel=1e-3, abs=1e-3)


class Result:
    def __init__(self, x: np.ndarray):
        self.x = x


def test_what_is_believed_changes_what_is_sure_and_not_what_is_expected() -> None:
    rows, coming = drawn(20, 2), [member("rsc", 7.0, 9)]
    values, sure, asked = [dice(row) for row in rows], [0.0] * 20, [*drawn(5, 3), *coming]
    alone, together = Surrogate.fit(rows, values, sure), Surrogate.fit(rows, values, sure, coming)
    assert together.predict(asked)[0] == pytest.approx(alone.predict(asked)[0], abs=1e-3)
    assert together.predict(coming)[1] < 0.7 * alone.predict(coming)[1]


def test_what_was_foretold_counts_less_than_what_was_observed() -> None:
    rows = drawn(20, 5)
    values = [dice(row) for row in rows]
    values[0] += 0.2
    believed = Surrogate.fit(rows, values, [0.0] * 20).predict(rows[:1])[0][0]
    doubted = Surrogate.fit(rows, values, [0.5] + [0.0] * 19).predict(rows[:1])[0][0]
    assert abs(doubted - dice(rows[0])) < 0.03 < believed - dice(rows[0]) + 0.025


def test_a_dead_network_is_cut_to_the_low_end_of_the_others() -> None:
    rows = drawn(20, 6)
    values = [dice(row) for row in rows]
    calm = Surrogate.fit(rows, values, [0.0] * 20)
    values[3] = 0.0
    bent = Surrogate.fit(rows, values, [0.0] * 20)
    asked = drawn(10, 7)
    assert np.abs(bent.predict(asked)[0] - calm.predict(asked)[0]).max() < 0.12
    assert bent.deviation < 1.4 * calm.deviation


def test_networks_that_are_all_alike_are_no_fault() -> None:
    rows = [member("gated", 7.0)] * 4
    mean, deviation = Surrogate.fit(rows, [0.5] * 4, [0.0] * 4).predict([member("gated", 7.0), member("rsc", 8.0)])
    assert mean == pytest.approx([0.5, 0.5], abs=1e-6)
    assert np.isfinite(deviation).all()
