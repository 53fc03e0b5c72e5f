"""Predicted latency: a sum, one scale, a roofline for what is missing, and a margin learnt from what was measured."""

from pathlib import Path

import pytest
import torch

import nas
from evaluators.operator_table import Entry, OperatorTable, Ran, Setting
from evaluators.prediction import Prediction, Predictor
from evaluators.roofline import Roofline, calibrated, factors_of
from nas.graph import Graph
from nas.launches import launches_of
from search_spaces import published

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_CACHE", str(tmp_path))


def network(name: str = "unetpp_keras_L1") -> Graph:
    return nas.deploy(nas.build(published[name], (3, 32, 32), 1))


def predictor(ms: float | None = None) -> Predictor:
    """A predictor; with `ms`, every launch of `network()` takes that long, and the rates are 1."""
    made = Predictor(OperatorTable(Setting.of(CPU, "fp32"), CPU))
    if ms is not None:
        made.__dict__["roofline"] = Roofline(1e6, 1e6, 1.0)
        for launch in launches_of(network()):
            made.table.entries[launch.key] = Entry("Conv", launch.macs, 4 * launch.elements, ms)
    return made


def test_is_the_sum_over_all_launches() -> None:
    made, count = predictor(2.0), nas.cost(network()).kernels
    assert made.predict(network()) == Prediction(2.0 * count, count, 0, None)
    by_launch = made.by_launch(network())
    assert sum(by_launch.values()) == 2.0 * count
    assert set(by_launch) == {launch.name for launch in launches_of(network())}


def test_launches_without_an_entry_are_measured_or_left_to_the_roofline() -> None:
    made = predictor()
    guessed = made.predict(network(), measure=False)
    assert guessed.by_roofline > 0
    measured = made.predict(network())
    assert measured.by_roofline == 0
    assert measured.ms == pytest.approx(sum(made.table.entries[x.key].ms for x in launches_of(network())))
    assert 0.02 < guessed.ms / measured.ms < 50


def test_the_roofline_stands_in_with_the_factor_of_its_kind() -> None:
    made = predictor(1.0)
    (missing, *rest) = [x for x in launches_of(network()) if x.macs]
    roof = made.roofline
    for launch in rest:
        made.table.entries[launch.key] = Entry(
            "Conv", launch.macs, 4 * launch.elements, 3 * roof.ms(launch.macs, 4 * launch.elements)
        )
    del made.table.entries[missing.key]
    for number in range(40):
        made.table.entries[f"other {number}"] = Entry("Concat", 0, 0, 100.0)
    for number in range(20):
        made.table.entries[f"conv {number}"] = Entry("Conv", 2, 0, 3 * roof.ms(2, 0))
    found = made.by_launch(network())[missing.name]
    assert found == pytest.approx(3 * roof.ms(missing.macs, 4 * missing.elements))


def test_one_scale_is_the_median_of_measured_over_summed() -> None:
    made = predictor(1.0)
    for number, ms in enumerate((10.0, 20.0, 90.0)):
        made.table.ran(f"net {number}", Ran(10.0, ms))
    assert made.scale == 2.0
    count = nas.cost(network()).kernels
    assert made.predict(network()).ms == 2.0 * count
    assert sum(made.by_launch(network()).values()) == 2.0 * count


def test_the_scale_is_of_what_was_measured_last() -> None:
    made = predictor(1.0)
    for number in range(450):
        made.table.networks[f"net {number}"] = Ran(1.0, 1.0 if number < 250 else 5.0)
    assert made.scale == 5.0


def test_networks_are_learnt_from_once_all_their_launches_are_known() -> None:
    made = predictor(2.0)
    made.learn(network("unetpp_keras_L2"), 100.0)
    assert not made.table.networks
    made.learn(network(), 100.0)
    made.learn(network(), 120.0)
    (found,) = made.table.networks.values()
    assert found == Ran(2.0 * nas.cost(network()).kernels, 120.0)
    larger = nas.deploy(nas.build(published["unetpp_keras_L1"], (3, 48, 32), 1))
    made.table.fill(launches_of(larger))
    made.learn(larger, 150.0)
    assert len(made.table.networks) == 2
    assert predictor().table.networks == made.table.networks


def test_nothing_is_said_of_the_error_before_ten_networks_were_measured() -> None:
    made = predictor(1.0)
    for number in range(10):
        assert made.predict(network()).over is None
        made.table.ran(f"net {number}", Ran(10.0, 10.0 if number else 5.0))
    assert made.predict(network()).over == pytest.approx(2.0)  # one of ten took half of what was predicted


@pytest.mark.parametrize(
    ("ms", "over", "above"),
    [(100, None, False), (9, 1.5, False), (14, 1.5, False), (16, 1.5, True), (10.5, 0.9, True), (9.5, 0.9, False)],
)
def test_clearly_above_is_by_more_than_others_were_overestimated(ms: float, over: float | None, above: bool) -> None:
    assert Prediction(ms, 1, 0, over).clearly_above(10.0) is above


def test_a_launch_takes_its_arithmetic_or_its_bytes_and_its_start() -> None:
    roof = Roofline(macs_per_ms=100.0, bytes_per_ms=10.0, launch_ms=1.0)
    assert (roof.ms(1000, 10), roof.ms(10, 1000), roof.ms(0, 0)) == (11.0, 101.0, 1.0)
    assert roof.ridge == 10.0


def test_rates_are_calibrated_by_probes_that_the_table_keeps() -> None:
    table = predictor().table
    roof = calibrated(table)
    assert len(table.entries) == 3
    assert calibrated(predictor().table) == roof
    for key, entry in table.entries.items():  # each took a millisecond, and the two large ones 4 and 9 more
        table.entries[key] = entry._replace(ms={"Conv": 5.0, "Add": 10.0, "ReLU": 1.0}[entry.kind])
    macs, moved = 256 * 32 * 32 * 256 * 9, 4 * 3 * 256 * 128 * 128
    assert calibrated(table) == Roofline(macs / 4, moved / 9, 1.0)


def test_a_kind_with_few_entries_has_the_factor_of_all() -> None:
    roof = Roofline(1.0, 1.0, 0.0)
    entries = [Entry("Conv", 10, 0, 20.0)] * 4 + [Entry("Concat", 0, 10, 50.0)] * 2
    assert factors_of(entries, roof) == {"Conv": 2.0, "": 2.0}
    assert factors_of([], roof) == {"": 1.0}
