"""Timing: in turn, bounded, on pinned cores; the cache's place and its locks."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from evaluators.cache import cache_folder, measuring
from evaluators.faults import DeviceError
from evaluators.timing import pinned, timed

CPU = torch.device("cpu")


def test_runs_take_turns_and_the_warm_up_is_not_timed() -> None:
    order: list[str] = []
    runs = [lambda: order.append("a"), lambda: order.append("b")]
    times = timed(runs, CPU, warmup=2, repeats=3, fewest=1, budget_s=10)
    assert order == ["a", "b"] * 5
    assert [len(found) for found in times] == [3, 3]


def test_each_run_gets_its_own_milliseconds_by_the_clock_given() -> None:
    now = [0.0]

    def takes(seconds: float) -> object:
        now[0] += seconds
        return None

    runs = [lambda: takes(0.25), lambda: takes(2.0)]
    assert timed(runs, CPU, warmup=1, repeats=2, fewest=1, budget_s=10, clock=lambda: now[0]) == [[250] * 2, [2000] * 2]


def test_a_spent_budget_ends_it_but_not_before_the_fewest() -> None:
    (times,) = timed([lambda: time.sleep(0.01)], CPU, warmup=0, repeats=50, fewest=3, budget_s=0)
    assert len(times) == 3
    (times,) = timed([lambda: time.sleep(0.01)], CPU, warmup=0, repeats=50, fewest=1, budget_s=0.05)
    assert 2 <= len(times) <= 6


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system pins no threads")
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core")
def test_all_threads_stay_on_as_many_cores_as_torch_has_threads_and_are_let_go() -> None:
    before = os.sched_getaffinity(0)
    ready, done, late = threading.Event(), threading.Event(), threading.Event()
    other: dict[str, object] = {}

    def wait(said: threading.Event) -> None:
        other[said.__repr__()] = threading.get_native_id()
        ready.set()
        done.wait()

    thread = threading.Thread(target=wait, args=(ready,), daemon=True)
    thread.start()
    ready.wait()
    with pytest.raises(ZeroDivisionError), pinned(CPU):
        assert os.sched_getaffinity(0) == {max(before)}
        assert os.sched_getaffinity(thread.native_id) == {max(before)}  # type: ignore[arg-type]  # it runs
        born = threading.Thread(target=wait, args=(late,), daemon=True)
        born.start()
        _ = 1 / 0
    assert os.sched_getaffinity(0) == before
    assert os.sched_getaffinity(thread.native_id) == before  # type: ignore[arg-type]  # it runs
    assert os.sched_getaffinity(born.native_id) == before  # type: ignore[arg-type]  # it runs
    done.set()
    for one in (thread, born):
        one.join()
    torch.set_num_threads(len(before))
    with pinned(CPU):
        assert os.sched_getaffinity(0) == before


def test_the_cache_is_where_the_user_or_the_system_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NAS_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("NAS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "nas-medseg"
    for unset in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", unset)
        assert cache_folder() == Path.home() / ".cache" / "nas-medseg"


def test_one_process_measures_at_a_time(tmp_path: Path) -> None:
    code = (
        "import torch, time; from evaluators.cache import measuring\n"
        "with measuring(torch.device('cpu')): print('in', flush=True); time.sleep(1); print(time.time(), flush=True)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with measuring(CPU), measuring(CPU):  # and whoever measures may measure a part
            mine = time.time()
        assert mine > float(other.stdout.readline())


def test_a_cache_that_cannot_be_written_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NAS_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(DeviceError, match=r"file/below.*set NAS_CACHE to a folder"), measuring(CPU):
        pass
