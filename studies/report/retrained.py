"""Networks of a study that were retrained with several seeds, as far as their trainings have ended."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean, stdev
from typing import NamedTuple

from studies.folder import StudyFolder
from studies.retraining.plan import RetrainFolder

__all__ = ["Retrained", "results_in", "retrained_of"]


class Retrained(NamedTuple):
    """A network that a retraining in folder `name` trained again.

    number: Of the trial. epochs: Of each training. dices: On the validation images at the last epoch, one of each seed.
    """

    number: int
    name: str
    epochs: int
    dices: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return fmean(self.dices)

    @property
    def deviation(self) -> float:
        """Standard deviation over the seeds, 0 of a single one."""
        return stdev(self.dices) if len(self.dices) > 1 else 0.0

    @property
    def text(self) -> str:
        """What is said of it."""
        seeds = f"{len(self.dices)} seeds" if len(self.dices) > 1 else "one seed"
        spread = f" ± {self.deviation:.4f}" if len(self.dices) > 1 else ""
        return f"Dice {self.mean:.4f}{spread} over {seeds}, {self.epochs} epochs each (retrained/{self.name})"


def retrained_of(folder: StudyFolder, number_of: Mapping[str, int]) -> tuple[Retrained, ...]:
    """Return what the study's retrainings say; one that cannot be read says nothing.

    number_of: The trials by what a retraining calls them, `trial-N` or `published:NAME`.
    """
    found = []
    for path in sorted(folder.root.glob("retrained/*/selection.json")):
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            known = [name for name in stored["networks"] if name in number_of]
            found += list(_retrained(RetrainFolder(path.parent), known, stored["seeds"], number_of))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return tuple(found)


def _retrained(
    folder: RetrainFolder, names: list[str], seeds: list[int], number_of: Mapping[str, int]
) -> Iterator[Retrained]:
    for name in names:
        ended = [folder.run(name, seed).result() for seed in seeds]
        well = [result for result in ended if result.get("outcome") == "ok"]
        if well:
            dices = tuple(float(result["dice"]) for result in well)
            yield Retrained(number_of[name], folder.root.name, int(well[0]["epochs"]), dices)


def results_in(folder: StudyFolder) -> list[Path]:
    """Return the files that say how a training ended."""
    return sorted(folder.root.glob("retrained/*/runs/*/*/result.json"))
