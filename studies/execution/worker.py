"""The process that trains: takes jobs from the driver, one after the other, and dies with it.

Orders and jobs come through one connection, which a thread reads, so that a training can be held or asked to leave
between two steps. When the driver is gone the connection ends, and so does the process, whatever it does just then:
checkpoints are whole at any moment.
"""

import os
import signal
import threading
import time
from dataclasses import dataclass
from enum import Enum
from multiprocessing.connection import Connection
from queue import SimpleQueue

import torch

from evaluators.curve import EpochRecord
from evaluators.faults import Interrupted
from studies.config import StudyConfig
from studies.execution.jobs import Ended, Epoch, Job
from studies.material import Material
from studies.pretrained import Pretrained
from studies.trial import Trainer

__all__ = ["Beat", "Order", "Task", "work"]

_BEAT_S = 1.0


class Order(Enum):
    """What the driver says to a worker that is training."""

    HOLD = "hold"  # compute nothing until GO; answered by Beat(held=True)
    GO = "go"
    LEAVE = "leave"  # end after this step


@dataclass(frozen=True)
class Beat:
    """A sign of life, given between two steps."""

    held: bool = False


@dataclass(frozen=True)
class Task:
    """What a worker needs once. The images lie in shared memory. `sharing`: workers of its device, itself included."""

    config: StudyConfig
    material: Material
    pretrained: Pretrained | None
    device: str
    threads: int | None
    sharing: int = 1


def work(connection: Connection, task: Task) -> None:
    """Train what comes, until told to leave. Runs as the main function of a spawned process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to all; the driver decides
    if task.threads is not None:
        torch.set_num_threads(task.threads)
    desk = _Desk(connection)
    signal.signal(signal.SIGTERM, lambda *_: desk.leave.set())
    trainer = Trainer(task.config, task.material, desk.asked_to_leave, task.pretrained, task.device, task.sharing)
    while (job := desk.jobs.get()) is not None:

        def on_epoch(record: EpochRecord, job: Job = job) -> None:
            connection.send(Epoch(job, record))

        try:
            connection.send(Ended(job, trainer.run(job.folder, job.until, on_epoch, job.memory_factor, job.seed)))
        except Interrupted:
            return


class _Desk:
    """The worker's end of the connection."""

    def __init__(self, connection: Connection):
        self.jobs: SimpleQueue[Job | None] = SimpleQueue()
        self.leave = threading.Event()
        self._connection = connection
        self._go = threading.Event()
        self._go.set()
        self._held = False
        self._beat_at = 0.0
        threading.Thread(target=self._read, daemon=True).start()

    def asked_to_leave(self) -> bool:
        """Give a sign of life, wait while held, and return whether to leave. Training asks before every step."""
        if not self._go.is_set():
            self._connection.send(Beat(held=True))
            self._go.wait()
        elif time.monotonic() - self._beat_at > _BEAT_S:
            self._beat_at = time.monotonic()
            self._connection.send(Beat())
        return self.leave.is_set()

    def _read(self) -> None:
        while True:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                os._exit(1)  # the driver is gone
            if isinstance(message, Job):
                self.jobs.put(message)
            elif message is Order.HOLD:
                self._go.clear()
            elif message is Order.GO:
                self._go.set()
            else:
                self.leave.set()
                self._go.set()
                self.jobs.put(None)
