"""What to try next: published members first, then what the sampler says to the record, screened outside of it.

A proposal depends on the record, the study's seed and the trial's number alone, so that a search that was killed goes
on with the proposal it would have made. Optuna's trials exist in memory only until a candidate is admitted.
"""

from collections.abc import Iterator, Mapping, Sequence
from random import Random

from optuna.trial import FrozenTrial, TrialState

from nas.architecture import Architecture
from nas.errors import NasError
from nas.sampling import Sampler
from search_spaces import published
from studies.config import StudyConfig
from studies.front import Reference
from studies.samplers.making import Maker
from studies.screening import Screen, Verdict

__all__ = ["NothingFeasible", "Proposer", "members", "nothing_feasible"]

SAMPLER_DRAWS = 50
GP_DRAWS = 5  # each fits Optuna's processes anew, which takes seconds; told of a repeat, it proposes it again
MUTATION_DRAWS = 200
RANDOM_DRAWS = 3_000
MEASURED_DRAWS = 100  # refused after their latency was measured, which takes about a second each


class NothingFeasible(NasError):
    """No new architecture of the space keeps the constraints, as far as drawing can tell."""


def members(screen: Screen) -> list[tuple[str, Architecture]]:
    """Return the published networks that are members of the space, cheapest (MACs) first."""
    found = []
    for name, architecture in published.items():
        try:
            candidate = screen.candidate(architecture, f"published:{name}")
        except NasError:
            continue  # not a member of this space
        found.append((candidate.cost.macs, name, architecture))
    return [(name, architecture) for _, name, architecture in sorted(found, key=lambda row: row[:2])]


def nothing_feasible(sampler: Sampler, constraints: Mapping[str, str]) -> NothingFeasible:
    """Return the fault of a space of which no family could be made feasible."""
    nearest = min(sampler.surveys, key=lambda survey: survey.excess)
    came = ", ".join(f"{metric} {value:.4g}" for metric, value in nearest.costs.items())
    return NothingFeasible(
        f"space {sampler.space.label}: none of {sum(survey.draws for survey in sampler.surveys)} random and mended "
        f"architectures is feasible; nearest: {nearest.name} with {came}; constraints: {_listed(constraints)}; "
        f"loosen them"
    )


def _listed(constraints: Mapping[str, str]) -> str:
    return ", ".join(f"{metric} {text}" for metric, text in constraints.items()) or "none"


class Proposer:
    """Finds the next admitted candidate of a study."""

    def __init__(self, screen: Screen, config: StudyConfig, reference: Reference, opening: Sequence[str] = ()):
        self._opening = opening
        self._screen = screen
        self._config = config
        self._maker = Maker(config.sampler.name, screen, reference, config.seed)

    def next(self, trials: Sequence[FrozenTrial]) -> Verdict:
        """Return an admitted candidate that no trial has tried. Raises NothingFeasible if drawing finds none."""
        known = {str(trial.user_attrs["key"]) for trial in trials}
        slow = 0
        for verdict in self._proposals(trials, known):
            if verdict.admitted:
                return verdict
            slow += verdict.measured
            if slow == MEASURED_DRAWS:
                break
        raise NothingFeasible(
            f"space {self._screen.space.label}: up to {RANDOM_DRAWS} random draws, the latency of {slow} of them "
            f"measured or foretold, and none is new and feasible; "
            f"constraints: {_listed(self._config.constraints)}; loosen them"
        )

    def _proposals(self, trials: Sequence[FrozenTrial], known: set[str]) -> Iterator[Verdict]:
        yield from self._published(known)
        rng = Random(f"{self._config.seed}:{len(trials)}")
        if self._config.sampler.name != "random" and len(trials) >= self._config.sampler.startup:
            yield from self._sampled(trials, known, rng)
            yield from self._mutated(trials, known, rng)
        sampler = self._screen.sampler
        if len(sampler.refused) == len(sampler.surveys):
            raise nothing_feasible(sampler, self._config.constraints)
        for _ in range(RANDOM_DRAWS):
            yield self._judge(sampler.draw(rng), "random", known)

    def _judge(self, architecture: Architecture, origin: str, known: set[str]) -> Verdict:
        return self._screen.judge(self._screen.candidate(architecture, origin), known)

    def _published(self, known: set[str]) -> Iterator[Verdict]:
        for name in self._opening:
            candidate = self._screen.candidate(published[name], f"published:{name}")
            if candidate.key not in known | self._screen.refused and self._screen.feasible(candidate):
                yield self._screen.judge(candidate, known)

    def _sampled(self, trials: Sequence[FrozenTrial], known: set[str], rng: Random) -> Iterator[Verdict]:
        """Ask the sampler. It is told infeasible proposals as pruned, to leave their region; of duplicates nothing."""
        sampler = self._maker.asks(trials, rng)
        for _ in range(GP_DRAWS if self._config.sampler.name == "gp" else SAMPLER_DRAWS):
            verdict = self._judge(sampler.ask(), self._config.sampler.name, known)
            yield verdict
            sampler.refuse(TrialState.FAIL if verdict.duplicate else TrialState.PRUNED)

    def _mutated(self, trials: Sequence[FrozenTrial], known: set[str], rng: Random) -> Iterator[Verdict]:
        parents = [trial for trial in trials if trial.state == TrialState.COMPLETE]
        for _ in range(MUTATION_DRAWS if parents else 0):
            parent = self._screen.space.replay(rng.choice(parents).params)
            yield self._judge(self._screen.space.mutate(parent, rng), "mutation", known)
