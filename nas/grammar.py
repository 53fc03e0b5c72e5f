"""The grammar: rules with typed slots, and what may stand in them.

A rule is one production: a name, a kind, options and `emit(g, *inputs, **options)`, which appends operators to a
`GraphBuilder`. What it appends depends on nothing but options and the shapes of the inputs: blocks are recorded. An
option is a value or a slot for another rule. Its default is the paper's value; calling a rule with other values gives
a new rule (`amse(dilation=5)`), a space opens options (`amse(dilation=Choice((1, 2, 3, 5)))`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Protocol

from nas.errors import SpaceError
from nas.graph import GraphBuilder

__all__ = ["Block", "Choice", "Inherit", "OneOf", "Option", "Repeat", "Rule", "Spec", "rule"]

Option = str | int | float | bool
"""What a decision may be: what every sampler and storage can hold."""

KINDS = {
    **dict.fromkeys(("block", "mixer", "attention", "context", "stage"), "(x, width) -> width channels"),
    **dict.fromkeys(("stem", "downsample"), "(x, width) -> a map, usually smaller"),
    "upsample": "(x, reference, width) -> a map of the reference's size",
    "skip": "(encoder feature, upsampled feature) -> feature",
    "fuse": "(features) -> one feature",
    "encoder": "(image) -> pyramid, finest first",
    "neck": "(pyramid) -> pyramid",
    "decoder": "(pyramid) -> features or Outputs",
    "head": "(features) -> logits, one per feature",
    "network": "() -> logits or Outputs",
}
"""Kinds of rules and their signatures. A slot takes what has the signature of its default."""


class Block(Protocol):
    """A slot's content as `emit` gets it: applied to nodes it appends its operators in a scope of its own."""

    def __call__(self, g: GraphBuilder, *inputs: Any, name: str | None = None) -> Any:
        """Apply to nodes. `name` is the scope's; needed where one slot is applied several times in a scope."""


@dataclass(frozen=True)
class Choice:
    """A decision among values of one option, in the order in which samplers see them."""

    values: tuple[Option, ...]

    def __post_init__(self) -> None:
        if not self.values or len({(type(v), v) for v in self.values}) < len(self.values):
            raise SpaceError(f"Choice{self.values}: give at least one value, each once")
        wrong = [v for v in self.values if not isinstance(v, str | int | float | bool)]
        if wrong:
            raise SpaceError(
                f"Choice{self.values}: {wrong[0]!r} is no string, number or boolean; only fixed options may be tuples"
            )


class OneOf:
    """A decision among labelled alternatives of any kind: a rule, the same rule with other fixings, a Repeat."""

    def __init__(self, **alternatives: "Spec"):
        if not alternatives:
            raise SpaceError("OneOf() has no alternatives; give at least one, label=rule")
        self.alternatives = alternatives

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, which are the decision's options."""
        return tuple(self.alternatives)

    def __repr__(self) -> str:
        return f"OneOf({', '.join(self.alternatives)})"


@dataclass(frozen=True)
class Repeat:
    """A slot filled several times: separate decisions for each, or one set for all with `shared`.

    times: a number, the name of a fact or earlier option, or (name, offset), e.g. ("levels", -1).
    """

    spec: "Spec"
    times: int | str | tuple[str, int]
    shared: bool = False

    @property
    def reads(self) -> str | None:
        """Name of the fact that says how often."""
        return None if isinstance(self.times, int) else self.times if isinstance(self.times, str) else self.times[0]

    def count(self, facts: Mapping[str, Any]) -> int:
        """Return how often, given the facts known here."""
        if isinstance(self.times, int):
            return self.times
        name, offset = (self.times, 0) if isinstance(self.times, str) else self.times
        return int(facts[name]) + offset


@dataclass(frozen=True)
class Inherit:
    """The value of the nearest enclosing option or fact of that name: no decision of its own."""

    name: str


@dataclass(frozen=True)
class Rule:
    """One production of the grammar; made with the decorator `rule`, varied by calling it."""

    name: str
    kind: str
    emit: Callable[..., Any] = field(repr=False)
    options: Mapping[str, "Spec"] = field(repr=False)
    gives: Mapping[str, str | int] = field(repr=False, default_factory=dict)

    def __call__(self, **fixings: "Spec") -> "Rule":
        """Return this rule with some options fixed or opened. Raises SpaceError for a wrong name or kind."""
        for name, spec in fixings.items():
            if name not in self.options:
                near = get_close_matches(name, self.options, 1)
                hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(self.options) or 'none'}"
                raise SpaceError(f"{self.name}: no option '{name}'; {hint}")
            _check_kind(f"{self.name}.{name}", _signature(self.options[name]), spec)
        return Rule(self.name, self.kind, self.emit, dict(self.options) | fixings, self.gives)


Spec = Rule | OneOf | Repeat | Choice | Inherit | Option | tuple[Any, ...]
"""What an option may hold: a slot's content, an open value or a fixed value. Tuples are fixed, of values or slots."""


def rule(
    kind: str, *, gives: Mapping[str, str | int] | None = None, **options: Spec
) -> Callable[[Callable[..., Any]], Rule]:
    """Return a decorator that makes a Rule of an emit function, under the function's name.

    gives: facts for later siblings and their parts, each the name of an own option or a number.
    options: the paper's values; the rule that fills a slot fixes the slot's kind.
    """
    if kind not in KINDS:
        raise SpaceError(f"unknown kind '{kind}'; known: {', '.join(KINDS)}")

    def make(emit: Callable[..., Any]) -> Rule:
        return Rule(emit.__name__, kind, emit, options, gives or {})

    return make


def leaves(spec: Spec) -> Iterator[Spec]:
    """Yield the rules, open values and values that `spec` may come to."""
    if isinstance(spec, OneOf):
        for alternative in spec.alternatives.values():
            yield from leaves(alternative)
    elif isinstance(spec, Repeat):
        yield from leaves(spec.spec)
    elif isinstance(spec, tuple) and spec:
        for part in spec:
            yield from leaves(part)
    else:
        yield spec


def _signature(spec: Spec) -> str | None:
    """Return the signature of a slot, None for a plain value."""
    first = next(leaves(spec))
    return KINDS[first.kind] if isinstance(first, Rule) else None


def _check_kind(where: str, wanted: str | None, spec: Spec) -> None:
    for leaf in leaves(spec):
        found = KINDS[leaf.kind] if isinstance(leaf, Rule) else None
        if found != wanted:
            came = f"{leaf.name}, a {leaf.kind} {found}" if isinstance(leaf, Rule) else repr(leaf)
            raise SpaceError(f"{where} takes {wanted or 'a value'}; {came} came")
