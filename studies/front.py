"""Non-dominated trials and hypervolume, over (1 - Dice, log10 of each cost)."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import moocore
import numpy as np
from numpy.typing import NDArray

__all__ = ["Reference", "added_hypervolume", "front_of", "hypervolume", "hypervolumes", "knee_of", "ranks_of"]

Values = Mapping[str, float]


@dataclass(frozen=True)
class Reference:
    """The point that hypervolume is measured against; fixed when a study starts and stored with it.

    values: per objective, Dice of the best trivial prediction and, for each cost, its limit or twice the most expensive
    published member's.
    """

    values: dict[str, float]

    def to_json(self) -> str:
        """Return the stored form."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Reference":
        """Read the stored form."""
        return cls(dict(json.loads(text)["values"]))

    def point(self) -> NDArray[np.float64]:
        """Return the point to minimise from."""
        return _points([self.values], tuple(self.values)).reshape(-1)


def front_of(rows: Sequence[Values], objectives: Sequence[str]) -> list[int]:
    """Return the indexes of the non-dominated rows, best Dice first. Equal rows are all kept."""
    if not rows:
        return []
    kept = moocore.is_nondominated(_points(rows, objectives), keep_weakly=True)
    return sorted(np.flatnonzero(kept).tolist(), key=lambda i: -rows[i]["dice"])


def knee_of(front: Sequence[Values], objectives: Sequence[str]) -> int:
    """Return the index of the row nearest to the ideal point, each objective scaled to the front's extent: its knee."""
    points = _points(front, objectives)
    extent = np.ptp(points, axis=0)
    scaled = (points - points.min(axis=0)) / np.where(extent > 0, extent, 1)
    return int(np.linalg.norm(scaled, axis=1).argmin())


def hypervolume(rows: Sequence[Values], reference: Reference) -> float:
    """Return the volume between the rows and the reference point; a row worse than it in any objective adds nothing."""
    if not rows:
        return 0.0
    return float(moocore.hypervolume(_points(rows, tuple(reference.values)), ref=reference.point()))


def hypervolumes(rows: Sequence[Values], reference: Reference) -> list[float]:
    """Return the hypervolume of the first row, of the first two, and so on; a dominated row costs next to nothing."""
    volumes: list[float] = []
    front = np.empty((0, len(reference.values)))
    for point in _points(rows, tuple(reference.values)) if rows else ():
        if (front <= point).all(axis=1).any():
            volumes.append(volumes[-1])
        else:
            front = np.vstack([front[~(point <= front).all(axis=1)], point])
            volumes.append(float(moocore.hypervolume(front, ref=reference.point())))
    return volumes


def added_hypervolume(row: Values, others: Sequence[Values], reference: Reference) -> float:
    """Return what the row adds to the hypervolume of the others."""
    return hypervolume([*others, row], reference) - hypervolume(others, reference)


def ranks_of(rows: Sequence[Values], reference: Reference) -> list[int]:
    """Return each row's place in the non-dominated sorting: 0 for the front, 1 for the front without that, ..."""
    ranks: list[int] = moocore.pareto_rank(_points(rows, tuple(reference.values))).tolist() if rows else []
    return ranks


def _points(rows: Sequence[Values], objectives: Sequence[str]) -> NDArray[np.float64]:
    """Return one row each, all to be minimised."""
    return np.array(
        [[1 - row[name] if name == "dice" else math.log10(row[name]) for name in objectives] for row in rows]
    )
