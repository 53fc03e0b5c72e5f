"""A folder of images and masks: which belong together, what is wrong with them, and loading them into memory.

Layout: `images/ID.*` and `masks/ID.*`, where ID is the file name without its suffix and `*` one of `SUFFIXES`. A mask
may also be called `ID_mask.*` or `ID_segmentation.*`, as the ISIC archive does.
"""

from collections import Counter
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from evaluators.data.pictures import read_image, read_mask, resize_image, resize_mask
from evaluators.data.samples import DataError, Samples, content_hash, listed

__all__ = ["FolderCheck", "FolderFacts", "Pair", "check", "find_pairs", "load"]

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff")
MASK_ENDINGS = ("_mask", "_segmentation")
SHOWN_FAULTS = 20

Progress = Callable[[int, int], None]  # pairs done, pairs in all
Read = TypeVar("Read")


@dataclass(frozen=True)
class Pair:
    """An image file and its mask file; both are called `id`."""

    id: str
    image: Path
    mask: Path


@dataclass(frozen=True)
class FolderFacts:
    """What a study has to know of the pairs that can be used.

    Attributes:
        count: Number of usable pairs.
        median_height: Of the images, in pixels.
        median_width: Of the images, in pixels.
        foreground_share: Smallest, first quartile, median, third quartile and largest share of foreground pixels, 0..1.
        modes: Number of images stored in each mode, in Pillow's words (`L`: grey, `RGB`, ...).
    """

    count: int
    median_height: int
    median_width: int
    foreground_share: tuple[float, float, float, float, float]
    modes: dict[str, int]


@dataclass(frozen=True)
class FolderCheck:
    """The facts of the usable pairs (None if there are none) and one line for each fault of the others."""

    facts: FolderFacts | None
    faults: tuple[str, ...]


