"""The pairs of a folder, whatever its layout."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from evaluators.data.findings import Finding, raise_faults
from evaluators.data.layouts.layout import Found, Layout, Pair
from evaluators.data.layouts.pairs import find_in_pairs, find_instances
from evaluators.data.layouts.table import find_in_table
from evaluators.data.samples import DataError, listed
from evaluators.data.volumes import Slice, is_volume, slice_count

__all__ = ["find", "find_pairs"]

READERS = {"pairs": find_in_pairs, "instances": find_instances, "csv": find_in_table}


def find(layout: Layout) -> Found:
    """List the pairs, and the files that are none. Names and headers of volumes are read; hidden files are ignored.

    Raises:
        DataError: A folder or table is missing, or holds no images at all.
    """
    if not layout.root.is_dir():
        raise DataError(f"{layout.root}: no such folder; give the folder that holds images/ and masks/")
    found = READERS[layout.kind](layout)
    faults = list(found.faults)
    pairs = [slice_ for pair in found.pairs for slice_ in _slices(pair, layout.axis, faults)]
    return Found(tuple(pairs), tuple(faults))


def find_pairs(layout: Layout | Path) -> tuple[Pair, ...]:
    """Return the pairs of a layout, or of the layout `pairs` in a folder, sorted by id.

    Raises:
        DataError: As for `find`, or a file has no partner or two have one id. All are counted, the first 20 given.
    """
    where = layout if isinstance(layout, Layout) else Layout(layout)
    found = find(where)
    lines = _grouped(where.root, found.faults)
    raise_faults(lines, f"{where.root}: {len(lines)} faults")
    return found.pairs


def _grouped(root: Path, faults: Sequence[Finding]) -> list[str]:
    """One line for each kind that is about names alone, else one for each fault."""
    by_kind: dict[str, list[Finding]] = {}
    for fault in faults:
        by_kind.setdefault(fault.kind, []).append(fault)
    lines = []
    for kind, some in by_kind.items():
        if kind in ("images without a mask", "masks without an image"):
            names = listed([fault.where for fault in some])
            lines.append(f"{root}: {len(some)} {kind}: {names}; {some[0].text.rpartition('; ')[2]}")
        else:
            lines += [fault.text for fault in some]
    return lines


def _slices(pair: Pair, axis: int, faults: list[Finding]) -> Iterator[Pair]:
    """The slices of a pair of volumes, or the pair itself."""
    if not is_volume(pair.image):
        yield pair
        return
    try:
        counts = [slice_count(path, axis) for path in (pair.image, *pair.masks)]
    except DataError as fault:
        faults.append(Finding("unreadable", str(pair.image), str(fault)))
        return
    if len(set(counts)) > 1:
        text = f"{pair.image}: image and mask must have as many slices along axis {axis}, got {counts[0]} and"
        faults.append(Finding("size mismatch", str(pair.image), f"{text} {counts[1]}; export the mask again"))
        return
    for index in range(counts[0]):
        columns = {**pair.columns, "volume": pair.id}
        yield replace(pair, id=f"{pair.id}-{index:04d}", slice=Slice(axis, index), columns=columns)
