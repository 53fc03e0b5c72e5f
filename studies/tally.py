"""What the driver knows of its trials by heart, so that a trial more costs the same however many there are."""

from collections import Counter
from collections.abc import Mapping, Sequence

from optuna.trial import FrozenTrial, TrialState

from studies.front import Reference, front_of, hypervolume
from studies.records import curve_of, is_published, values_of
from studies.rungs import Run

__all__ = ["Tally"]


class Tally:
    """Sums over trials. Ended trials never change, so each is looked at once; the others whenever they are told of.

    Attributes:
        outcomes: How many trials ended in which way.
        front: Trials that no other dominates, best Dice first.
        volumes: Hypervolume after each trial that ended well, in the order in which they ended.
        dominated: Trials that ended well and are not on the front.
    """

    def __init__(self, objectives: Sequence[str], reference: Reference):
        self.outcomes: Counter[str] = Counter()
        self.front: list[FrozenTrial] = []
        self.volumes: list[float] = []
        self.dominated: list[int] = []
        self.continued: set[int] = set()
        self._objectives, self._reference = tuple(objectives), reference
        self._seconds = 0.0
        self._seen = 0
        self._open: dict[int, FrozenTrial] = {}
        self._runs: dict[int, Run] = {}

    def take_in(self, trials: Sequence[FrozenTrial]) -> None:
        """Look at new trials and at those that had not ended."""
        changed = [trials[number] for number in (*self._open, *range(self._seen, len(trials)))]
        continued = {int(t.user_attrs["continues"]) for t in trials[self._seen :] if "continues" in t.user_attrs}
        self.continued |= continued
        self._seconds -= sum(float(trials[number].user_attrs.get("seconds", 0)) for number in continued)
        self._seen = len(trials)
        self._open = {trial.number: trial for trial in changed if not trial.state.is_finished()}
        for trial in changed:
            if trial.state != TrialState.FAIL:
                self._runs[trial.number] = self._run(trial)
        ended = [trial for trial in changed if trial.state.is_finished()]
        for trial in sorted(ended, key=lambda t: (t.datetime_complete, t.number)):
            self._count(trial)

    @property
    def open(self) -> list[FrozenTrial]:
        """The trials that have not ended, in the order of their numbers."""
        return [self._open[number] for number in sorted(self._open)]

    @property
    def seconds(self) -> float:
        """What all trainings took so far, up to the last rung of each."""
        return self._seconds + sum(float(trial.user_attrs.get("seconds", 0)) for trial in self._open.values())

    def runs(self) -> list[Run]:
        """Return what promotion looks at: all trials but those that failed, or that another one continues."""
        return [run for number, run in self._runs.items() if number not in self.continued]

    def _run(self, trial: FrozenTrial) -> Run:
        known: Mapping[str, float] = trial.user_attrs["costs"]
        costs = {name: float(known[name]) for name in self._objectives if name != "dice"}
        return Run(trial.number, curve_of(trial), costs, bool(trial.user_attrs.get("paused")), is_published(trial))

    def _count(self, trial: FrozenTrial) -> None:
        self.outcomes[str(trial.user_attrs.get("outcome"))] += 1
        self._seconds += float(trial.user_attrs.get("seconds", 0))
        if trial.state == TrialState.FAIL:
            self._runs.pop(trial.number, None)
        if trial.state != TrialState.COMPLETE:
            return
        candidates = [*self.front, trial]
        rows = [values_of(each, self._objectives) for each in candidates]
        kept = front_of(rows, self._objectives)
        self.dominated += [each.number for i, each in enumerate(candidates) if i not in kept]
        self.front = [candidates[i] for i in kept]
        self.volumes.append(hypervolume([rows[i] for i in kept], self._reference))
