"""`images/ID.*` and `masks/ID.*`: a mask for each image, in two folders or by two patterns.

A mask may also be called `ID_mask.*` or `ID_segmentation.*`, as the ISIC archive does.
"""

from collections.abc import Container
from pathlib import Path

from evaluators.data.findings import Finding
from evaluators.data.layouts.layout import Found, Layout, Pair
from evaluators.data.layouts.patterns import READABLE, files_by_id
from evaluators.data.samples import DataError

__all__ = ["find_in_pairs", "find_instances"]

MASK_ENDINGS = ("_mask", "_segmentation")
HINT = "a mask has its image's name: masks/a.png for images/a.jpg"


def find_in_pairs(layout: Layout) -> Found:
    """List images with their masks by name; see `find`."""
    where, masks_where = layout.images or "images", layout.masks or "masks"
    images = files_by_id(layout.root, where)
    masks: dict[str, list[Path]] = {}
    for stem, paths in files_by_id(layout.root, masks_where).items():
        masks.setdefault(_mask_id(stem, images), []).extend(paths)
    faults = [*_twice(layout.root / where, images), *_twice(layout.root / masks_where, masks)]
    return _paired(layout, where, images, masks, faults, HINT)


def find_instances(layout: Layout) -> Found:
    """List images with one mask for each object, as the 2018 Data Science Bowl has them; see `find`."""
    where = layout.images or "{id}/images/*"
    images, masks = (files_by_id(layout.root, pattern) for pattern in (where, layout.masks or "{id}/masks/*"))
    faults = _twice(layout.root / where, images)
    return _paired(layout, where, images, masks, faults, "an image has its masks beside it: a/images/a.png, a/masks/*")


def _paired(
    layout: Layout,
    where: str,
    images: dict[str, list[Path]],
    masks: dict[str, list[Path]],
    faults: list[Finding],
    hint: str,
) -> Found:
    for lonely, what in (
        (images.keys() - masks, "images without a mask"),
        (masks.keys() - images, "masks without an image"),
    ):
        faults += [Finding(what, name, f"{layout.root}: {what}: {name}; {hint}") for name in sorted(lonely)]
    if not images:
        raise DataError(f"{layout.root / where}: no images; needed files ending in {', '.join(READABLE)}")
    both = sorted(images.keys() & masks)
    return Found(tuple(Pair(name, images[name][0], tuple(masks[name])) for name in both), tuple(faults))


def _twice(where: Path, files: dict[str, list[Path]]) -> list[Finding]:
    """A fault for each id of several files, of which the first is kept."""
    found = []
    for paths in files.values():
        if len(paths) > 1:
            same = " = ".join(path.name for path in paths)
            found.append(Finding("ids with several files", same, f"{where}: {same} have one id; keep one of them"))
            del paths[1:]
    return found


def _mask_id(stem: str, images: Container[str]) -> str:
    """The id of the image that a mask file belongs to."""
    bare = [stem.removesuffix(ending) for ending in MASK_ENDINGS]
    return next((name for name in [stem, *bare] if name in images), stem)
