"""A space with further rules: wherever it chooses among rules of their kind, they are alternatives too."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from nas.errors import SpaceError
from nas.grammar import OneOf, Repeat, Rule, Spec, leaves
from nas.space import SearchSpace

__all__ = ["extended", "reachable"]


def extended(space: SearchSpace, rules: Sequence[Rule]) -> SearchSpace:
    """Return the space with each rule in every choice of its kind; it has all members of the given one.

    A choice of a kind is a OneOf of two or more rules of it. One of Repeats, each of one rule, gets a Repeat of the new
    rule, `all_<name>`. Where a space has no choice of the kind, its slots of one fixed rule become choices between
    that rule and the new one. A stage stands where blocks do. The order of `rules` does not matter.

    Raises SpaceError for a rule that has no place in the space, whose name is a label there, or that does not give
    later parts what the others of its kind give.
    """
    added = sorted(rules, key=lambda rule: rule.name)
    twice = [rule.name for rule, other in zip(added, added[1:], strict=False) if rule.name == other.name]
    if twice:
        raise SpaceError(f"{space.label}: two rules are named '{twice[0]}'; rename one")
    made = _Extension(space, added).root()
    return replace(space, name="+".join([space.name, *(rule.name for rule in added)]), root=made)


def reachable(spec: Spec) -> Iterator[Rule]:
    """Yield the rules that `spec` may come to, and those in their slots."""
    for leaf in leaves(spec):
        if isinstance(leaf, Rule):
            yield leaf
            for option in leaf.options.values():
                yield from reachable(option)


class _Extension:
    """One pass through a grammar. What stands in several places of it is changed once and stays one object."""

    def __init__(self, space: SearchSpace, rules: Sequence[Rule]):
        self._space = space
        self._by_kind: dict[str, list[Rule]] = {}
        for rule in rules:
            self._by_kind.setdefault(_place(rule.kind), []).append(rule)
        self._fixed = {kind for kind in self._by_kind if not any(_chooses(s, kind) for s in _specs(space.root))}
        self._made: dict[int, Spec] = {}
        self._placed: set[str] = set()

    def root(self) -> Rule:
        """Return the changed grammar."""
        made = self._of(self._space.root)
        assert isinstance(made, Rule)
        for kind in set(self._by_kind) - self._placed:
            rule = self._by_kind[kind][0]
            kinds = sorted({leaf.kind for leaf in reachable(self._space.root)} - {"network", "stage"})
            raise SpaceError(
                f"{rule.name}: {self._space.label} has no place for a {rule.kind}; it has places for {', '.join(kinds)}"
            )
        return made

    def _of(self, spec: Spec) -> Spec:
        if id(spec) not in self._made:
            self._made[id(spec)] = self._changed(spec)
        return self._made[id(spec)]

    def _changed(self, spec: Spec) -> Spec:
        if isinstance(spec, Rule):
            options = {name: self._slot(option) for name, option in spec.options.items()}
            return replace(spec, options=options)
        if isinstance(spec, Repeat):
            return replace(spec, spec=self._slot(spec.spec))
        if isinstance(spec, tuple):
            return tuple([self._slot(part) for part in spec])
        return self._choice(spec) if isinstance(spec, OneOf) else spec

    def _slot(self, spec: Spec) -> Spec:
        """Return what stands in a slot, opened if it is a fixed rule of a kind that the space never chooses."""
        made = self._of(spec)
        if not isinstance(spec, Rule) or spec.kind not in self._fixed:
            return made
        return self._joined({spec.name: made}, {rule.name: rule for rule in self._by_kind[spec.kind]}, spec.name)

    def _choice(self, spec: OneOf) -> OneOf:
        made = OneOf(**{label: self._of(alternative) for label, alternative in spec.alternatives.items()})
        for kind, rules in self._by_kind.items():
            plain, repeated = _plain(spec, kind), _repeated(spec, kind)
            if plain:
                made = self._joined(made.alternatives, {rule.name: rule for rule in rules}, plain[-1])
            if repeated:
                like = spec.alternatives[repeated[-1]]
                assert isinstance(like, Repeat)
                pure: dict[str, Spec] = {f"all_{rule.name}": replace(like, spec=rule) for rule in rules}
                made = self._joined(made.alternatives, pure, repeated[-1])
        return made

    def _joined(self, old: "dict[str, Spec]", new: "dict[str, Spec] | dict[str, Rule]", after: str) -> OneOf:
        """Return a OneOf with `new` behind the alternative `after`."""
        for label, spec in new.items():
            rule = next(leaf for leaf in leaves(spec) if isinstance(leaf, Rule))
            if label in old:
                raise SpaceError(f"{rule.name}: '{label}' is an option of {self._space.label} already; rename the rule")
            given = [set(leaf.gives) for each in old.values() for leaf in leaves(each) if isinstance(leaf, Rule)]
            missing = sorted(set.intersection(*given) - set(rule.gives))
            if missing:
                raise SpaceError(
                    f"{rule.name}: does not give '{missing[0]}', which every {rule.kind} of {self._space.label} "
                    f"tells the parts behind it; add gives={{'{missing[0]}': ...}} to its decorator"
                )
            self._placed.add(_place(rule.kind))
        labels = list(old)
        at = labels.index(after) + 1
        order = [*labels[:at], *new, *labels[at:]]
        return OneOf(**{label: old[label] if label in old else new[label] for label in order})


def _place(kind: str) -> str:
    return "block" if kind == "stage" else kind


def _specs(spec: Spec) -> Iterator[Spec]:
    yield spec
    parts: Sequence[Spec] = ()
    if isinstance(spec, Rule):
        parts = tuple(spec.options.values())
    elif isinstance(spec, OneOf):
        parts = tuple(spec.alternatives.values())
    elif isinstance(spec, Repeat):
        parts = (spec.spec,)
    elif isinstance(spec, tuple):
        parts = spec
    for part in parts:
        yield from _specs(part)


def _chooses(spec: Spec, kind: str) -> bool:
    return isinstance(spec, OneOf) and bool(_plain(spec, kind) or _repeated(spec, kind))


def _plain(spec: OneOf, kind: str) -> list[str]:
    """Return the labels of the rules among which `spec` chooses; none unless they are of two rules of the kind.

    An alternative that is a choice of the kind itself is left out: the rule gets its place in there.
    """
    own = {label: each for label, each in spec.alternatives.items() if not _chooses(each, kind)}
    return _if_two({label: _names(each, kind) for label, each in own.items()})


def _repeated(spec: OneOf, kind: str) -> list[str]:
    """Return the labels of Repeats of one rule each; none unless they are of two rules of the kind."""
    repeats = {label: each for label, each in spec.alternatives.items() if isinstance(each, Repeat)}
    pure = {label: each for label, each in repeats.items() if not _chooses(each.spec, kind)}
    alike = len({(each.times, each.shared) for each in pure.values()}) == 1
    return _if_two({label: _names(each.spec, kind) for label, each in pure.items()}) if alike else []


def _names(spec: Spec, kind: str) -> set[str]:
    """Return the names of the rules of the kind that may stand in a slot of `spec`."""
    if isinstance(spec, OneOf):
        return set().union(*(_names(each, kind) for each in spec.alternatives.values()))
    return {spec.name} if isinstance(spec, Rule) and spec.kind == kind else set()


def _if_two(names: dict[str, set[str]]) -> list[str]:
    found = [label for label, own in names.items() if own]
    return found if len(set().union(*names.values())) > 1 else []
