"""How a study stands: numbers against those worked out by hand or by the slow way."""

from datetime import timedelta
from random import Random

import pytest

from studies.front import Reference, hypervolume, hypervolumes
from studies.records import load
from studies.report import Study
from studies.report.progress import growth_figure, growth_of, outcomes_of, used_of
from tests.studies.report import made

REFERENCE = Reference({"dice": 0.2, "latency_ms": 50.0, "traffic_bytes": 1e8})


@pytest.mark.parametrize("seed", range(4))
def test_hypervolumes_are_those_of_the_first_rows(seed: int) -> None:
    rng = Random(seed)
    rows = [
        {
            "dice": rng.randrange(10) / 10,
            "latency_ms": rng.choice((1, 5, 60)),
            "traffic_bytes": 10.0 ** rng.randint(5, 9),
        }
        for _ in range(40)
    ]
    slow = [hypervolume(rows[: n + 1], REFERENCE) for n in range(len(rows))]
    assert hypervolumes(rows, REFERENCE) == pytest.approx(slow, abs=1e-12)
    assert hypervolumes([], REFERENCE) == []


def test_growth_is_that_of_the_record(study: Study) -> None:
    growth, record = growth_of(study), load(study.folder.root)
    assert growth.hypervolume == pytest.approx(list(record.hypervolume()))
    assert growth.trials == list(range(1, 41))
    assert growth.device_hours[-1] == pytest.approx(sum(t.user_attrs["seconds"] for t in record.frozen) / 3600)


def test_trials_count_in_the_order_in_which_they_end() -> None:
    costs = {"latency_ms": 5.0, "traffic_bytes": 1e6, "macs": 1e7}
    good, bad = [0.7] * made.EPOCHS, [0.1] * made.EPOCHS
    late = made.trial({"a": 1}, costs, good, made.BEGAN + timedelta(hours=2))
    early = made.trial({"a": 1}, costs, bad, made.BEGAN)
    growth = growth_of(made.study([late, early]))
    assert growth.hypervolume[0] == 0 < growth.hypervolume[1]
    assert growth.device_hours == pytest.approx([108 / 3600, 216 / 3600])


def test_a_trial_that_goes_on_as_another_counts_once() -> None:
    costs = {"latency_ms": 5.0, "traffic_bytes": 1e6, "macs": 1e7}
    first = made.trial({"a": 1}, costs, [0.5], made.BEGAN)
    second = made.trial({"a": 1}, costs, [0.5] * made.EPOCHS, made.BEGAN + timedelta(hours=1), continues=0)
    study = made.study([first, second])
    assert outcomes_of(study.rows) == [("continued", 1), ("ok", 1)]
    trials, hours = used_of(study.config, study.rows)
    assert (trials.used, trials.limit) == (1, 40)
    assert (hours.used, hours.limit) == (pytest.approx(108 / 3600), None)
    assert growth_of(study).device_hours == pytest.approx([108 / 3600])


@pytest.mark.parametrize("against", ["trials", "device_hours"])
def test_the_figure_begins_at_nothing_and_holds_steps(study: Study, against: str) -> None:
    growth = growth_of(study)
    (line,) = growth_figure(growth, against).data
    assert (line.x[0], line.y[0], line.line.shape) == (0, 0, "hv")
    assert list(line.x[1:]) == getattr(growth, against)
    assert list(line.y[1:]) == growth.hypervolume
