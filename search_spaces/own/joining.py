"""A space with a person's rules, and a rule's form: its name, kind, signature and defaults."""

import inspect
from collections.abc import Iterable, Iterator

from nas.errors import RuleError
from nas.extending import extended, reachable
from nas.grammar import Choice, Inherit, OneOf, Repeat, Rule, Spec, leaves
from nas.space import SearchSpace
from search_spaces.catalog import catalog
from search_spaces.own.guard import guarded, place_of

__all__ = ["INPUTS", "check_form", "names_of", "with_rules"]

INPUTS = {
    **dict.fromkeys(("block", "mixer", "attention", "context", "stage", "stem", "downsample"), ("x", "width")),
    "upsample": ("x", "reference", "width"),
    "skip": ("feature", "upsampled"),
    "fuse": ("features",),
    "encoder": ("image",),
    "neck": ("pyramid",),
    "decoder": ("pyramid",),
    "head": ("features",),
}
"""What `emit` of a kind takes between the builder and its options. A network is no part of a space."""

_PLAIN = {"int": (int,), "float": (int, float), "str": (str,), "bool": (bool,)}


def with_rules(space: SearchSpace, *rules: Rule) -> SearchSpace:
    """Return the space with each rule as a further alternative wherever one of its kind is chosen.

    Raises RuleError for a rule of wrong form, SpaceError for one that has no place in the space.
    """
    for rule in rules:
        check_form(rule)
    return extended(space, [guarded(rule) for rule in rules])


def names_of(rules: Iterable[Rule]) -> dict[str, Rule]:
    """Return the rules by name, those in their slots too, as a space made with them has them."""
    found = (inner for rule in rules for inner in reachable(guarded(rule)))
    return {rule.name: rule for rule in found if rule.name not in catalog()}


def check_form(rule: Rule) -> None:
    """Raise RuleError unless name, kind, signature and defaults are those of a rule that a space can take."""
    where = place_of(rule)
    if rule.name in catalog():
        raise RuleError(f"{where}: a built-in rule is named '{rule.name}'; rename yours")
    if rule.kind not in INPUTS:
        raise RuleError(f"{where}: a {rule.kind} is no part of a space; the kinds are {', '.join(INPUTS)}")
    _check_signature(rule, where)
    for name, option in rule.options.items():
        for fault in _faults_of(rule, name, option):
            raise RuleError(f"{where}: option '{name}': {fault}")


def _check_signature(rule: Rule, where: str) -> None:
    inputs = INPUTS[rule.kind]
    signature = inspect.signature(rule.emit)
    wanted = (
        f"{rule.name}(g, {', '.join(inputs)}{', *' if rule.options else ''}{''.join(f', {n}' for n in rule.options)})"
    )
    try:
        signature.bind("g", *inputs, **dict.fromkeys(rule.options))
    except TypeError as fault:
        raise RuleError(f"{where}: a {rule.kind} is written {wanted}; it is {rule.name}{signature}: {fault}") from None


def _faults_of(rule: Rule, name: str, option: Spec) -> Iterator[str]:
    parameter = inspect.signature(rule.emit).parameters.get(name)
    told = getattr(parameter, "annotation", None)
    said = told if isinstance(told, str) else getattr(told, "__name__", "")
    for leaf in leaves(option):
        if not isinstance(leaf, Rule | OneOf | Repeat | Choice | Inherit | str | int | float | bool | tuple):
            yield f"needs a number, text, true or false, a tuple, a rule, Choice or OneOf; {leaf!r} came"
        for value in leaf.values if isinstance(leaf, Choice) else (leaf,):
            if said in _PLAIN and not isinstance(value, Inherit) and type(value) not in _PLAIN[said]:
                yield f"is said to be {said}; {value!r} came"
