"""Every member of a small space, with the chance that a draw from the top down has of it."""

from collections.abc import Iterator

from nas.architecture import Architecture
from nas.grammar import Option
from nas.space import SearchSpace

__all__ = ["listed"]


def listed(space: SearchSpace) -> Iterator[tuple[Architecture, float]]:
    """Multiply out the options of all decisions; the order depends on the grammar alone."""
    waiting: list[tuple[dict[str, Option], float]] = [({}, 1.0)]
    while waiting:
        made, chance = waiting.pop()
        asked: list[tuple[str, tuple[Option, ...]]] = []

        def choose(
            at: str,
            options: tuple[Option, ...],
            made: dict[str, Option] = made,
            asked: list[tuple[str, tuple[Option, ...]]] = asked,
        ) -> Option:
            if at not in made:
                asked.append((at, options))
            return made.get(at, options[0])

        architecture = space.derive(choose)
        if not asked:
            yield architecture, chance
        else:
            at, options = asked[0]
            waiting += [(made | {at: option}, chance / len(options)) for option in options]
