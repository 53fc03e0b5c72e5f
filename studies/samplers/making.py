"""Samplers by name, each told a study's trials. `studies/proposing.py` drops what they repeat."""

import warnings
from collections.abc import Mapping, Sequence
from random import Random

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, GPSampler, NSGAIIISampler, NSGAIISampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from evaluators.metrics import METRICS
from nas.architecture import Architecture
from nas.grammar import Option
from studies.front import Reference
from studies.samplers.asking import AskingStudy, AskingWhole, Asks
from studies.samplers.evidence import Described
from studies.samplers.evolution import EvolutionSampler
from studies.samplers.features import features_of
from studies.samplers.grammar import GrammarSampler
from studies.samplers.tpe import ReachedTPE
from studies.samplers.whole import WholeSampler
from studies.screening import Screen

__all__ = ["Maker"]

POPULATION = 20  # of Optuna's genetic algorithms, whose 50 would leave few generations to some hundred trials
_GENERATION = "{}:generation"  # the attribute by which they know whose parents a trial belongs to


class Maker:
    """Makes the samplers of one study. What its own sampler found out about members is kept between proposals."""

    def __init__(self, name: str, screen: Screen, reference: Reference, seed: int):
        self._name, self._screen, self._reference = name, screen, reference
        self._own = GrammarSampler(
            screen.space,
            self._described,
            reference,
            limits=screen.exact_limits,
            draw=screen.sampler.draw,
            seed=seed,
            startup=0,
        )

    def asks(self, trials: Sequence[FrozenTrial], rng: Random) -> Asks:
        """Return a freshly seeded sampler that knows these trials."""
        sampler = self._sampler(rng.randrange(2**32))
        if isinstance(sampler, WholeSampler):
            return AskingWhole(sampler, self._screen.space, self._told(trials))
        directions = [METRICS[name].direction for name in self._reference.values]
        study = optuna.create_study(directions=directions, sampler=sampler)
        study.add_trials(self._told(trials))
        return AskingStudy(study, self._screen.space)

    def _sampler(self, seed: int) -> BaseSampler:
        match self._name:
            case "grammar":
                return self._own
            case "evolution":
                return EvolutionSampler(self._screen.space, self._reference, self._screen.sampler.draw, seed)
            case "nsga2":
                return NSGAIISampler(population_size=POPULATION, seed=seed)
            case "nsga3":
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", ExperimentalWarning)  # it is; our tests cover its behaviour
                    return NSGAIIISampler(population_size=POPULATION, seed=seed)
            case "gp":
                return GPSampler(seed=seed, n_startup_trials=1, warn_independent_sampling=False)
            case _:
                return ReachedTPE(seed)

    def _told(self, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """Return the trials as the sampler should see them. Curves and rungs mean something to our own alone."""
        if self._name == "grammar":
            return list(trials)
        told = [_as_pruned(trial) if trial.user_attrs.get("paused") else trial for trial in trials]
        genetic = {"nsga2": NSGAIISampler, "nsga3": NSGAIIISampler}.get(self._name)
        return _in_generations(told, _GENERATION.format(genetic.__name__)) if genetic else told

    def _described(self, architecture: Architecture, decisions: Mapping[str, Option]) -> Described:
        candidate = self._screen.candidate(architecture, self._name)
        costs = self._screen.exact_costs(candidate)
        return Described(candidate.key, costs, features_of(decisions, costs, candidate.deployed))


def _as_pruned(trial: FrozenTrial) -> FrozenTrial:
    """Return a trial that waits at a rung as one that was stopped there: so far others were better."""
    return create_trial(state=TrialState.PRUNED, params=trial.params, distributions=trial.distributions)


def _in_generations(trials: Sequence[FrozenTrial], attribute: str) -> list[FrozenTrial]:
    """Return the trials with the generation of each that has ended well, `POPULATION` in one.

    The record does not hold it: Optuna would count all of them to the first generation, which has no parents.
    """
    told, ended = [], 0
    for trial in trials:
        if trial.state == TrialState.COMPLETE:
            trial = create_trial(
                state=trial.state,
                values=trial.values,
                params=trial.params,
                distributions=trial.distributions,
                system_attrs={attribute: ended // POPULATION},
            )
            ended += 1
        told.append(trial)
    return told
