"""From a grammar to an architecture and back: derive, decisions, and the number of derivations.

`choose(path, options) -> option` is the only seam to whoever decides: `trial.suggest_categorical`, recorded decisions,
a random generator, a hypothesis draw. Paths hold option names, places in a Repeat and labels of a OneOf.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nas.architecture import Architecture
from nas.errors import SpaceError
from nas.grammar import Choice, Inherit, OneOf, Option, Repeat, Rule, Spec

__all__ = ["Choose", "decisions", "derive", "fixed"]

Choose = Callable[[str, tuple[Option, ...]], Option]


def derive(spec: Spec, choose: Choose, facts: Mapping[str, Any] | None = None, path: str = "") -> Any:
    """Return what `spec` comes to: an Architecture for a rule, a tuple for a Repeat, else a value."""
    known = facts or {}
    if isinstance(spec, Rule):
        return _derive_rule(spec, choose, known, path)
    if isinstance(spec, Repeat):
        times = spec.count(known)
        if spec.shared:
            return (derive(spec.spec, choose, known, path),) * times
        return tuple([derive(spec.spec, choose, known, _join(path, str(i))) for i in range(times)])
    if isinstance(spec, OneOf):
        label = str(choose(path, spec.labels))
        return derive(spec.alternatives[label], choose, known, _join(path, label))
    if isinstance(spec, Choice):
        return choose(path, spec.values)
    if isinstance(spec, Inherit):
        return known[spec.name]
    if isinstance(spec, tuple):
        return tuple([derive(part, choose, known, _join(path, str(i))) for i, part in enumerate(spec)])
    return spec


def _derive_rule(rule: Rule, choose: Choose, facts: Mapping[str, Any], path: str) -> Architecture:
    known, options = dict(facts), {}
    prefix = f"{path}." if path else ""
    value: Any
    for name, spec in rule.options.items():
        if type(spec) in _PLAIN:
            value = known[name] = spec
        elif type(spec) is Choice:
            value = known[name] = choose(prefix + name, spec.values)
        else:
            value = derive(spec, choose, known, prefix + name)
            known.update(_told(name, value))
        options[name] = value
    return Architecture(rule, options)


_PLAIN = frozenset({str, int, float, bool})


def _told(name: str, value: Any) -> dict[str, Any]:
    """What later options may read once this one is known: the value itself, or what the rule in the slot gives."""
    if isinstance(value, Architecture):
        return value.facts()
    return {} if isinstance(value, tuple) else {name: value}


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def fixed(rule: Rule) -> Architecture:
    """Return the one architecture of a rule without open options. Raises SpaceError naming an option that is open."""

    def refuse(path: str, options: tuple[Option, ...]) -> Option:
        raise SpaceError(f"{rule.name}: '{path}' is open {options}; a published network fixes every option")

    architecture = derive(rule, refuse)
    assert isinstance(architecture, Architecture)
    return architecture


class _Mismatch(Exception):
    """The architecture leaves the space here."""

    def __init__(self, path: str, text: str, *, nearer: bool = False):
        super().__init__(f"{path}: {text}")
        self.depth = path.count(".") + nearer


def decisions(spec: Spec, architecture: Architecture) -> dict[str, Option]:
    """Return the first decisions that derive `architecture`. Raises SpaceError naming the deepest mismatch."""
    try:
        return dict(_match(spec, architecture, {}, ""))
    except _Mismatch as miss:
        raise SpaceError(f"the architecture is no member of the space; closest: {miss}") from None


def _match(spec: Spec, value: Any, facts: Mapping[str, Any], path: str) -> dict[str, Option]:
    match spec:
        case Rule():
            return _match_rule(spec, value, facts, path)
        case OneOf():
            return _match_first(spec, value, facts, path)
        case Choice():
            return {path: _same_option(value, spec.values, path)}
        case Repeat():
            return _match_repeat(spec, value, facts, path)
        case tuple():
            return _match_each(spec, value, facts, path)
    wanted = facts[spec.name] if isinstance(spec, Inherit) else spec
    if (type(value), value) != (type(wanted), wanted):
        raise _Mismatch(path, f"the space has {_said(wanted)}, the architecture {_said(value)}")
    return {}


def _match_rule(rule: Rule, value: Any, facts: Mapping[str, Any], path: str) -> dict[str, Option]:
    if not isinstance(value, Architecture) or value.rule.name != rule.name:
        raise _Mismatch(path, f"the space has {rule.name}, the architecture {_said(value)}")
    if value.rule.emit is not rule.emit:  # a person's file, read again after it was changed
        raise _Mismatch(path, f"the architecture has another rule that is named {rule.name} as well", nearer=True)
    known = dict(facts)
    found: dict[str, Option] = {}
    for name, spec in rule.options.items():
        part = value.options[name]
        found |= _match(spec, part, known, _join(path, name))
        known.update(_told(name, part))
    return found


def _match_first(spec: OneOf, value: Any, facts: Mapping[str, Any], path: str) -> dict[str, Option]:
    misses = []
    for label, alternative in spec.alternatives.items():
        try:
            return {path: label, **_match(alternative, value, facts, _join(path, label))}
        except _Mismatch as miss:
            misses.append(miss)
    raise max(misses, key=lambda miss: miss.depth)


def _match_repeat(spec: Repeat, value: Any, facts: Mapping[str, Any], path: str) -> dict[str, Option]:
    if not spec.shared:
        return _match_each((spec.spec,) * spec.count(facts), value, facts, path)
    if value != (value[:1] * spec.count(facts) if isinstance(value, tuple) else None):
        raise _Mismatch(
            path, f"the space repeats one part {spec.count(facts)} times, the architecture has {_said(value)}"
        )
    return _match(spec.spec, value[0], facts, path) if value else {}


def _match_each(specs: tuple[Spec, ...], value: Any, facts: Mapping[str, Any], path: str) -> dict[str, Option]:
    if not isinstance(value, tuple) or len(value) != len(specs):
        raise _Mismatch(path, f"the space has {len(specs)} parts, the architecture {_said(value)}")
    found: dict[str, Option] = {}
    for i, (spec, part) in enumerate(zip(specs, value, strict=True)):
        found |= _match(spec, part, facts, _join(path, str(i)))
    return found


def _same_option(value: Any, values: tuple[Option, ...], path: str) -> Option:
    for option in values:
        if (type(option), option) == (type(value), value):
            return option
    raise _Mismatch(path, f"the space offers {values}, the architecture has {_said(value)}")


def _said(value: Any) -> str:
    if isinstance(value, Architecture):
        return value.rule.name
    return (
        f"{len(value)} parts"
        if isinstance(value, tuple) and value and isinstance(value[0], Architecture)
        else repr(value)
    )


State = frozenset[tuple[str, Any]]
"""Facts that some part of the grammar reads, as known at one point of a derivation."""


class Counting:
    """Counts derivations exactly by going through the grammar once per combination of facts that anyone reads."""

    def __init__(self, root: Rule):
        self._root = root
        self._read = set(_facts_read(root))
        self._memo: dict[tuple[int, State], Counter[State]] = {}

    def total(self) -> int:
        """Return the number of derivations (networks that two derivations share are counted twice)."""
        return sum(self._outcomes(self._root, frozenset()).values())

    def _outcomes(self, spec: Spec, state: State, name: str = "") -> Counter[State]:
        """Return how many derivations of `spec` tell which facts to what comes after it."""
        if not isinstance(spec, Rule | OneOf | Repeat | tuple):
            return self._values(spec, name)
        found = self._memo.get((id(spec), state))
        if found is None:
            found = self._memo[id(spec), state] = self._slot(spec, state)
        return found

    def _values(self, spec: Spec, name: str) -> Counter[State]:
        values = spec.values if isinstance(spec, Choice) else (spec,)
        if name not in self._read:
            return Counter({frozenset(): len(values)})
        return Counter(frozenset({(name, value)}) for value in values)

    def _slot(self, spec: Rule | OneOf | Repeat | tuple[Any, ...], state: State) -> Counter[State]:
        if isinstance(spec, Rule):
            return self._rule(spec, state)
        if isinstance(spec, OneOf):
            total: Counter[State] = Counter()
            for alternative in spec.alternatives.values():
                total.update(self._outcomes(alternative, state))
            return total
        if isinstance(spec, tuple):
            return Counter({frozenset(): math.prod(sum(self._outcomes(part, state).values()) for part in spec)})
        one = sum(self._outcomes(spec.spec, state).values())
        times = spec.count(dict(state))
        return Counter({frozenset(): min(one, one**times) if spec.shared else one**times})

    def _rule(self, rule: Rule, state: State) -> Counter[State]:
        states: Counter[State] = Counter({state: 1})
        for name, spec in rule.options.items():
            later: Counter[State] = Counter()
            for known, count in states.items():
                for told, ways in self._outcomes(spec, known, name).items():
                    later[frozenset((dict(known) | dict(told)).items())] += count * ways
            states = later
        total: Counter[State] = Counter()
        for known, count in states.items():
            facts = dict(known)
            given = (
                (fact, facts[of] if isinstance(of, str) else of)
                for fact, of in rule.gives.items()
                if fact in self._read
            )
            total[frozenset(given)] += count
        return total


def _facts_read(spec: Spec) -> Iterator[str]:
    """Yield every name that a Repeat, an Inherit or a rule's `gives` reads."""
    if isinstance(spec, Inherit):
        yield spec.name
    elif isinstance(spec, Repeat):
        if spec.reads:
            yield spec.reads
        yield from _facts_read(spec.spec)
    elif isinstance(spec, OneOf | tuple):
        for part in spec.alternatives.values() if isinstance(spec, OneOf) else spec:
            yield from _facts_read(part)
    elif isinstance(spec, Rule):
        yield from (of for of in spec.gives.values() if isinstance(of, str))
        for option in spec.options.values():
            yield from _facts_read(option)


