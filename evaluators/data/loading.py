"""Reading pairs of images and masks into memory."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from evaluators.data.findings import Finding, raise_faults
from evaluators.data.form import Form
from evaluators.data.labels import read_labels
from evaluators.data.layouts.layout import Pair
from evaluators.data.pictures import Picture, read_image
from evaluators.data.resizing import fit_image, fit_labels
from evaluators.data.samples import DataError, Samples, content_hash

__all__ = ["Decoded", "Progress", "decode_pair", "load"]

Progress = Callable[[int, int], None]  # pairs done, pairs in all
Read = TypeVar("Read")


class Decoded(NamedTuple):
    """An image and its labels (H, W): class indexes, 255 where they are to be ignored; both at their own size."""

    picture: Picture
    labels: NDArray[np.uint8]


def load(pairs: Sequence[Pair], size: int, on_progress: Progress | None = None, *, form: Form | None = None) -> Samples:
    """Read all pairs at `size` x `size` pixels: images (N, C, size, size), uint8 or float32; masks of class indexes.

    Images are resized bilinearly (averaging when shrinking); a mask pixel is of the class that covers most of it, of
    two classes the foreground from half of its area on. Hashes are of the images at their own size.
    `on_progress(done, total)` is called after each pair.

    Raises:
        DataError: There are no pairs, `size` is below 1, or files cannot be used (all are looked at, the first 20
            faults are given).
    """
    if not pairs or size < 1:
        raise DataError(f"load: needed at least one pair and one pixel; got {len(pairs)} pairs and size={size}")
    form = form or Form()
    images = np.zeros((len(pairs), form.channels, size, size), dtype=np.float32 if form.limits else np.uint8)
    masks = np.zeros((len(pairs), size, size), dtype=np.uint8)
    hashes: list[str] = []
    findings: list[Finding] = []
    for index, pair in enumerate(pairs):
        decoded = decode_pair(pair, form, findings)
        if decoded is not None:
            pixels = decoded.picture.pixels
            images[index] = fit_image(pixels, size, form.fit).transpose(2, 0, 1)
            masks[index] = fit_labels(decoded.labels, size, form.fit)
            hashes.append(content_hash(pixels))
        if on_progress is not None:
            on_progress(index + 1, len(pairs))
    raise_faults([finding.text for finding in findings], f"load: {len(findings)} faults in {len(pairs)} pairs")
    return Samples(
        images=torch.from_numpy(images),
        masks=torch.from_numpy(masks),
        ids=tuple(pair.id for pair in pairs),
        hashes=tuple(hashes),
        classes=len(form.classes),
    )


def decode_pair(pair: Pair, form: Form, findings: list[Finding]) -> Decoded | None:
    """Return the pair's picture and labels, or None after adding what is wrong with them to `findings`."""
    read = partial(read_image, pair.image, form.channels, form.limits, pair.slice)
    picture = _attempt(read, pair.image, findings)
    labels: list[NDArray[np.uint8]] = []
    for path in pair.masks:
        mask = _attempt(partial(read_labels, path, form, pair.slice), path, findings)
        if mask is not None and (picture is None or _fits(path, mask, picture, findings)):
            labels.append(mask)
    if picture is None or len(labels) < len(pair.masks):
        return None
    return Decoded(picture, np.maximum.reduce(labels))


def _fits(path: Path, mask: NDArray[np.uint8], picture: Picture, findings: list[Finding]) -> bool:
    height, width = picture.pixels.shape[:2]
    if mask.shape == (height, width):
        return True
    text = (
        f"{path}: the mask must have its image's size {height} x {width} (height x width), "
        f"got {mask.shape[0]} x {mask.shape[1]}; export it again at that size"
    )
    findings.append(Finding("size mismatch", str(path), text))
    return False


def _attempt(read: Callable[[], Read], path: Path, findings: list[Finding]) -> Read | None:
    try:
        return read()
    except DataError as fault:
        findings.append(Finding(fault.kind, str(path), str(fault)))
        return None
