"""Families that no draw can make feasible: said when a study begins and on a dry run, and kept in its log."""

import json
from collections import Counter
from pathlib import Path

import pytest

from evaluators.latency import Latency
from search_spaces import spaces
from studies.config import load_config
from studies.families import lines_of, refused_families
from studies.front import Reference
from studies.proposing import Proposer
from studies.running import dry_run, run
from studies.screening import Screen

DEAR = {"unetpp", "full_scale", "concat_all"}  # above 60 M MACs at 64 pixels, whatever the encoder's width


def test_they_are_said_and_stored_once(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tiny, ["space=decoders", "budget.trials=1"], None, lambda: False)
    stored = json.loads(Path("runs/tiny/facts.json").read_text())["infeasible_families"]
    assert {family["family"] for family in stored} == DEAR
    assert all(family["nearest"]["macs"] > 60e6 and family["draws"] > 10 for family in stored)
    said = capsys.readouterr().out
    assert "3 of 5 families have no feasible member, as far as was found:" in said
    assert all(f"  {name}: " in said for name in DEAR)
    run(tiny, ["space=decoders", "budget.trials=1"], None, lambda: False)
    assert "families" not in capsys.readouterr().out


def test_a_dry_run_says_them_too(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dry_run(tiny, ["space=decoders"])
    said = capsys.readouterr().out
    assert "3 of 5 families" in said and "  concat_all: " in said and "nearest macs 73.3M" in said


def test_random_proposals_share_evenly_among_the_feasible_families(tiny: Path) -> None:
    config = load_config(tiny, ["space=decoders", "sampler.name=random"])
    screen = Screen(spaces["decoders"], config, lambda graph: Latency(1.0, 0.1, 10))
    shares: Counter[object] = Counter()
    for seed in range(40):
        proposer = Proposer(
            screen, config.model_copy(update={"seed": seed}), Reference({"dice": 0.1, "traffic_bytes": 1e9})
        )
        verdict = proposer.next([])
        assert verdict.costs["macs"] <= 60e6
        shares[verdict.candidate.decisions["decoder"]] += 1
    assert set(shares) == {"unet", "dense_aggregation"}
    assert min(shares.values()) > 10  # feasible are 1 in 40 of the one, 1 in 3 of the other
    assert screen.counts["infeasible"] == 0


def test_what_a_measured_latency_refuses_is_no_infeasible_family(tiny: Path) -> None:
    config = load_config(tiny, ["constraints={latency_ms: '<= 1e-9'}"])
    screen = Screen(spaces["unet"], config, lambda graph: Latency(1.0, 0.1, 10))
    assert refused_families(screen.sampler) == []
    assert list(lines_of([], 1)) == []
