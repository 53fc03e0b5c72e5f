"""Images that must lie on one side of a split: of one patient, one volume, or neighbouring slices."""

import re
from collections.abc import Sequence

from evaluators.data.layouts.layout import Pair
from evaluators.data.samples import DataError, listed

__all__ = ["column_of", "groups_of", "numbered"]


def groups_of(pairs: Sequence[Pair], group: str | None, block: int | None) -> tuple[str, ...] | None:
    """Return the name of each pair's group, or None where each image is for itself.

    Args:
        pairs: The data set.
        group: A regular expression with one group in parentheses, searched in the ids; or a column of the table.
            None: slices are grouped by volume.
        block: So many consecutive numbers (of slices, or the last number of an id) are a group within their group.

    Raises:
        DataError: An id does not match or has no number, or there is no such column.
    """
    if group is None:
        known = [pair.columns.get("volume", "") for pair in pairs] if any(pair.slice for pair in pairs) else None
    else:
        known = _matched(pairs, group) if "(" in group else column_of(pairs, group, "data.group")
    if block is None:
        return None if known is None else tuple(known)
    numbers = [_number(pair) for pair in pairs]
    lost = [pair.id for pair, number in zip(pairs, numbers, strict=True) if number is None]
    if lost:
        raise DataError(f"data.block: {len(lost)} ids have no number: {listed(lost)}; leave out data.block")
    bases = known or [numbered(pair.id)[0] for pair in pairs]
    return tuple(f"{base}#{(number or 0) // block}" for base, number in zip(bases, numbers, strict=True))


def column_of(pairs: Sequence[Pair], column: str, setting: str) -> list[str]:
    """Return a column of the table that named the pairs.

    Raises:
        DataError: There is no such column, or a cell is empty.
    """
    known = sorted({name for pair in pairs for name in pair.columns})
    if column not in known:
        raise DataError(f"{setting}: no column {column!r}; the pairs have {listed(known) if known else 'no table'}")
    empty = [pair.id for pair in pairs if not pair.columns.get(column)]
    if empty:
        raise DataError(f"{setting}: {len(empty)} rows have an empty {column}: {listed(empty)}; fill them in")
    return [pair.columns[column] for pair in pairs]


def numbered(name: str) -> tuple[str, int | None]:
    """Return a name without its last number, and that number: `t0-slice12` is (`t0-slice`, 12)."""
    found = re.fullmatch(r"(.*?)(\d+)(\D*)", name, re.DOTALL)
    return (name, None) if found is None else (found[1] + found[3], int(found[2]))


def _number(pair: Pair) -> int | None:
    return numbered(pair.id)[1] if pair.slice is None else pair.slice.index


def _matched(pairs: Sequence[Pair], pattern: str) -> list[str]:
    found = [re.search(pattern, pair.id) for pair in pairs]
    lost = [pair.id for pair, match in zip(pairs, found, strict=True) if match is None or match[1] is None]
    if lost:
        raise DataError(f"data.group: {pattern!r} does not match {len(lost)} ids: {listed(lost)}; widen it")
    return [str(match[1]) for match in found if match]
