"""Every rule of this package by name, found by looking: a new rule is a new file, and nothing else to edit."""

import importlib
import pkgutil
from functools import cache

import search_spaces
from nas.errors import SpaceError
from nas.grammar import Rule

__all__ = ["catalog", "rule_named"]


@cache
def catalog() -> dict[str, Rule]:
    """Return the rules as their files define them. Raises SpaceError where two have one name."""
    found: dict[str, Rule] = {}
    for module in pkgutil.walk_packages(search_spaces.__path__, "search_spaces."):
        namespace = importlib.import_module(module.name)
        for name in getattr(namespace, "__all__", ()):
            rule = getattr(namespace, name)
            if not isinstance(rule, Rule) or rule.emit.__module__ != module.name:
                continue  # a published network is a rule of another file with other options
            if found.setdefault(rule.name, rule) is not rule:
                raise SpaceError(f"{module.name}: a rule named '{rule.name}' exists already; give it another name")
    return found


def rule_named(name: str) -> Rule:
    """Return the rule of that name. Raises SpaceError for an unknown one."""
    if name not in catalog():
        known = ", ".join(sorted(catalog()))
        raise SpaceError(f"unknown rule '{name}'; if it is your own, give its file with --rules; known: {known}")
    return catalog()[name]
