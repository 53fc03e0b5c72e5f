"""Regularized evolution on the grammar: a change of the best of a few young members; the old die, however good.

Source: Real et al., AAAI 2019, arXiv:1802.01548. Differs: the best of a tournament is of the first non-dominated rank,
one of them at random, as there are several objectives.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random

from optuna.trial import FrozenTrial, TrialState

from nas.architecture import Architecture
from nas.grammar import Option
from nas.space import SearchSpace
from studies.front import Reference, ranks_of
from studies.records import values_of
from studies.samplers.whole import WholeSampler

__all__ = ["EvolutionSampler"]

POPULATION, TOURNAMENT = 20, 5


class EvolutionSampler(WholeSampler):
    """Optuna's interface to it. draw: a fresh member; the first `POPULATION` are."""

    def __init__(self, space: SearchSpace, reference: Reference, draw: Callable[[Random], Architecture], seed: int = 0):
        super().__init__(seed)
        self._space, self._reference, self._draw = space, reference, draw

    def propose(self, trials: Sequence[FrozenTrial], rng: Random) -> Mapping[str, Option]:
        """Return the decisions of a change of a tournament's winner."""
        alive = [trial for trial in trials if trial.state == TrialState.COMPLETE][-POPULATION:]
        if len(alive) < POPULATION:
            return self._space.decisions(self._draw(rng))
        few = rng.sample(alive, TOURNAMENT)
        ranks = ranks_of([values_of(trial, tuple(self._reference.values)) for trial in few], self._reference)
        parent = rng.choice([trial for trial, rank in zip(few, ranks, strict=True) if rank == min(ranks)])
        changed = self._space.mutate(self._space.replay(parent.params), rng)
        return self._space.decisions(changed)
