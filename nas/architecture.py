"""One derivation of a grammar: a tree of rules and resolved options, stored as JSON."""

import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from nas.errors import SpaceError
from nas.grammar import Choice, Inherit, OneOf, Repeat, Rule

__all__ = ["Architecture"]


@dataclass(frozen=True)
class Architecture:
    """A rule with every option resolved: plain values, architectures in slots, tuples of them in repeated slots."""

    rule: Rule
    options: Mapping[str, Any]

    def facts(self) -> dict[str, Any]:
        """Return what this rule tells its later siblings."""
        return {fact: self.options[of] if isinstance(of, str) else of for fact, of in self.rule.gives.items()}

    @property
    def token(self) -> Hashable:
        """What two architectures share that build alike: what emits, and every option with its type."""
        return (self.rule.emit, *map(_token, self.options.values()))

    def to_json(self) -> str:
        """Return the stored form; `search_spaces.load` reads it back."""
        return json.dumps({"format": 1, "architecture": _plain(self)}, indent=1)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Architecture):
            return NotImplemented
        same_rule = self.rule.name == other.rule.name and self.rule.emit is other.rule.emit
        return same_rule and dict(self.options) == dict(other.options)

    def __hash__(self) -> int:
        return hash((self.rule.name, tuple(self.options.items())))


def _token(value: Any) -> Hashable:
    if isinstance(value, Architecture):
        return value.token
    return tuple(map(_token, value)) if isinstance(value, tuple) else (type(value), value)


def _plain(value: Any) -> Any:
    if isinstance(value, Architecture):
        return {"rule": value.rule.name, "options": {name: _plain(v) for name, v in value.options.items()}}
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


def from_json(text: str, rule_named: Callable[[str], Rule]) -> Architecture:
    """Rebuild a stored architecture. Raises SpaceError for a damaged file, an unknown rule or option.

    An option that the stored form lacks was added later and takes its default.
    """
    try:
        stored = json.loads(text)
        if stored["format"] != 1:
            raise SpaceError(
                f"the architecture has format {stored['format']}, this version reads 1; update the package"
            )
        found = _resolve(stored["architecture"], rule_named)
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as fault:
        raise SpaceError(f"the architecture cannot be read: {type(fault).__name__}: {fault}") from None
    if not isinstance(found, Architecture):
        raise SpaceError("the file holds no architecture: its top is no rule")
    return found


def _resolve(stored: Any, rule_named: Callable[[str], Rule]) -> Any:
    if isinstance(stored, list):
        return tuple(_resolve(v, rule_named) for v in stored)
    if not isinstance(stored, dict):
        return stored
    rule = rule_named(stored["rule"])
    given = stored["options"]
    unknown = sorted(set(given) - set(rule.options))
    if unknown:
        raise SpaceError(f"{rule.name}: no option '{unknown[0]}'; it has {', '.join(rule.options)}")
    options = {}
    for name, default in rule.options.items():
        if name in given:
            options[name] = _resolve(given[name], rule_named)
        else:
            options[name] = _default(f"{rule.name}: the option '{name}'", default)
    return Architecture(rule, options)


def _default(where: str, default: Any) -> Any:
    """Return what an option comes to that nobody wrote down. Raises SpaceError where something is open."""
    if isinstance(default, OneOf | Repeat | Choice | Inherit):
        raise SpaceError(f"{where} is missing and its default is open")
    if isinstance(default, Rule):
        return Architecture(default, {name: _default(where, value) for name, value in default.options.items()})
    return tuple(_default(where, value) for value in default) if isinstance(default, tuple) else default
