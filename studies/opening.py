"""The published networks that a study opens with: those that keep its limits, while they take a share of its budget.

How long a network trains is foretold from its exact costs, in units of the space's median feasible draw: by its MACs
or its memory traffic, whichever is more of the median's.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from nas.cost import Cost
from studies.config import StudyConfig
from studies.foretelling import full_trainings, seconds_per_trial
from studies.material import Material
from studies.proposing import members
from studies.screening import Candidate, Screen

__all__ = ["Opening"]

DRAWN = 100


@dataclass(frozen=True)
class Opening:
    """Names of published networks, in the order in which they are tried, and why others are not."""

    tried: tuple[str, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def plan(cls, config: StudyConfig, screen: Screen, material: Material) -> "Opening":
        """Choose members, cheapest first. Those that keep the limits and cost too much of the budget are named."""
        fitting = []
        for name, architecture in members(screen) if config.start.published else ():
            candidate = screen.candidate(architecture, f"published:{name}")
            if screen.feasible(candidate):
                fitting.append((name, candidate))
        if not fitting:
            return cls()
        if config.start.max_share is None:
            return cls(tuple(name for name, _ in fitting))
        typical = _typical(screen, config)
        allowed = config.start.max_share * _budget(config, typical, material)
        tried: list[str] = []
        skipped, spent = {}, 0.0
        for name, candidate in fitting:
            share = _relative(candidate.cost, typical.cost)
            if spent + share <= allowed:
                tried.append(name)
                spent += share
            else:
                skipped[name] = (
                    f"would train as long as {share:.1f} typical draws; {allowed:.1f} are start.max_share="
                    f"{config.start.max_share:g} of the budget"
                )
        return cls(tuple(tried), skipped)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Opening":
        """Read the stored form."""
        return cls(tuple(stored["tried"]), dict(stored["skipped"]))

    def stored(self) -> dict[str, object]:
        """Return the form for JSON."""
        return asdict(self)

    def said(self) -> list[str]:
        """Return the lines for the terminal."""
        first = [f"published networks first: {', '.join(self.tried)}"] if self.tried else []
        return first + [f"not tried: published {name}: {why}" for name, why in self.skipped.items()]


def _budget(config: StudyConfig, typical: Candidate, material: Material) -> float:
    """Return the budget in full trainings of the typical draw."""
    by_trials = full_trainings(config, len(material.training), config.budget.trials)
    hours = config.budget.device_hours or config.budget.hours
    if hours is None:
        return by_trials
    return min(by_trials, 3600 * hours / seconds_per_trial(typical, config, material))


def _typical(screen: Screen, config: StudyConfig) -> Candidate:
    """Return the median by MACs of the feasible draws; of all, where none is feasible."""
    rng = Random(config.seed)
    drawn = [screen.candidate(screen.space.sample(rng), "opening") for _ in range(DRAWN)]
    ordered = sorted(filter(screen.feasible, drawn), key=lambda c: c.cost.macs) or drawn
    return ordered[len(ordered) // 2]


def _relative(cost: Cost, typical: Cost) -> float:
    return max(cost.macs / typical.macs, cost.traffic_bytes / typical.traffic_bytes)
