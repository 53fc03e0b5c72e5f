"""`nas search --dry-run`: what a study would cost, from drawn members and a few timed training steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from studies.config import StudyConfig
from studies.families import RefusedFamily, refused_families
from studies.foretelling import full_trainings, seconds_per_trial
from studies.material import Material
from studies.pretrained import Pretrained
from studies.proposing import nothing_feasible
from studies.screening import Candidate, Screen

__all__ = ["Rehearsal", "rehearse"]

DRAWN = 300
PROPOSED = 100  # drawn as the search draws, under the constraints
TIMED = 3
BYTES_PER_PARAMETER_KEPT = 4
PICTURE_BYTES_PER_PIXEL = 40  # eight colour images of noise with three small pictures each, as base64


@dataclass(frozen=True)
class Rehearsal:
    """What `rehearse` found.

    size: derivations in the space. feasible_share: of plain draws, by the exact costs (latency is not measured).
    refused: families that no draw could make feasible. families: how many the space has.
    pretrained_share: of the feasible draws, those that begin with published weights; None where the study has none.
    seconds_per_trial: cheapest, median and dearest by MACs of the feasible draws; macs: theirs.
    fitting_trials: trials that fit the hours, None without an hour limit. disk_bytes: upper estimate.
    """

    size: int
    feasible_share: float
    refused: list[RefusedFamily]
    families: int
    pretrained_share: float | None
    macs: tuple[int, ...]
    seconds_per_trial: tuple[float, ...]
    total_seconds: float
    fitting_trials: int | None
    disk_bytes: int


def rehearse(
    config: StudyConfig, screen: Screen, material: Material, slots: int, pretrained: Pretrained | None = None
) -> Rehearsal:
    """Draw, cost and time members. Raises NothingFeasible if no draw keeps the constraints."""
    rng = Random(config.seed)
    drawn = [screen.candidate(screen.space.sample(rng), "rehearsal") for _ in range(DRAWN)]
    feasible_share = sum(map(screen.feasible, drawn)) / DRAWN
    sampler = screen.sampler
    if len(sampler.refused) == len(sampler.surveys):
        raise nothing_feasible(sampler, config.constraints)
    proposed = (screen.candidate(sampler.draw(rng), "rehearsal") for _ in range(PROPOSED))
    feasible = sorted(proposed, key=lambda c: c.cost.macs)
    timed = [feasible[(len(feasible) - 1) * i // (TIMED - 1)] for i in range(TIMED)]
    seconds = tuple(seconds_per_trial(candidate, config, material) for candidate in timed)
    hours, share = config.budget.hours, full_trainings(config, len(material.training), 1)
    typical = seconds[TIMED // 2]
    return Rehearsal(
        size=screen.space.size(),
        feasible_share=feasible_share,
        refused=refused_families(sampler),
        families=len(sampler.surveys),
        pretrained_share=None if pretrained is None else _pretrained_share(pretrained, feasible),
        macs=tuple(candidate.cost.macs for candidate in timed),
        seconds_per_trial=seconds,
        total_seconds=typical * share * config.budget.trials / slots,
        fitting_trials=None if hours is None else int(3600 * hours * slots / (typical * share)),
        disk_bytes=_disk_bytes(config, feasible),
    )


def _pretrained_share(pretrained: Pretrained, feasible: Sequence[Candidate]) -> float:
    return sum(bool(pretrained.encoder.match(candidate.graph).used) for candidate in feasible) / len(feasible)


def _disk_bytes(config: StudyConfig, feasible: Sequence[Candidate]) -> int:
    """Weights and pictures of at most every trial, the kept checkpoints, some text per trial.

    A checkpoint holds weights, their average and two moments.
    """
    largest = max(candidate.cost.params for candidate in feasible)
    typical = feasible[len(feasible) // 2].cost.params
    text, pictures = 200_000, PICTURE_BYTES_PER_PIXEL * config.train.size**2
    checkpoints = 4 * (largest + min(config.rungs.keep, config.budget.trials) * typical)
    per_trial = BYTES_PER_PARAMETER_KEPT * typical + pictures + text
    return BYTES_PER_PARAMETER_KEPT * checkpoints + per_trial * config.budget.trials
