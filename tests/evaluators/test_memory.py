"""Memory that is free, that is used at most, and that a network will need."""

from pathlib import Path

import pytest
import torch

import nas
from evaluators import memory
from evaluators.loss import SegmentationLoss
from evaluators.memory import Footprint, PeakMemory, footprint, free_bytes
from search_spaces import published

CPU = torch.device("cpu")
MB = 10**6


def test_free_memory_of_this_machine_is_less_than_it_has() -> None:
    free = free_bytes(CPU)
    assert free is not None
    total = int(Path("/proc/meminfo").read_text().split("\n")[0].split()[1]) * 1024
    assert 0 < free < total


def test_a_container_s_limit_counts_where_it_is_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit, used = tmp_path / "max", tmp_path / "current"
    used.write_text("3000\n")
    monkeypatch.setattr(memory, "_GROUPS", ((limit, used),))
    machine = free_bytes(CPU)
    limit.write_text("max\n")
    assert abs((free_bytes(CPU) or 0) - (machine or 0)) < 2000 * MB  # others come and go
    limit.write_text("10000\n")
    assert free_bytes(CPU) == 7000
    limit.write_text("1000\n")
    assert free_bytes(CPU) == 0


def test_where_nobody_can_tell_there_is_no_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("_MEMINFO", "_STATUS", "_RESET"):
        monkeypatch.setattr(memory, name, tmp_path / "none")
    monkeypatch.setattr(memory, "_GROUPS", ())
    monkeypatch.setattr(memory.os, "sysconf_names", {})
    assert free_bytes(CPU) is None
    peak = PeakMemory(CPU)
    peak.restart()
    assert peak.peak_bytes() is None


def test_a_peak_is_seen_and_forgotten() -> None:
    peak = PeakMemory(CPU)
    peak.restart()
    before = peak.peak_bytes()
    assert before is not None
    torch.ones(50_000_000)  # 200 MB
    seen = peak.peak_bytes()
    assert seen is not None
    assert 150 * MB < seen - before < 300 * MB
    peak.restart()
    after = peak.peak_bytes()
    assert after is not None
    assert after < seen - 100 * MB


def test_half_and_half_again_until_it_fits() -> None:
    needs = Footprint(fixed_bytes=100, image_bytes=80, gradient_bytes=20)
    assert needs.bytes(8) == 900
    assert [needs.fitting(7, free) for free in (10**4, 800, 600, 400, 200, 100)] == [7, 4, 4, 2, 0, 0]
    assert needs.fitting(1, 223) == 1
    assert needs.fitting(8, 10**4, factor=20.0) == 4
    assert needs.factor(500, 8) == 0.5
    assert needs.bytes(8, needs.factor(640, 8)) == 640


@pytest.mark.parametrize("name", ["unet_bn32", "amsunet", "hardnet_mseg", "unetpp_bn32"])
def test_the_prediction_holds_what_autograd_saves(name: str) -> None:
    """Between what is saved and 2.2 times as much, at a size other than the graph's."""
    graph = nas.build(published[name], (3, 96, 96), 1)
    module = nas.to_module(graph)
    saved: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    images, masks = torch.zeros(2, 3, 64, 64), torch.zeros(2, 64, 64, dtype=torch.uint8)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = SegmentationLoss()(module(images), masks)
    needs = footprint(graph, 64)
    params = nas.cost(graph).params
    maps = sum(saved.values()) - 4 * params  # convolutions save their weights as well
    assert loss.grad_fn is not None  # what was saved is still held
    assert needs.fixed_bytes == 20 * params
    assert maps < needs.bytes(2) - needs.fixed_bytes < 2.2 * maps
    assert footprint(graph, 64, more_bytes=5).fixed_bytes == 20 * params + 5
