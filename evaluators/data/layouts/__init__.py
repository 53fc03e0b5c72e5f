"""Which files of a folder belong together: one reader for each layout."""

from evaluators.data.layouts.finding import find, find_pairs
from evaluators.data.layouts.layout import Layout, Pair

__all__ = ["Layout", "Pair", "find", "find_pairs"]
