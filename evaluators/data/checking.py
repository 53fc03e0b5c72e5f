"""Looking at every pair of a data set once: what can be used, what cannot, and the facts a study needs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluators.data.findings import Finding
from evaluators.data.form import Form
from evaluators.data.layouts.layout import Pair
from evaluators.data.likeness import thumbnail
from evaluators.data.loading import Decoded, Progress, decode_pair
from evaluators.data.regions import object_areas
from evaluators.data.samples import content_hash
from evaluators.dice import IGNORE

__all__ = ["FolderCheck", "FolderFacts", "Look", "check"]


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


@dataclass(frozen=True, eq=False)
class Look:
    """What one look at a pair tells.

    Attributes:
        pair: The pair.
        height: Of the image, in pixels.
        width: Of the image, in pixels.
        mode: How the file stores the image.
        turned: Whether a rotation tag of the image was obeyed.
        pixels_of: Number of mask pixels of each class, the background first; ignored pixels are in none.
        objects: Areas in pixels of the connected regions of each class but the background.
        hash: Of the image's content.
        thumbnail: What the image looks like, for `likeness`.
    """

    pair: Pair
    height: int
    width: int
    mode: str
    turned: bool
    pixels_of: tuple[int, ...]
    objects: tuple[NDArray[np.int64], ...]
    hash: str
    thumbnail: NDArray[np.float32]

    @property
    def foreground_share(self) -> float:
        """Share of the image's pixels, 0..1, that are of a class but the background."""
        return sum(self.pixels_of[1:]) / (self.height * self.width)


@dataclass(frozen=True)
class FolderCheck:
    """The usable pairs with their facts (None if there are none), and a finding for each fault of the others."""

    looks: tuple[Look, ...]
    facts: FolderFacts | None
    findings: tuple[Finding, ...]

    @property
    def faults(self) -> tuple[str, ...]:
        """One line for each fault."""
        return tuple(finding.text for finding in self.findings)


def check(pairs: Sequence[Pair], on_progress: Progress | None = None, *, form: Form | None = None) -> FolderCheck:
    """Decode every file and collect the facts and all faults, without keeping any picture.

    `on_progress(done, total)` is called after each pair.
    """
    form = form or Form()
    findings: list[Finding] = []
    looks: list[Look] = []
    for done, pair in enumerate(pairs, start=1):
        decoded = decode_pair(pair, form, findings)
        if decoded is not None:
            looks.append(_look(pair, decoded, len(form.classes)))
        if on_progress is not None:
            on_progress(done, len(pairs))
    return FolderCheck(tuple(looks), _facts(looks), tuple(findings))


def _look(pair: Pair, decoded: Decoded, classes: int) -> Look:
    picture, labels = decoded
    counts = np.bincount(labels.ravel(), minlength=IGNORE + 1)
    return Look(
        pair=pair,
        height=labels.shape[0],
        width=labels.shape[1],
        mode=picture.mode,
        turned=picture.turned,
        pixels_of=tuple(int(count) for count in counts[:classes]),
        objects=tuple(object_areas(labels == label) for label in range(1, classes)),
        hash=content_hash(picture.pixels),
        thumbnail=thumbnail(picture.pixels),
    )


def _facts(looks: Sequence[Look]) -> FolderFacts | None:
    if not looks:
        return None
    height, width = (int(side) for side in np.median([(look.height, look.width) for look in looks], axis=0))
    shares = np.quantile([look.foreground_share for look in looks], (0, 0.25, 0.5, 0.75, 1))
    low, first, middle, third, high = (float(share) for share in shares)
    modes = dict(Counter(look.mode for look in looks))
    return FolderFacts(len(looks), height, width, (low, first, middle, third, high), modes)
