"""Families that no draw could make feasible, as a study's log keeps them and as the terminal says them."""

from collections.abc import Iterator
from typing import NamedTuple

from nas.sampling import Sampler
from studies.cost_tables import short

__all__ = ["RefusedFamily", "lines_of", "refused_families"]


class RefusedFamily(NamedTuple):
    """A family, how many of its members were costed, and the limited costs of the one nearest to the limits."""

    family: str
    draws: int
    nearest: dict[str, float]


def refused_families(sampler: Sampler) -> list[RefusedFamily]:
    """Return the families of which no draw kept the limits."""
    return [RefusedFamily(survey.name, survey.draws, dict(survey.costs)) for survey in sampler.refused]


def lines_of(refused: list[RefusedFamily], families: int) -> Iterator[str]:
    """Yield what a person should know of them; nothing where there are none. families: how many the space has."""
    if refused:
        yield f"{len(refused)} of {families} families have no feasible member, as far as was found:"
    for family, draws, nearest in refused:
        costs = ", ".join(f"{metric} {short(value)}" for metric, value in nearest.items())
        yield f"  {family}: {draws} costed, nearest {costs}"
