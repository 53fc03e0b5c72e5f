"""A search space: a named, versioned grammar to draw from, to change members of, and to find published networks in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from random import Random

from nas.architecture import Architecture
from nas.derivation import Choose, Counting, check_facts, derive
from nas.derivation import decisions as _decisions
from nas.errors import DecisionError, SpaceError
from nas.grammar import Choice, OneOf, Option, Repeat, Rule, Spec

__all__ = ["Decisions", "SearchSpace"]

Decisions = Mapping[str, Option]


@dataclass(frozen=True)
class SearchSpace:
    """A closed set of architectures, each legal for inputs of at least `min_side` pixels, odd sizes too.

    name, version: stored with every study; a changed grammar is a new version.
    root: the grammar's network rule with its open options.
    """

    name: str
    version: int
    root: Rule
    min_side: int = 32

    def __post_init__(self) -> None:
        if self.root.kind != "network":
            raise SpaceError(f"space {self.name}: the root must be a network, {self.root.name} is a {self.root.kind}")
        check_facts(self.root)

    @property
    def label(self) -> str:
        """Name and version, as studies store them: `unet@1`."""
        return f"{self.name}@{self.version}"

    def derive(self, choose: Choose) -> Architecture:
        """Return the architecture that `choose(path, options)` decides on."""
        architecture = derive(self.root, choose)
        assert isinstance(architecture, Architecture)
        return architecture

    def decisions(self, architecture: Architecture) -> dict[str, Option]:
        """Return decisions that replay to `architecture`. Raises SpaceError naming the deepest mismatch."""
        return _decisions(self.root, architecture)

    def replay(self, decisions: Decisions) -> Architecture:
        """Return the architecture of recorded decisions. Raises DecisionError for a missing, wrong or unknown one."""
        used: list[str] = []

        def recorded(path: str, options: tuple[Option, ...]) -> Option:
            if path not in decisions:
                raise DecisionError(f"space {self.label}: decisions miss '{path}'; it is one of {options}")
            used.append(path)
            value = decisions[path]
            for option in options:
                if option == value and type(option) is type(value):
                    return option
            raise DecisionError(f"space {self.label}: '{path}' is {value!r}; it must be one of {options}")

        architecture = self.derive(recorded)
        if len(used) < len(decisions):
            unknown = min(set(decisions) - set(used))
            near = get_close_matches(unknown, used, 1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise DecisionError(f"space {self.label}: no decision '{unknown}' is reached{hint}")
        return architecture

    def sample(self, rng: Random) -> Architecture:
        """Draw top-down, alternatives equally likely. Never fails, never retries."""
        return self.derive(lambda path, options: rng.choice(options))

    def mutate(self, architecture: Architecture, rng: Random) -> Architecture:
        """Return a member with one decision changed; what the change opens anew is drawn, the rest stays."""
        mine = self.decisions(architecture)
        offered: dict[str, tuple[Option, ...]] = {}

        def remember(path: str, options: tuple[Option, ...]) -> Option:
            offered[path] = options
            return mine[path]

        self.derive(remember)
        open_paths = [path for path, options in offered.items() if len(options) > 1]
        if not open_paths:
            raise SpaceError(f"space {self.label} has one member only; there is nothing to mutate")
        changed = rng.choice(open_paths)
        other = rng.choice([option for option in offered[changed] if option != mine[changed]])
        return self.derive(_kept(mine | {changed: other}, rng))

    def crossover(self, mine: Architecture, mate: Architecture, rng: Random) -> Architecture:
        """Return `mine` with one decision, and all below it, taken from `mate`."""
        kept, theirs = self.decisions(mine), self.decisions(mate)
        shared = [path for path in kept if path in theirs]
        if not shared:
            return mine
        at = rng.choice(shared)
        graft = {path: option for path, option in theirs.items() if path == at or path.startswith(at + ".")}
        return self.derive(_kept(kept | graft, rng))

    def options(self) -> dict[str, tuple[Option, ...]]:
        """Return what every decision offers, by path; `*` stands for the places of a repeated slot."""
        return dict(_offered(self.root, ""))

    def size(self) -> int:
        """Return the number of derivations, counted exactly."""
        return Counting(self.root).total()


def _offered(spec: Spec, path: str) -> Iterator[tuple[str, tuple[Option, ...]]]:
    def below(name: str) -> str:
        return f"{path}.{name}" if path else name

    if isinstance(spec, Choice):
        yield path, spec.values
    elif isinstance(spec, OneOf):
        yield path, spec.labels
        for label, alternative in spec.alternatives.items():
            yield from _offered(alternative, below(label))
    elif isinstance(spec, Repeat):
        yield from _offered(spec.spec, path if spec.shared else below("*"))
    elif isinstance(spec, Rule):
        for name, option in spec.options.items():
            yield from _offered(option, below(name))
    elif isinstance(spec, tuple):
        for i, part in enumerate(spec):
            yield from _offered(part, below(str(i)))


def _kept(recorded: Decisions, rng: Random) -> Choose:
    """Return a choose that takes the recorded option where it fits and draws elsewhere."""

    def choose(path: str, options: tuple[Option, ...]) -> Option:
        if path in recorded and recorded[path] in options:
            return recorded[path]
        return rng.choice(options)

    return choose
