"""Proposals: legal, feasible, never a repeat, and made of nothing but the record, the seed and the number."""

from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

import nas
from evaluators.latency import Latency
from nas.grammar import Choice, OneOf, rule
from nas.graph import GraphBuilder, Node
from nas.ops import Conv
from nas.space import SearchSpace
from search_spaces import published, spaces
from studies import proposing
from studies.config import StudyConfig, load_config
from studies.front import Reference, front_of, hypervolume
from studies.proposing import NothingFeasible, Proposer, members
from studies.screening import Screen

GP = pytest.param("gp", marks=pytest.mark.slow)  # a second for each of its fits
REFERENCE = Reference({"dice": 0.1, "traffic_bytes": 1e9})


def config_of(path: Path, *overrides: str) -> StudyConfig:
    return load_config(path, overrides)


def screen_of(config: StudyConfig, latency_ms: float = 1.0) -> Screen:
    return Screen(spaces["unet"], config, lambda graph: Latency(latency_ms, 0.1, 10))


def as_trials(screen: Screen, proposer: Proposer, count: int) -> list[FrozenTrial]:
    """Run the proposer as the driver does, with a Dice that grows with the traffic."""
    from optuna.distributions import CategoricalDistribution

    trials: list[FrozenTrial] = []
    for _ in range(count):
        verdict = proposer.next(trials)
        offered: dict[str, CategoricalDistribution] = {}

        def choose(path: str, options: tuple[object, ...], into=offered, made=verdict.candidate.decisions):  # type: ignore[no-untyped-def]
            into[path] = CategoricalDistribution(options)
            return made[path]

        screen.space.derive(choose)
        values = [min(0.9, verdict.costs["traffic_bytes"] / 1e8), float(verdict.costs["traffic_bytes"])]
        trials.append(
            create_trial(
                state=TrialState.COMPLETE,
                values=values,
                params=dict(verdict.candidate.decisions),
                distributions=dict(offered),
                user_attrs={"key": verdict.candidate.key, "origin": verdict.candidate.origin},
            )
        )
    return trials


@pytest.mark.parametrize("sampler", ["tpe", "random", "grammar", "evolution", "nsga2", "nsga3", GP])
def test_proposals_are_new_feasible_and_repeatable(tiny: Path, sampler: str) -> None:
    config = config_of(tiny, f"sampler.name={sampler}", "sampler.startup=4")
    runs = []
    for _ in range(2):
        screen = screen_of(config)
        trials = as_trials(screen, Proposer(screen, config, REFERENCE), 9)
        runs.append([trial.user_attrs["key"] for trial in trials])
        for trial in trials:
            architecture = screen.space.replay(trial.params)
            assert nas.cost(nas.deploy(nas.build(architecture, (3, 64, 64)))).macs <= 60e6
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 9
    origins = [trial.user_attrs["origin"] for trial in trials]
    assert origins[:4] == ["random"] * 4
    assert set(origins[4:]) <= {sampler, "mutation", "random"}


@rule("network", width=Choice((1, 2, 3, 4)), kernel=Choice((1, 3)))
def convolution(g: GraphBuilder, *, width: int, kernel: int) -> list[Node]:
    return [g.add(Conv(g.classes, kernel=1), g.add(Conv(width, kernel=kernel), g.image))]


@pytest.mark.parametrize("sampler", ["tpe", "random", "grammar", "evolution", "nsga2", "nsga3", GP])
def test_a_space_is_used_up_before_there_is_nothing_new(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, sampler: str
) -> None:
    monkeypatch.setattr(proposing, "RANDOM_DRAWS", 200)
    config = config_of(tiny, f"sampler.name={sampler}", "sampler.startup=4")
    screen = Screen(SearchSpace("small", 1, convolution), config, lambda graph: Latency(1.0, 0.1, 10))
    proposer = Proposer(screen, config, REFERENCE)
    trials = as_trials(screen, proposer, 8)
    assert len({trial.user_attrs["key"] for trial in trials}) == 8 == screen.space.size()
    with pytest.raises(NothingFeasible, match="none is new and feasible"):
        proposer.next(trials)


def test_members_come_cheapest_first_and_strangers_are_left_out(tiny: Path) -> None:
    names = [name for name, _ in members(screen_of(config_of(tiny)))]
    assert names == ["amsunet", "unet_bilinear32", "unet_bn32"]


def test_no_feasible_network_is_a_clear_error(tiny: Path) -> None:
    config = config_of(tiny, "constraints.macs=<= 1")
    screen = screen_of(config)
    message = r"none of \d+ .* is feasible; nearest: all with macs 2\.\d+e\+06; constraints: macs <= 1; loosen them"
    with pytest.raises(NothingFeasible, match=message):
        Proposer(screen, config, REFERENCE).next([])
    assert screen.counts["proposed"] == 0


def test_a_latency_that_nothing_keeps_gives_up_soon(tiny: Path) -> None:
    config = config_of(tiny, "constraints.latency_ms=<= 5")
    screen = screen_of(config, latency_ms=6.0)
    with pytest.raises(NothingFeasible, match="100 of them measured"):
        Proposer(screen, config, REFERENCE).next([])


def test_a_known_network_is_a_duplicate_whatever_its_decisions(tiny: Path) -> None:
    config = config_of(tiny, "constraints={}")
    screen = screen_of(config)
    member = screen.candidate(published["unet_bn32"], "published:unet_bn32")
    decisions = dict(member.decisions)
    relabelled = {p: o for p, o in decisions.items() if not p.startswith("encoder.stages")}
    relabelled |= {"encoder.stages": "mixed"}
    for path, option in decisions.items():
        if path.startswith("encoder.stages.all_double_conv."):
            place, name = path.removeprefix("encoder.stages.all_double_conv.").split(".", 1)
            relabelled[f"encoder.stages.mixed.{place}"] = "double_conv"
            relabelled[f"encoder.stages.mixed.{place}.double_conv.{name}"] = option
    twin = screen.candidate(screen.space.replay(relabelled), "mixed")
    assert isinstance(screen.space.root.options["decoder"].options["blocks"], OneOf)  # type: ignore[union-attr]
    verdict = screen.judge(twin, {member.key})
    assert verdict.duplicate
    assert not verdict.admitted


def test_hypervolume_by_hand() -> None:
    reference = Reference({"dice": 0.2, "latency_ms": 100.0})
    rows = [{"dice": 0.7, "latency_ms": 10.0}, {"dice": 0.5, "latency_ms": 1.0}, {"dice": 0.9, "latency_ms": 1000.0}]
    # 0.5 * 1 decade, and 0.3 over the second decade; the third is beyond the reference
    assert hypervolume(rows, reference) == pytest.approx(0.5 * 1 + 0.3 * 1)
    assert front_of(rows, ("dice", "latency_ms")) == [2, 0, 1]
    assert front_of([*rows, {"dice": 0.6, "latency_ms": 20.0}], ("dice", "latency_ms")) == [2, 0, 1]
    assert Reference.from_json(reference.to_json()) == reference
    assert hypervolume([], reference) == 0.0
