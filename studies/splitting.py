"""Reading a study's `data:` section: the files it names, what their pixels mean, and how they are split."""

from collections.abc import Sequence
from pathlib import Path

from evaluators.data import (
    DataError,
    Form,
    Layout,
    Pair,
    Recognised,
    Split,
    column_of,
    groups_of,
    read_list,
    split_as_given,
    split_by_group,
    split_by_hash,
)
from evaluators.data.samples import listed
from studies.data_section import FolderData, FolderSplit

__all__ = ["data_section", "form_of", "layout_of", "split_pairs", "with_full_parts"]

SAME_PART = {"training": "train", "val": "validation", "valid": "validation"}
SEEDS = 100


def layout_of(data: FolderData) -> Layout:
    """Return where the images and masks lie."""
    return Layout(data.root, data.layout, data.images, data.masks, data.csv, data.axis)


def form_of(data: FolderData) -> Form:
    """Return how the files become arrays."""
    return Form(data.classes, data.codes, data.ignore, data.invert, data.channels, data.range, data.resize)


def data_section(root: Path, found: Recognised) -> FolderData:
    """Return the section for a folder as it was recognised."""
    layout, form = found.layout, found.form
    return FolderData(
        root=root,
        layout=layout.kind,
        images=layout.images,
        masks=layout.masks,
        csv=layout.csv,
        classes=form.classes,
        codes=dict(form.codes),
        ignore=form.ignore,
        channels=1 if form.channels == 1 else 3,
        range=form.limits,
        split=FolderSplit.model_validate({"lists": found.lists}),
    )


def split_pairs(data: FolderData, pairs: Sequence[Pair], hashes: Sequence[str]) -> Split:
    """Split the pairs as the section says: by lists, by a column, or by the hashes of images or names of groups.

    Raises:
        DataError: A list or column does not place every image, a group cannot be told, or a part is empty.
    """
    ids, shares = [pair.id for pair in pairs], data.split
    if shares.lists:
        return split_as_given(ids, _listed_parts(data, ids))
    if shares.column is not None:
        cells = column_of(pairs, shares.column, "data.split.column")
        return split_as_given(ids, {name: SAME_PART.get(cell, cell) for name, cell in zip(ids, cells, strict=True)})
    groups = groups_of(pairs, data.group, data.block)
    if groups is None:
        return split_by_hash(hashes, validation=shares.validation, test=shares.test, seed=shares.seed)
    return split_by_group(groups, hashes, validation=shares.validation, test=shares.test, seed=shares.seed)


def with_full_parts(data: FolderData, pairs: Sequence[Pair], hashes: Sequence[str]) -> FolderData:
    """Return the section with the first seed, from its own on, that leaves no part of few groups empty."""
    if data.split.lists or data.split.column is not None:
        return data
    for seed in range(data.split.seed, data.split.seed + SEEDS):
        seeded = data.model_copy(update={"split": data.split.model_copy(update={"seed": seed})})
        try:
            split = split_pairs(seeded, pairs, hashes)
        except DataError:
            continue
        if split.test or not data.split.test:
            return seeded
    return data


def _listed_parts(data: FolderData, ids: Sequence[str]) -> dict[str, str]:
    part_of: dict[str, str] = {}
    for part, path in data.split.lists.items():
        names = read_list(data.root / path, ids)
        twice = [name for name in names if part_of.get(name, part) != part]
        if twice:
            raise DataError(f"{data.root / path}: {len(twice)} images are in another list too: {listed(twice)}")
        part_of |= dict.fromkeys(names, part)
    return part_of
