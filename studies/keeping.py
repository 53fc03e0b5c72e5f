"""What stays on disk of the trials that are not being trained: disk use is bounded by the front and `rungs.keep`."""

from optuna.trial import FrozenTrial, TrialState

from studies.folder import StudyFolder
from studies.ledger import Ledger
from studies.records import curve_of

__all__ = ["Keeper"]


class Keeper:
    """Deletes weights of dominated trials, and checkpoints of all waiting or stopped ones but the best.

    A trial that is promoted without its checkpoint trains again from the start.
    """

    def __init__(self, folder: StudyFolder, ledger: Ledger, most_checkpoints: int):
        self._folder, self._ledger, self._most = folder, ledger, most_checkpoints
        self._gone: set[tuple[int, str]] = set()

    def tidy(self) -> None:
        """Delete what need not stay."""
        trials, front = self._ledger.trials, {trial.number for trial in self._ledger.front()}
        for trial in trials:
            if trial.state == TrialState.COMPLETE and trial.number not in front:
                self._delete(trial.number, "weights.safetensors")
        idle = [t for t in trials if t.user_attrs.get("paused") and t.state in (TrialState.RUNNING, TrialState.PRUNED)]
        for trial in sorted(idle, key=_promise, reverse=True)[self._most :]:
            self._delete(trial.number, "checkpoint.pt")

    def _delete(self, number: int, name: str) -> None:
        if (number, name) not in self._gone:
            (self._folder.trial(number) / name).unlink(missing_ok=True)
            self._gone.add((number, name))


def _promise(trial: FrozenTrial) -> tuple[int, float, int]:
    """Order by how far a trial came and how good it was there."""
    curve = curve_of(trial)
    return len(curve), curve[-1], -trial.number
