"""Spawned worker processes, one for each slot. One that dies or is silent too long costs its job, not the search."""

import multiprocessing.connection
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import cast

import torch.multiprocessing

from studies.execution.jobs import Ended, Job, Lost, Report
from studies.execution.worker import Beat, Order, Task, work

__all__ = ["Processes"]

_DEATH_S = 5.0
_START_S = 60.0  # a new process may be silent for so much longer: on a busy machine its imports take a while
_HOLD_S = 60.0  # a step or an evaluation that takes longer is measured beside


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    job: Job | None = None
    heard: float = 0.0
    held: bool = False


class Processes:
    """An executor of one spawned process per entry of `devices`.

    Args:
        task: What every worker needs; its device is replaced by the slot's.
        devices: `cpu`, `cuda:0`, ...: one for each slot.
        silence_s: A training that gives no sign of life for so long is killed and reported lost.
    """

    def __init__(self, task: Task, devices: Sequence[str], silence_s: float):
        self._task, self._devices, self._silence_s = task, tuple(devices), silence_s
        self._context = torch.multiprocessing.get_context("spawn")
        for samples in (task.material.training, task.material.validation):
            for tensor in (samples.images, samples.masks):
                tensor.share_memory_()  # type: ignore[no-untyped-call]  # torch's
        self._workers: dict[int, _Worker] = {}
        self._reports: list[Report] = []

    @property
    def slots(self) -> int:
        """How many jobs can run at once."""
        return len(self._devices)

    def submit(self, job: Job) -> None:
        """Give the job to a free worker; one that died is replaced first."""
        slot = next(i for i in range(self.slots) if i not in self._workers or self._workers[i].job is None)
        worker = self._workers.get(slot)
        if worker is None or not worker.process.is_alive():
            if worker is not None:
                worker.connection.close()
            worker = self._workers[slot] = self._spawn(slot)
        worker.job, worker.heard = job, max(worker.heard, time.monotonic())
        with suppress(OSError):  # it died just now, and is found dead by `wait`
            worker.connection.send(job)

    def wait(self, seconds: float) -> list[Report]:
        """Return what workers have reported; after so many seconds nothing."""
        end = time.monotonic() + seconds
        while not self._reports and time.monotonic() < end and any(w.job for w in self._workers.values()):
            self._listen(min(1.0, max(0.0, end - time.monotonic())))
        for worker in self._workers.values():
            if worker.job is not None and time.monotonic() - worker.heard > self._silence_s:
                self._lose(worker, f"no sign of life for {self._silence_s:.0f} s; killed")
        reports, self._reports = self._reports, []
        return reports

    def cancel(self, job: Job) -> None:
        """Kill the worker that has the job."""
        for worker in self._workers.values():
            if worker.job == job:
                worker.job = None
                _kill(worker)

    @contextmanager
    def quiet(self, check_leave: Callable[[], None]) -> Iterator[None]:
        """Hold all workers between two steps; one that does not come to the end of its step in a minute runs on."""
        busy = [worker for worker in self._workers.values() if worker.job is not None]
        for worker in busy:
            worker.held = False
            _say(worker, Order.HOLD)
        end = time.monotonic() + _HOLD_S
        try:
            while any(w.job is not None and not w.held for w in busy) and time.monotonic() < end:
                check_leave()
                self._listen(0.2)
            yield
        finally:
            for worker in busy:
                worker.heard = max(worker.heard, time.monotonic())  # one that starts is given time beyond now
                _say(worker, Order.GO)

    def close(self, seconds: float) -> None:
        """Ask all workers to leave after their step; kill what is still there after so many seconds."""
        for worker in self._workers.values():
            _say(worker, Order.LEAVE)
        end = time.monotonic() + seconds
        for worker in self._workers.values():
            worker.process.join(max(0.0, end - time.monotonic()))
            _kill(worker)
        self._workers.clear()

    def _spawn(self, slot: int) -> _Worker:
        ours, theirs = self._context.Pipe()
        device = self._devices[slot]
        task = replace(self._task, device=device, sharing=self._devices.count(device))
        process = self._context.Process(target=work, args=(theirs, task), name=f"nas-worker-{slot}", daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours, heard=time.monotonic() + _START_S)

    def _listen(self, seconds: float) -> None:
        """Take in what workers say within so many seconds, and which of them have died."""
        ears = {worker.connection: worker for worker in self._workers.values() if worker.job is not None}
        for connection in multiprocessing.connection.wait(list(ears), seconds):
            self._hear(ears[cast(Connection, connection)])

    def _hear(self, worker: _Worker) -> None:
        try:
            while worker.job is not None and worker.connection.poll():
                message = worker.connection.recv()
                worker.heard = time.monotonic()
                if isinstance(message, Beat):
                    worker.held = message.held
                else:
                    self._reports.append(message)
                    if isinstance(message, Ended):
                        worker.job = None
        except (EOFError, OSError):
            worker.process.join(_DEATH_S)  # its end of the connection closed; now its exit code comes
            self._lose(worker, f"its process {_cause(worker.process.exitcode)}")

    def _lose(self, worker: _Worker, reason: str) -> None:
        _kill(worker)
        if worker.job is not None:
            self._reports.append(Lost(worker.job, reason))
            worker.job = None


def _say(worker: _Worker, order: Order) -> None:
    with suppress(OSError):  # a dead worker needs no orders; that it died is found by who listens
        worker.connection.send(order)


def _kill(worker: _Worker) -> None:
    """End the process for good, also one that is stopped; nothing of it writes or reports afterwards."""
    worker.process.kill()
    worker.process.join()
    worker.connection.close()


def _cause(exitcode: int | None) -> str:
    if exitcode is None:
        return "left the conversation; killed"
    if exitcode < 0:
        hint = " (out of memory?)" if -exitcode == signal.SIGKILL else ""
        return f"was ended by {signal.Signals(-exitcode).name}{hint}"
    return f"ended with code {exitcode}"
