"""A person's own rules: reading them, checking them, and joining them to a space."""

from search_spaces.own.checking import Checked, check_in_space, check_rule
from search_spaces.own.joining import names_of, with_rules
from search_spaces.own.loading import OwnRules, installed, load_rules

__all__ = ["Checked", "OwnRules", "check_in_space", "check_rule", "installed", "load_rules", "names_of", "with_rules"]
