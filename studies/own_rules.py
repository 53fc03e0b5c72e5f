"""A person's rules in a study: which the command line named, and whether a study may go on with them."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nas.errors import RuleError
from nas.grammar import Rule
from nas.space import SearchSpace
from search_spaces import load_rules, with_rules
from search_spaces.own import OwnRules, check_in_space, check_rule
from studies.errors import ConfigError

if TYPE_CHECKING:
    from studies.folder import StudyFolder

__all__ = ["all_rules", "checked_space", "fix_rules", "rules_of", "widened"]


def rules_of(sources: Sequence[str]) -> tuple[OwnRules, ...]:
    """Return what `--rules` named. Raises RuleError for a fault in it, or a name that two of them give."""
    found = tuple(load_rules(source) for source in dict.fromkeys(sources))
    given: dict[str, str] = {}
    for own in found:
        for rule in own.rules:
            if rule.name in given:
                raise RuleError(f"{own.source}: {given[rule.name]} has a rule '{rule.name}' too; rename one")
            given[rule.name] = own.source
    return found


def all_rules(own: Sequence[OwnRules]) -> tuple[Rule, ...]:
    """Return the rules of all sources."""
    return tuple(rule for each in own for rule in each.rules)


def widened(space: SearchSpace, own: Sequence[OwnRules]) -> SearchSpace:
    """Return the space with the rules; the space itself where there are none."""
    return with_rules(space, *all_rules(own)) if own else space


def checked_space(space: SearchSpace, own: Sequence[OwnRules]) -> SearchSpace:
    """Return the space with the rules after the check of each. Raises RuleError or SpaceError."""
    wide = widened(space, own)
    for rule in all_rules(own):
        check_rule(rule, space.min_side)
        check_in_space(wide, rule)
    return wide


def fix_rules(folder: "StudyFolder", own: Sequence[OwnRules]) -> None:
    """Store names and hashes of the rules where a study begins, or check that it goes on with the same.

    Raises ConfigError naming what is missing, new or changed.
    """
    from studies.folder import read_json, write_atomic  # loads optuna, which reading rules does without

    now = {rule.name: {"source": each.source, "sha256": each.sha256} for each in own for rule in each.rules}
    if not folder.facts_file.exists():
        if now or folder.rules_file.exists():
            write_atomic(folder.rules_file, json.dumps(now, indent=1))
        return
    stored = read_json(folder.rules_file)
    faults = [*_unlike(stored, now)]
    if faults:
        raise ConfigError("\n".join(f"{folder.root}: {fault}" for fault in faults))


def _unlike(stored: Mapping[str, object], now: Mapping[str, Mapping[str, str]]) -> list[str]:
    faults = []
    for name in sorted({*stored, *now}):
        was = stored.get(name)
        source, sha256 = (str(was["source"]), str(was["sha256"])) if isinstance(was, dict) else ("", "")
        if name not in now:
            faults.append(f"began with the rule {name}, which is missing; give --rules {source}")
        elif name not in stored:
            faults.append(
                f"began without the rule {name} of {now[name]['source']}; leave it out, or give the study a new name"
            )
        elif sha256 != now[name]["sha256"]:
            faults.append(
                f"rule {name}: {now[name]['source']} has changed since the study began: SHA-256 {sha256[:12]}, "
                f"now {now[name]['sha256'][:12]}; put the old file back, or give the study a new name"
            )
    return faults
