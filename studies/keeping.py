"""What stays on disk of the trials that are not being trained: disk use is bounded by the front and `rungs.keep`."""

from studies.folder import StudyFolder
from studies.ledger import Ledger
from studies.predictions import PREDICTIONS
from studies.records import is_published
from studies.rungs import Run

__all__ = ["Keeper"]


class Keeper:
    """Deletes weights of dominated trials, and checkpoints of all waiting or stopped ones but the best.

    Pictures of predictions go with the weights, but those of published networks stay: others are set beside them. All
    go where the study may hold no pictures.
    A trial that is promoted without its checkpoint trains again from the start.
    """

    def __init__(self, folder: StudyFolder, ledger: Ledger, most_checkpoints: int, pictures: bool = True):
        self._folder, self._ledger, self._most, self._pictures = folder, ledger, most_checkpoints, pictures
        self._gone: set[tuple[int, str]] = set()

    def tidy(self) -> None:
        """Delete what need not stay."""
        tally = self._ledger.tally()
        for number in tally.dominated:
            self._delete(number, "weights.safetensors")
            if not is_published(self._ledger.trials[number]):
                self._delete(number, PREDICTIONS)
        for trial in () if self._pictures else self._ledger.trials:
            self._delete(trial.number, PREDICTIONS)
        idle = [run for run in tally.runs() if run.paused and (run.number, "checkpoint.pt") not in self._gone]
        for run in sorted(idle, key=_promise, reverse=True)[self._most :]:
            self._delete(run.number, "checkpoint.pt")

    def _delete(self, number: int, name: str) -> None:
        if (number, name) not in self._gone:
            (self._folder.trial(number) / name).unlink(missing_ok=True)
            self._gone.add((number, name))


def _promise(run: Run) -> tuple[int, float, int]:
    """Order by how far a trial came and how good it was there."""
    return len(run.dice), run.dice[-1], -run.number
