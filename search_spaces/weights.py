"""Weights of published checkpoints, found by the names their code gave them.

A map of names is data beside its network (`search_spaces/networks/`): pairs of a pattern and its replacement, applied
in order to our dotted names, give the published ones. The insides of blocks are named as the published code names
them, so that a map is little more than prefixes.
"""

__all__ = ["Renames"]

Renames = tuple[tuple[str, str], ...]
"""(regular expression, replacement) pairs, applied in order with `re.sub` to our name."""
