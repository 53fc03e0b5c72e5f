"""A layout and the pairs it gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from evaluators.data.findings import Finding
from evaluators.data.volumes import Slice

__all__ = ["Found", "Kind", "Layout", "Pair"]

Kind = Literal["pairs", "instances", "csv"]


@dataclass(frozen=True)
class Layout:
    """Where images and masks lie.

    Attributes:
        root: Their folder.
        kind: `pairs`: a mask for each image. `instances`: a folder for each image, and a mask for each object in it.
            `csv`: a table names them.
        images: Folder below `root`, or a pattern with `{id}`; of a csv the column. None: the layout's default.
        masks: Likewise.
        csv: The table, below `root`.
        axis: Of volumes, along which slices are taken: 0, 1 or 2.
    """

    root: Path
    kind: Kind = "pairs"
    images: str | None = None
    masks: str | None = None
    csv: str | None = None
    axis: int = 2


@dataclass(frozen=True)
class Pair:
    """An image and its mask.

    Attributes:
        id: Its name in the data set.
        image: File, or volume that it is a slice of.
        masks: One file; several (one for each object) are united.
        slice: Which slice of image and mask, if they are volumes.
        columns: What a table says of it, by column; of a slice, `volume`.
    """

    id: str
    image: Path
    masks: tuple[Path, ...]
    slice: Slice | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


class Found(NamedTuple):
    """The pairs of a folder, sorted by id, and what kept other files from being one."""

    pairs: tuple[Pair, ...]
    faults: tuple[Finding, ...]
