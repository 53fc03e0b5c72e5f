"""The table of measured launches: measured once, kept, shared, and whole after any kill."""

import json
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nas
from evaluators.operator_table import Entry, OperatorTable, Ran, Setting
from nas.launches import Launch, launches_of
from search_spaces import published

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_CACHE", str(tmp_path))


def launches(name: str = "unetpp_keras_L1", side: int = 32) -> list[Launch]:
    return list(launches_of(nas.deploy(nas.build(published[name], (3, side, side), 1))))


def table(clock: Callable[[], float] | None = None, **setting: object) -> OperatorTable:
    made = Setting.of(CPU, "fp32")._replace(**setting)  # type: ignore[arg-type]  # whatever a test sets
    return OperatorTable(made, CPU) if clock is None else OperatorTable(made, CPU, clock=clock)


def test_each_launch_is_measured_once_and_found_by_the_next_process() -> None:
    first, needed = table(), launches()
    assert first.fill(needed) == len({launch.key for launch in needed}) == len(first.entries)
    assert first.fill(needed) == 0
    again = table()
    assert again.entries == first.entries
    assert again.fill(needed) == 0
    assert again.fill(launches(side=48)) > 0


def test_an_entry_says_what_was_measured() -> None:
    conv = next(x for x in launches() if x.macs)
    of_fp32, of_bf16 = table(), table(precision="bf16")
    for one in (of_fp32, of_bf16):
        one.fill([conv])
    found = of_fp32.entries[conv.key]
    assert (found.kind, found.macs, found.bytes) == ("Conv", conv.macs, 4 * conv.elements)
    assert of_bf16.entries[conv.key].bytes == 2 * conv.elements
    assert 0 < found.ms < 1000


def ticking(lengths: Iterator[float]) -> Callable[[], float]:
    """Return a clock by which timed runs take the given seconds, one after the other."""
    at, running = 0.0, False

    def clock() -> float:
        nonlocal at, running
        at += next(lengths) if running else 0.0
        running = not running
        return at

    return clock


def test_the_median_of_some_runs_counts_in_milliseconds() -> None:
    reference = [1.0] * 51
    in_turn = [99.0, 1.0] + [t for i in range(9) for t in (float(i % 5), 1.0)]
    one = table(clock=ticking(chain(reference, in_turn)))
    one.fill(launches()[:1])
    assert one.reference_ms == pytest.approx(1e3)
    assert [entry.ms for entry in one.entries.values()] == [pytest.approx(1e3 * 2, abs=1e3)]


@given(speeds=st.lists(st.floats(0.2, 5.0), min_size=2, max_size=5))
@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_slows_the_whole_machine_down_changes_no_entry(speeds: list[float], tmp_path: Path) -> None:
    """Of launches that take as long as the reference, all entries are what that took first, at whatever speed."""
    now = [1.0]
    one = table(clock=ticking(iter(lambda: now[0], None)), device=f"of {speeds}")
    for launch in launches()[: 1 + len(speeds)]:
        one.fill([launch])
        now[0] = speeds[len(one.entries) - 1] if len(one.entries) <= len(speeds) else 1.0
    assert len(one.entries) == 1 + len(speeds)
    assert [entry.ms for entry in one.entries.values()] == [pytest.approx(1e3)] * len(one.entries)
    assert table(device=f"of {speeds}").reference_ms == pytest.approx(1e3)


def test_every_setting_has_its_own_times() -> None:
    settings = [
        {},
        {"precision": "bf16"},
        {"channels_last": False},
        {"device": "another"},
        {"runtime": "cuda_graph"},
        {"torch_version": "9"},
    ]
    assert len({table(**setting).path for setting in settings}) == len(settings)
    table().fill(launches()[:1])
    assert not table(precision="bf16").entries


def test_what_another_process_adds_meanwhile_is_seen_not_measured_again() -> None:
    mine, other = table(), table()
    other.fill(launches())
    assert mine.fill(launches()) == 0
    assert mine.entries == other.entries
    lines = mine.path.read_text().splitlines()
    assert len(lines) == 2 + len(mine.entries)  # the setting, and how long the reference took
    assert json.loads(lines[0])["device"] == Setting.of(CPU, "fp32").device


def test_a_line_cut_off_by_a_kill_is_measured_again_and_spoils_no_other() -> None:
    whole, needed = table(), launches()
    whole.fill(needed)
    text = whole.path.read_text()
    whole.path.write_text(text[:-20])
    mended = table()
    assert len(mended.entries) == len(whole.entries) - 1
    assert mended.fill(needed) == 1
    assert set(table().entries) == set(whole.entries)


@pytest.mark.parametrize(
    "line", ["nonsense", "[]", "3", '{"launch": "x"}', '{"launch": [], "ms": 1}', '{"network": 1}']
)
def test_damaged_lines_are_passed_over(line: str) -> None:
    one = table()
    one.fill(launches()[:1])
    with one.path.open("a") as file:
        file.write(line + "\n")
    one.ran("net", Ran(2.0, 3.0))
    read = table()
    assert read.entries == one.entries
    assert read.networks == {"net": Ran(2.0, 3.0)}


def test_a_launch_of_every_published_network_can_be_timed() -> None:
    one = table()
    for name in ("hardnet_mseg", "amsunet", "unext", "convunext", "hrnetv2_w18"):
        one.fill(launches(name, 64))
    assert all(isinstance(entry, Entry) and entry.ms > 0 for entry in one.entries.values())
