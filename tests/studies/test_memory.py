"""What a study predicts of a trial's memory, learns from it, and records of it."""

from pathlib import Path

import pytest
import torch
from optuna.trial import TrialState, create_trial

import nas
import studies
from evaluators.curve import Curve, EpochRecord
from evaluators.faults import OutOfMemory
from search_spaces import published
from studies import memory
from studies.config import load_config
from studies.material import load_material
from studies.memory import MemoryPlan, learnt_factor
from studies.running import run

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
GRAPH = nas.build(published["amsunet"], (3, 64, 64), 1)


def plan(tiny: Path, device: torch.device = CPU, factor: float = 1.0, sharing: int = 1) -> MemoryPlan:
    config = load_config(tiny)
    return MemoryPlan(GRAPH, config, load_material(config, None), device, factor, sharing)


def has_free(monkeypatch: pytest.MonkeyPatch, free: int | None) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda device: free)


def needed(images: int, factor: float = 1.0) -> int:
    """Return the free memory that so many images need: one byte less is too little."""
    return int(memory.footprint(GRAPH, 64).bytes(images, factor) / 0.9) + 1


def test_it_begins_with_what_fits(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, size in ((needed(4), 4), (needed(4) - 2, 2), (needed(2) - 2, 1), (None, 4)):
        has_free(monkeypatch, free)
        assert plan(tiny).micro_batch() == size


def test_trainings_of_one_device_share_what_is_free(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    has_free(monkeypatch, 3 * needed(4))
    assert plan(tiny, sharing=3).micro_batch() == 4
    has_free(monkeypatch, 3 * needed(4) - 6)
    assert plan(tiny, sharing=3).micro_batch() == 2


def test_what_was_learnt_counts(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    has_free(monkeypatch, needed(4))
    assert plan(tiny, factor=1.5).micro_batch() == 2
    has_free(monkeypatch, needed(4, 0.5))
    assert plan(tiny, factor=0.5).micro_batch() == 4


def test_a_processor_is_not_asked_for_what_it_has_not(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    has_free(monkeypatch, needed(1) - 2)
    with pytest.raises(OutOfMemory, match="one image at a time is predicted to take") as caught:
        plan(tiny).micro_batch()
    assert caught.value.asked_bytes == memory.footprint(GRAPH, 64).bytes(1)
    assert plan(tiny, CUDA).micro_batch() == 1


def test_the_greatest_factor_of_the_trials_is_learnt(tiny: Path) -> None:
    def trial(**facts: float) -> object:
        return create_trial(state=TrialState.FAIL, user_attrs=facts)

    assert learnt_factor([]) == 1.0
    assert learnt_factor([trial(), trial(memory_factor=0.4), trial(memory_factor=0.7)]) == 0.7  # type: ignore[list-item]


def test_on_cuda_the_factor_is_measured_over_predicted(tiny: Path) -> None:
    config = load_config(tiny)
    material = load_material(config, None)
    data = sum(p.images.nbytes + p.masks.nbytes for p in (material.training, material.validation))
    peak = memory.footprint(GRAPH, 64, data).bytes(2, 0.6)
    curve = Curve(tuple(EpochRecord(n, 1.0, 0.5, 1.0, 0.5, 2, p) for n, p in ((1, peak), (2, peak - 9))))
    facts = plan(tiny, CUDA).facts(curve)
    assert facts["memory_factor"] == pytest.approx(0.6)
    assert (facts["micro_batch"], facts["peak_bytes"]) == (2, peak)
    assert "memory_factor" not in plan(tiny, CPU).facts(curve)


def test_a_study_records_what_its_trials_took(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tiny, ["budget.trials=1", "name=whole"], None, lambda: False)
    trial = studies.load("runs/whole").trials().iloc[0]
    assert trial["micro_batch"] == 4
    assert trial["peak_bytes"] > 10**8  # the process with torch in it
    has_free(monkeypatch, 1000)
    assert not run(tiny, ["budget.trials=1", "name=none"], None, lambda: False)
    trial = studies.load("runs/none").trials().iloc[0]
    assert trial["outcome"] == "oom"
    assert trial["asked_bytes"] > 10**5
    assert "predicted" in trial["reason"]
