"""Where trials are trained: in the driver's own process, or in workers, one for each slot of a device."""

from studies.execution.here import Here
from studies.execution.jobs import Ended, Epoch, Executor, Job, Lost, Report
from studies.execution.processes import Processes

__all__ = ["Ended", "Epoch", "Executor", "Here", "Job", "Lost", "Processes", "Report"]
