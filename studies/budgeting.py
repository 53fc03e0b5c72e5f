"""When a search ends: trials, hours, device-hours, or a hypervolume that no longer grows."""

import time

from studies.ledger import Ledger
from studies.sections import Budget

__all__ = ["LEAST_GROWTH", "Spending"]

LEAST_GROWTH = 0.01  # of the hypervolume; less in `budget.patience` finished trials is no progress


class Spending:
    """What is left of a budget. The clock starts when this is made; trials and device-hours are of the whole study."""

    def __init__(self, budget: Budget, ledger: Ledger):
        self._budget, self._ledger = budget, ledger
        self._began = time.monotonic()

    def trials_total(self) -> int:
        """Return how many trials there will be: the budget's, and those that continue one of them."""
        return max(len(self._ledger.trials), self._budget.trials + len(self._ledger.tally().continued))

    def trials_left(self) -> bool:
        """Return whether a new trial may begin."""
        return len(self._ledger.trials) < self.trials_total()

    def reason(self) -> str | None:
        """Return why nothing new may be trained, None if it may. Trials that are being trained come to their end."""
        budget = self._budget
        hours = (time.monotonic() - self._began) / 3600
        if budget.hours is not None and hours > budget.hours:
            return f"budget.hours={budget.hours} is spent"
        if budget.device_hours is not None and self._device_hours() > budget.device_hours:
            return f"budget.device_hours={budget.device_hours} is spent"
        if budget.patience is not None and self._stagnates(budget.patience):
            return (
                f"budget.patience={budget.patience}: the hypervolume grew by less than {LEAST_GROWTH:.0%} "
                f"in as many finished trials"
            )
        return None

    def _device_hours(self) -> float:
        return self._ledger.tally().seconds / 3600

    def _stagnates(self, patience: int) -> bool:
        volumes = self._ledger.tally().volumes
        return len(volumes) > patience and volumes[-1] <= volumes[-1 - patience] * (1 + LEAST_GROWTH)