def find_pairs(root: Path) -> tuple[Pair, ...]:
    """List the pairs below `root`, sorted by id. Only names are looked at; other and hidden files are ignored.

    Raises:
        DataError: `root`, `images/` or `masks/` is missing, `images/` is empty, two files have one id, or a file has no
            partner. All such names are counted, the first 20 given.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; give the folder that holds images/ and masks/")
    faults: list[str] = []
    images = _files_by_id(root, "images", lambda stem: stem, faults)
    masks = _files_by_id(root, "masks", lambda stem: _mask_id(stem, images), faults)
    hint = "a mask has its image's name: masks/a.png for images/a.jpg"
    for lonely, what in (
        (images.keys() - masks, "images without a mask"),
        (masks.keys() - images, "masks without an image"),
    ):
        if lonely:
            faults.append(f"{root}: {len(lonely)} {what}: {listed(sorted(lonely))}; {hint}")
    _raise_faults(faults, f"{root}: {len(faults)} faults")
    if not images:
        raise DataError(f"{root / 'images'}: no images; needed files ending in {', '.join(SUFFIXES)}")
    return tuple(Pair(name, images[name], masks[name]) for name in sorted(images))


def check(pairs: Sequence[Pair], on_progress: Progress | None = None) -> FolderCheck:
    """Decode every file and collect the facts and all faults, without keeping any picture.

    `on_progress(done, total)` is called after each pair.
    """
    faults: list[str] = []
    sizes, shares, modes = [], [], Counter[str]()
    for done, pair in enumerate(pairs, start=1):
        decoded = _decode(pair, faults)
        if decoded is not None:
            sizes.append(decoded.mask.shape)
            shares.append(decoded.mask.mean())
            modes[decoded.mode] += 1
        if on_progress is not None:
            on_progress(done, len(pairs))
    if not sizes:
        return FolderCheck(None, tuple(faults))
    height, width = (int(side) for side in np.median(sizes, axis=0))
    low, first, middle, third, high = (float(share) for share in np.quantile(shares, (0, 0.25, 0.5, 0.75, 1)))
    facts = FolderFacts(len(sizes), height, width, (low, first, middle, third, high), dict(modes))
    return FolderCheck(facts, tuple(faults))


def load(pairs: Sequence[Pair], size: int, on_progress: Progress | None = None) -> Samples:
    """Read all pairs as RGB, squeezed to `size` x `size` pixels: images (N, 3, size, size), masks of 0 and 1.

    Images are resized bilinearly (averaging when shrinking); a mask pixel is 1 where at least half of its area is
    foreground. Hashes are of the images at their own size. `on_progress(done, total)` is called after each pair.

    Raises:
        DataError: There are no pairs, `size` is below 1, or files cannot be used (all are looked at, the first 20
            faults are given).
    """
    if not pairs or size < 1:
        raise DataError(f"load: needed at least one pair and one pixel; got {len(pairs)} pairs and size={size}")
    images = np.zeros((len(pairs), 3, size, size), dtype=np.uint8)
    masks = np.zeros((len(pairs), size, size), dtype=np.uint8)
    hashes: list[str] = []
    faults: list[str] = []
    for index, pair in enumerate(pairs):
        decoded = _decode(pair, faults)
        if decoded is not None:
            images[index] = resize_image(decoded.pixels, size).transpose(2, 0, 1)
            masks[index] = resize_mask(decoded.mask, size)
            hashes.append(content_hash(decoded.pixels))
        if on_progress is not None:
            on_progress(index + 1, len(pairs))
    _raise_faults(faults, f"load: {len(faults)} faults in {len(pairs)} pairs")
    return Samples(torch.from_numpy(images), torch.from_numpy(masks), tuple(pair.id for pair in pairs), tuple(hashes))


class _Decoded(NamedTuple):
    pixels: NDArray[np.uint8]  # (H, W, 3)
    mode: str
    mask: NDArray[np.bool_]  # (H, W)


def _decode(pair: Pair, faults: list[str]) -> _Decoded | None:
    """The pair's pictures, or None after adding what is wrong with them to `faults`."""
    picture = _attempt(read_image, pair.image, faults)
    mask = _attempt(read_mask, pair.mask, faults)
    if picture is None or mask is None:
        return None
    height, width = picture.pixels.shape[:2]
    if mask.shape != (height, width):
        faults.append(
            f"{pair.mask}: the mask must have its image's size {height} x {width} (height x width), "
            f"got {mask.shape[0]} x {mask.shape[1]}; export it again at that size"
        )
        return None
    return _Decoded(picture.pixels, picture.mode, mask)


def _attempt(read: Callable[[Path], Read], path: Path, faults: list[str]) -> Read | None:
    try:
        return read(path)
    except DataError as fault:
        faults.append(str(fault))
        return None


def _mask_id(stem: str, images: Container[str]) -> str:
    """The id of the image that a mask file belongs to."""
    bare = [stem.removesuffix(ending) for ending in MASK_ENDINGS]
    return next((name for name in [stem, *bare] if name in images), stem)


def _files_by_id(root: Path, part: str, id_of: Callable[[str], str], faults: list[str]) -> dict[str, Path]:
    folder = root / part
    if not folder.is_dir():
        found = sorted(path.name for path in root.iterdir() if path.is_dir())
        raise DataError(
            f"{folder}: no such folder; needed {root}/images/ID.* and {root}/masks/ID.*, "
            f"got folders {listed(found) if found else '(none)'}; rename or move them"
        )
    by_id: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file():
            by_id.setdefault(id_of(path.stem), []).append(path)
    twice = [" = ".join(path.name for path in paths) for paths in by_id.values() if len(paths) > 1]
    if twice:
        faults.append(f"{folder}: {len(twice)} ids have more than one file: {listed(twice)}; keep one of each")
    return {name: paths[0] for name, paths in by_id.items()}


def _raise_faults(faults: Sequence[str], heading: str) -> None:
    """Raise one fault as it is, several as a list under `heading`."""
    if len(faults) == 1:
        raise DataError(faults[0])
    if faults:
        rest = len(faults) - SHOWN_FAULTS
        more = [f"and {rest} more"] if rest > 0 else []
        raise DataError("\n  ".join([f"{heading}:", *faults[:SHOWN_FAULTS], *more]))
