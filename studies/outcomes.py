"""How a trial can end, and what Optuna is told of it. A measured value is finite or it is not told."""

from typing import Literal

from optuna.trial import TrialState

from evaluators.faults import CheckpointError, Diverged, OutOfMemory, TimedOut
from nas.errors import NasError

__all__ = ["OUTCOMES", "Outcome", "outcome_of", "state_of"]

Outcome = Literal["ok", "stopped", "oom", "diverged", "timeout", "crash", "data_error", "bug"]
OUTCOMES: tuple[Outcome, ...] = ("ok", "stopped", "oom", "diverged", "timeout", "crash", "data_error", "bug")

_BY_FAULT: dict[type[NasError], Outcome] = {
    OutOfMemory: "oom",
    Diverged: "diverged",
    TimedOut: "timeout",
    CheckpointError: "data_error",
}


def outcome_of(fault: Exception) -> Outcome:
    """Return the outcome that a trial's fault is recorded as; what nobody foresaw is a bug."""
    for kind, outcome in _BY_FAULT.items():
        if isinstance(fault, kind):
            return outcome
    return "bug"


def state_of(outcome: Outcome) -> TrialState:
    """Return the Optuna state of an outcome: complete, pruned by a rung, or failed."""
    return {"ok": TrialState.COMPLETE, "stopped": TrialState.PRUNED}.get(outcome, TrialState.FAIL)
