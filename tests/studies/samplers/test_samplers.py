"""The exam of the samplers as Optuna uses them: whole derivations, any storage, several workers, nothing twice."""

import warnings
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import optuna
import pytest
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import NSGAIIISampler, NSGAIISampler
from optuna.trial import TrialState, create_trial

import nas
from nas.architecture import Architecture
from nas.grammar import Choice, Option, rule
from nas.graph import GraphBuilder, Node
from nas.ops import Conv
from nas.space import SearchSpace
from search_spaces import spaces
from studies.front import Reference, hypervolume
from studies.records import values_of
from studies.samplers import grammar
from studies.samplers.asking import AskingWhole
from studies.samplers.costs import log_costs
from studies.samplers.evidence import Described, Evidence
from studies.samplers.evolution import POPULATION, EvolutionSampler
from studies.samplers.features import features_of
from studies.samplers.grammar import GrammarSampler, _Judge, _ranked, _told
from studies.samplers.making import _in_generations
from studies.samplers.whole import WholeSampler

COMPACT = spaces["compact"]
REFERENCE = Reference({"dice": 0.2, "traffic_bytes": 2e7})
OBJECTIVES = tuple(REFERENCE.values)


@cache
def known(architecture: Architecture) -> Described:
    graph = nas.build(architecture, (3, 64, 64))
    deployed = nas.deploy(graph)
    costs = asdict(nas.cost(deployed))
    return Described(graph.key(), costs, features_of(COMPACT.decisions(architecture), costs, deployed))


def describe(architecture: Architecture, decisions: Mapping[str, Option]) -> Described:
    return known(architecture)


def dice(decisions: Mapping[str, Option]) -> float:
    skip = {"identity": 0.0, "rsc": -0.05, "gated": 0.1, "attention_gate": 0.02}[str(decisions["decoder.skip"])]
    block = {"convnext": 0.12, "residual": 0.06}.get(str(decisions["encoder.stages"]), 0.0)
    return 0.4 + skip + block + 0.01 * (int(decisions["encoder.base"]) - 8)


def study_of(sampler: optuna.samplers.BaseSampler, storage: str | None = None) -> optuna.Study:
    return optuna.create_study(
        directions=["maximize", "minimize"], sampler=sampler, storage=storage, study_name="s", load_if_exists=True
    )


def run(study: optuna.Study, count: int) -> list[str]:
    """Return the keys of so many further trials."""
    keys = []
    for _ in range(count):
        trial = study.ask()
        member = known(COMPACT.derive(trial.suggest_categorical))  # type: ignore[arg-type]
        keys.append(member.key)
        study.tell(trial, [dice(trial.params), member.costs["traffic_bytes"]])
    return keys


def volume(study: optuna.Study, count: int) -> float:
    return hypervolume([values_of(trial, OBJECTIVES) for trial in study.trials[:count]], REFERENCE)


def test_it_finds_in_twenty_trials_what_random_does_not_in_forty() -> None:
    for seed in (0, 1):
        ours = study_of(GrammarSampler(COMPACT, describe, REFERENCE, seed=seed, startup=6))
        assert len(set(run(ours, 20))) == 20
        plain = study_of(optuna.samplers.RandomSampler(seed=seed))
        run(plain, 40)
        assert volume(ours, 20) > volume(plain, 40)


def test_a_search_that_was_stopped_goes_on_as_it_would_have(tmp_path: Path) -> None:
    def sampler() -> GrammarSampler:
        return GrammarSampler(COMPACT, describe, REFERENCE, seed=3, startup=4)

    whole = run(study_of(sampler()), 9)
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    assert run(study_of(sampler(), storage), 6) + run(study_of(sampler(), storage), 3) == whole


def test_workers_that_ask_before_the_others_told_get_different_members() -> None:
    study = study_of(GrammarSampler(COMPACT, describe, REFERENCE, seed=0, startup=4))
    run(study, 8)
    asked = []
    for _ in range(6):
        trial = study.ask()
        asked.append(known(COMPACT.derive(trial.suggest_categorical)).key)  # type: ignore[arg-type]
    assert len(set(asked)) == 6
    study.ask()  # a worker that has not said anything yet
    run(study, 1)


def test_what_is_being_trained_is_thought_of_as_surer() -> None:
    members = [COMPACT.sample(Random(i)) for i in range(12)]
    seen = [Evidence({}, known(m), 0.4 + 0.01 * i, 0.0, True, {}) for i, m in enumerate(members[:11])]
    coming = Evidence({}, known(members[11]), None, 0.0, True, {})
    asked = [known(members[11]).features]
    before, after = _Judge(seen, REFERENCE), _Judge([*seen, coming], REFERENCE)
    assert after._model.predict(asked)[1] < 0.8 * before._model.predict(asked)[1]
    assert after.scores([known(members[11])])[0] < before.scores([known(members[11])])[0]


@pytest.mark.parametrize("kind", ["grammar", "evolution"])
def test_a_sampler_of_whole_derivations_says_the_same_without_a_study(kind: str) -> None:
    def sampler() -> WholeSampler:
        if kind == "evolution":
            return EvolutionSampler(COMPACT, REFERENCE, COMPACT.sample, seed=5)
        return GrammarSampler(COMPACT, describe, REFERENCE, seed=5, startup=4)

    study = study_of(sampler())
    run(study, POPULATION + 2)
    without = AskingWhole(sampler(), COMPACT, study.trials)
    for state in (TrialState.PRUNED, TrialState.FAIL, TrialState.PRUNED):
        trial = study.ask()
        assert COMPACT.derive(trial.suggest_categorical) == without.ask()  # type: ignore[arg-type]
        study.tell(trial, state=state)
        without.refuse(state)


