"""How many trainings at once: chosen by measurement, kept, and measured again where what is kept does not count."""

import json
from pathlib import Path

import pytest

from evaluators import calibration
from evaluators.cache import cache_folder
from evaluators.calibration import Slots, best_slots, layouts
from evaluators.faults import DeviceError

RATES = {(1, 4): 30.0, (2, 2): 50.0, (4, 1): 40.0, (1, 2): 10.0, (2, 1): 20.0}


class Measured:
    """Stands in for the measurement and counts it; odd rounds are disturbed."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def __call__(self, processes: int, threads: int) -> float:
        self.asked.append((processes, threads))
        disturbed = self.asked.count((processes, threads)) % 2
        return RATES[processes, threads] / (9 if disturbed and processes == 2 else 1)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Measured:
    stand_in = Measured()
    monkeypatch.setattr(calibration, "_images_per_s", stand_in)
    return stand_in


def test_all_layouts_use_all_cores() -> None:
    assert layouts(1) == [(1, 1)]
    assert layouts(2) == [(1, 2), (2, 1)]
    assert layouts(16) == [(1, 16), (2, 8), (4, 4), (8, 2), (16, 1)]
    assert layouts(6) == [(1, 6), (2, 3), (6, 1)]


def test_the_fastest_undisturbed_layout_is_taken_and_kept(measured: Measured, tmp_path: Path) -> None:
    assert best_slots(4, folder=tmp_path) == Slots(2, 2, 50.0)
    assert measured.asked == [(1, 4), (2, 2), (4, 1)] * 2  # in turn
    assert best_slots(4, folder=tmp_path) == Slots(2, 2, 50.0)
    assert len(measured.asked) == 6
    assert best_slots(2, folder=tmp_path) == Slots(2, 1, 20.0)
    assert len(measured.asked) == 10
    assert best_slots(4, folder=tmp_path).processes == 2
    assert [file.name for file in tmp_path.iterdir()] == ["slots.json"]


@pytest.mark.parametrize("change", ["damaged", "format", "torch"])
def test_what_does_not_count_here_is_measured_again(
    measured: Measured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    best_slots(2, folder=tmp_path)
    path = tmp_path / "slots.json"
    if change == "damaged":
        path.write_text(path.read_text()[:-20])
    elif change == "format":
        path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 0}))
    else:
        monkeypatch.setattr(calibration.torch, "__version__", "99.0")
    assert best_slots(2, folder=tmp_path) == Slots(2, 1, 20.0)
    assert len(measured.asked) == 8


def test_a_folder_that_cannot_be_written_is_no_fault(measured: Measured, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert best_slots(2, folder=tmp_path / "file" / "below") == Slots(2, 1, 20.0)


def test_the_folder_is_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, measured: Measured) -> None:
    monkeypatch.setenv("NAS_CACHE", str(tmp_path / "own"))
    best_slots(2)
    assert (tmp_path / "own" / "slots.json").exists()
    monkeypatch.delenv("NAS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "nas-medseg"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == Path.home() / ".cache" / "nas-medseg"


@pytest.mark.slow
def test_processes_train_and_answer() -> None:
    assert calibration._images_per_s(2, 1) > 0.5


@pytest.mark.slow
def test_a_process_that_ends_is_a_fault() -> None:
    with pytest.raises(DeviceError, match="ended or hung"):
        calibration._images_per_s(1, -1)  # torch refuses so few threads
