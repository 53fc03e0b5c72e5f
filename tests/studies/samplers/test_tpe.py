"""Optuna's TPE, asked for the groups of decisions that are reached: the same groups and the same proposals."""

import warnings

import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, TPESampler
from optuna.search_space import _GroupDecomposedSearchSpace
from optuna.trial import TrialState

from studies.samplers.tpe import ReachedTPE


def grouped(seed: int) -> TPESampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return TPESampler(seed=seed, multivariate=True, group=True, n_startup_trials=1)


def values(trial: optuna.Trial) -> list[float]:
    """Return Dice and a cost of a network with a block, and what that block alone decides on."""
    block = trial.suggest_categorical("block", ("conv", "hard", "amse"))
    trial.suggest_categorical("only", (1,))
    good = {"conv": 0.0, "hard": 0.2, "amse": 0.1}[str(block)]
    if block == "hard":
        good += {"a": 0.1, "b": 0.0, "c": 0.05}[str(trial.suggest_categorical("hard.links", ("a", "b", "c")))]
        good += 0.05 * int(trial.suggest_categorical("hard.layers", (1, 2, 3)))
    if block == "amse":
        good += 0.1 * int(trial.suggest_categorical("amse.strips", (0, 1)))
    width = int(trial.suggest_categorical("width", (8, 16, 32)))
    return [good + 0.01 * width, width * (1 + good)]


def history(trials: int) -> optuna.Study:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(trials):
        trial = study.ask()
        found = values(trial)
        if trial.number % 7 == 3:
            study.tell(trial, state=TrialState.FAIL)
        elif trial.params["block"] == "amse":
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, found)
    return study


def asked(known: optuna.Study, sampler: BaseSampler, draws: int = 1) -> list[dict[str, object]]:
    """Return what the sampler says to the same history so many times."""
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    study.add_trials(known.trials)
    found = []
    for _ in range(draws):
        trial = study.ask()
        values(trial)
        found.append(trial.params)
        study.tell(trial, state=TrialState.FAIL)  # nothing is learnt from it
    return found


def test_groups_are_optunas() -> None:
    study = history(40)
    expected = _GroupDecomposedSearchSpace(include_pruned=True).calculate(study).search_spaces
    sampler = ReachedTPE(0)
    sampler.before_trial(study, study.ask()._get_latest_trial())
    found = {frozenset(group) for group in sampler._groups.values()}
    assert found == {frozenset(group) - {"only"} for group in expected}
    assert frozenset({"hard.links", "hard.layers"}) in found


@pytest.mark.parametrize("trials", [5, 25])
def test_without_conditions_it_says_what_optunas_says(trials: int) -> None:
    def plain(trial: optuna.Trial) -> list[float]:
        width = int(trial.suggest_categorical("width", (8, 16, 32)))
        return [width * int(trial.suggest_categorical("depth", (1, 2, 3))), width]

    for seed in range(3):
        said = []
        for sampler in (ReachedTPE(seed), grouped(seed)):
            study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
            said.append([(t.params, t.values) for t in _run(study, plain, trials)])
        assert said[0] == said[1]


def _run(study: optuna.Study, objective: object, trials: int) -> list[optuna.trial.FrozenTrial]:
    study.optimize(objective, n_trials=trials)  # type: ignore[arg-type]
    return study.trials


def test_with_conditions_the_group_that_it_begins_with_is_as_optunas() -> None:
    met: set[tuple[object, object]] = set()
    for study in map(history, range(1, 13)):
        ours, theirs = (
            [(params["block"], params["width"]) for seed in range(3) for params in asked(study, kind(seed))]
            for kind in (ReachedTPE, grouped)
        )
        assert ours == theirs
        met |= set(ours)
    assert len(met) > 3


def test_what_no_trial_has_decided_on_is_drawn() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    distribution = CategoricalDistribution(("conv", "hard", "amse"))
    study.add_trial(
        optuna.trial.create_trial(values=[0.5, 1.0], params={"block": "conv"}, distributions={"block": distribution})
    )
    assert {params["width"] for params in asked(study, ReachedTPE(0), 30)} == {8, 16, 32}


def test_a_proposal_does_not_reach_into_the_next() -> None:
    found = asked(history(2), ReachedTPE(0), 40)
    assert len({str(params) for params in found}) > 1