def test_of_many_trials_the_model_is_told_the_best_and_some_of_all_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grammar, "MOST_LEARNT", 12)
    by_key = {known(member).key: member for member in (COMPACT.sample(Random(i)) for i in range(80))}
    seen = [
        Evidence({}, known(member), 0.3 + 0.001 * (i % 7), 0.0, True, {}) for i, member in enumerate(by_key.values())
    ]
    front = {one.member.key for one in _ranked(seen, REFERENCE)[:6]}
    told = _told(seen, REFERENCE)
    at = [seen.index(one) for one in told]
    assert len(told) == 12 and at == sorted(at) and front <= {one.member.key for one in told}
    others = [i for i, one in enumerate(seen) if one.member.key not in front]
    assert {others[0], others[-1]} <= set(at) and max(np.diff([0, *at, len(seen)])) < len(seen) / 3
    assert _told(seen[:12], REFERENCE) == seen[:12]


def test_limits_are_kept_and_a_space_is_left_only_when_it_is_used_up() -> None:
    costs = sorted(known(COMPACT.sample(Random(i))).costs["macs"] for i in range(40))
    sampler = GrammarSampler(COMPACT, describe, REFERENCE, limits={"macs": costs[1]}, seed=1, startup=3)
    study = study_of(sampler)
    run(study, 8)
    later = study.trials[4:]
    assert all(known(COMPACT.replay(trial.params)).costs["macs"] <= costs[1] for trial in later)


@rule("network", width=Choice((1, 2, 3, 4)), kernel=Choice((1, 3)))
def small(g: GraphBuilder, *, width: int, kernel: int) -> list[Node]:
    return [g.add(Conv(1, kernel=1), g.add(Conv(width, kernel=kernel), g.image))]


def test_nothing_is_repeated_while_there_is_something_new() -> None:
    space = SearchSpace("small", 1, small)
    reference = Reference({"dice": 0.0, "macs": 1e9})

    def of(architecture: Architecture, decisions: Mapping[str, Option]) -> Described:
        graph = nas.build(architecture, (3, 32, 32))
        costs = asdict(nas.cost(graph))
        return Described(graph.key(), costs, features_of(decisions, costs, graph))

    study = study_of(GrammarSampler(space, of, reference, seed=0, startup=3))
    keys = []
    for number in range(10):
        trial = study.ask()
        architecture = space.derive(trial.suggest_categorical)  # type: ignore[arg-type]
        keys.append(of(architecture, trial.params).key)
        study.tell(trial, [0.1 * number, float(trial.params["width"] * trial.params["kernel"])])
    assert len(set(keys[:8])) == 8 == len(set(keys))


def test_evolution_changes_the_best_of_the_young() -> None:
    study = study_of(EvolutionSampler(COMPACT, REFERENCE, COMPACT.sample, seed=0))
    run(study, POPULATION + 15)
    for trial in study.trials[POPULATION:]:
        young = study.trials[trial.number - POPULATION : trial.number]
        apart = [sum(trial.params[path] != other.params[path] for path in trial.params) for other in young]
        assert min(apart) <= 1
    early, late = (
        sum(values_of(t, OBJECTIVES)["dice"] for t in part) for part in (study.trials[:15], study.trials[-15:])
    )
    assert late > early


@pytest.mark.parametrize(("kind", "name"), [(NSGAIISampler, "NSGAIISampler"), (NSGAIIISampler, "NSGAIIISampler")])
def test_genetic_algorithms_find_their_generations(kind: type[NSGAIISampler], name: str) -> None:
    """The attribute is Optuna's: were it renamed, every trial would be of the first generation, drawn at random."""
    first = study_of(optuna.samplers.RandomSampler(seed=0))
    run(first, 43)
    trials = first.trials
    trials[0] = create_trial(state=TrialState.FAIL)
    with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):
        sampler = kind(population_size=20, seed=0)
    study = study_of(sampler)
    study.add_trials(_in_generations(trials, f"{name}:generation"))
    assert [len(sampler.get_population(study, generation)) for generation in range(4)] == [20, 20, 2, 0]
    assert sampler.get_trial_generation(study, study.ask().__dict__["_cached_frozen_trial"]) == 2


def test_a_latency_is_predicted_from_exact_costs_on_a_log_scale() -> None:
    members = [known(COMPACT.sample(Random(i))) for i in range(30)]
    milliseconds = [1e-7 * member.costs["macs"] for member in members]
    seen = [
        Evidence({}, member, 0.5, 0.0, True, {"latency_ms": value})
        for member, value in zip(members[:20], milliseconds, strict=False)
    ]
    found = log_costs(members, seen, ["latency_ms", "macs"])
    assert 10 ** found[20:, 0] == pytest.approx(milliseconds[20:], rel=0.15)
    assert 10 ** found[:, 1] == pytest.approx([member.costs["macs"] for member in members])
    assert log_costs(members, [], ["latency_ms"]).tolist() == [[0.0]] * 30