def check_facts(spec: Spec, known: frozenset[str] = frozenset(), where: str = "") -> frozenset[str]:
    """Return the names `spec` tells its later siblings. Raises SpaceError where a fact is read before it is given."""
    if isinstance(spec, Rule):
        for name, option in spec.options.items():
            known |= check_facts(option, known, f"{where or spec.name}.{name}")
            known |= {name} if not isinstance(option, Rule | OneOf | Repeat) else set()
        missing = [of for of in spec.gives.values() if isinstance(of, str) and of not in spec.options]
        if missing:
            raise SpaceError(f"{spec.name} gives '{missing[0]}', which is none of its options")
        return frozenset(spec.gives)
    if isinstance(spec, OneOf):
        told = [check_facts(alternative, known, f"{where}.{label}") for label, alternative in spec.alternatives.items()]
        return frozenset.intersection(*told)
    needed = spec.name if isinstance(spec, Inherit) else spec.reads if isinstance(spec, Repeat) else None
    if needed and needed not in known:
        raise SpaceError(
            f"{where} reads '{needed}' before it is given; known here: {', '.join(sorted(known)) or 'nothing'}"
        )
    for part in spec if isinstance(spec, tuple) else (spec.spec,) if isinstance(spec, Repeat) else ():
        check_facts(part, known, where)
    return frozenset()
