"""Finding out which layout a folder has, from names alone."""

import csv
from collections.abc import Iterator
from pathlib import Path

from evaluators.data.layouts.layout import Layout
from evaluators.data.layouts.patterns import READABLE
from evaluators.data.layouts.table import IMAGE_COLUMN, MASK_COLUMN
from evaluators.data.samples import DataError, listed

__all__ = ["detect", "detect_lists"]

IMAGE_FOLDERS = ("images", "image", "imgs", "img", "imagesTr")
MASK_FOLDERS = ("masks", "mask", "labels", "label", "labelsTr", "annotations", "gt")
LIST_NAMES = {
    "train": ("train", "split_train", "training"),
    "validation": ("validation", "val", "valid", "split_val", "split_validation"),
    "test": ("test", "split_test"),
}


def detect(root: Path) -> Layout:
    """Return the layout of a folder: a table, two folders, or a folder for each image; else the default layout.

    Looked for, in this order: a table with the columns image and mask; folders of images and masks in the root; a
    folder for each image; folders of images and masks one folder down.

    Raises:
        DataError: Several tables or several folders would do.
    """
    if not root.is_dir():
        return Layout(root)
    tables = [path.name for path in sorted(root.glob("*.csv")) if _names_pairs(path)]
    if len(tables) > 1:
        raise DataError(f"{root}: several tables name images and masks: {listed(tables)}; state one as data.csv")
    if tables:
        return Layout(root, "csv", csv=tables[0])
    return _in_folders(root) or _below(root) or Layout(root)


def detect_lists(root: Path) -> dict[str, str]:
    """Return the lists of a given split in a folder, {part: file name}; empty unless training and validation are."""
    found = {
        part: next((f"{name}.txt" for name in names if (root / f"{name}.txt").is_file()), None)
        for part, names in LIST_NAMES.items()
    }
    complete = found["train"] is not None and found["validation"] is not None
    return {part: name for part, name in found.items() if name is not None} if complete else {}


def _names_pairs(table: Path) -> bool:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            columns = [cell.strip() for cell in next(csv.reader(file), [])]
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    return IMAGE_COLUMN in columns and MASK_COLUMN in columns


def _in_folders(root: Path, prefix: str = "") -> Layout | None:
    images, masks = _first(root / prefix, IMAGE_FOLDERS), _first(root / prefix, MASK_FOLDERS)
    if images is None or masks is None:
        return None
    plain = not prefix and (images, masks) == ("images", "masks")
    return Layout(root) if plain else Layout(root, "pairs", f"{prefix}{images}", f"{prefix}{masks}")


def _below(root: Path, prefix: str = "") -> Layout | None:
    """What lies one folder down: a folder for each image, or one folder that holds both; else one deeper."""
    children = [path for path in sorted((root / prefix).iterdir()) if path.is_dir()]
    holding = [child for child in children if _in_folders(child)]
    if holding and all(_of_one_image(child) for child in holding):
        return Layout(root, "instances", f"{prefix}{{id}}/images/*", f"{prefix}{{id}}/masks/*")
    if len(holding) > 1:
        names = listed([child.name for child in holding])
        raise DataError(f"{root}: several folders hold images and masks: {names}; give one of them")
    if holding:
        return _in_folders(root, f"{prefix}{holding[0].name}/")
    return None if prefix or len(children) != 1 else _below(root, f"{children[0].name}/")


def _of_one_image(folder: Path) -> bool:
    return (folder / "masks").is_dir() and sum(1 for _ in _readable(folder / "images")) == 1


def _readable(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("*") if path.name.lower().endswith(READABLE))


def _first(folder: Path, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if (folder / name).is_dir()), None)
