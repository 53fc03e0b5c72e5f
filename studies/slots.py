"""How many trainings run at once, and where."""

from collections.abc import Callable
from typing import Literal

import torch

from evaluators.calibration import best_slots, usable_cores
from evaluators.device import pick_device
from studies.config import StudyConfig
from studies.execution import Executor, Here, Processes
from studies.execution.worker import Task
from studies.material import Material
from studies.pretrained import Pretrained
from studies.trial import Trainer

__all__ = ["executor_for"]


def executor_for(
    config: StudyConfig, material: Material, pretrained: Pretrained | None, interrupted: Callable[[], bool]
) -> Executor:
    """Return who trains, as `workers`, `device` and `train.threads` ask."""
    if config.workers == 0:
        return Here(Trainer(config, material, interrupted, pretrained))
    devices, threads = slots_of(config)
    return Processes(Task(config, material, pretrained, "", threads), devices, config.train.silence_s)


def slots_of(config: StudyConfig) -> tuple[list[str], int]:
    """Return the device of each slot, and the CPU threads of each.

    On the CPU `auto` is what trains most images per second here; the first time that is measured, in some seconds.
    """
    workers, threads, cores = config.workers, config.train.threads, usable_cores()
    if pick_device(config.device).type == "cuda":
        every = [config.device] if ":" in config.device else [f"cuda:{i}" for i in range(torch.cuda.device_count())]
        devices = [every[i % len(every)] for i in range(len(every) if workers == "auto" else max(1, workers))]
    elif workers == "auto" and threads == "auto":
        best = best_slots()
        return ["cpu"] * best.processes, best.threads
    else:
        devices = ["cpu"] * _processes(workers, threads, cores)
    return devices, max(1, cores // len(devices)) if threads == "auto" else threads


def _processes(workers: int | Literal["auto"], threads: int | Literal["auto"], cores: int) -> int:
    """Return how many processes of so many threads are asked for, or fill the cores."""
    if workers != "auto":
        return max(1, workers)
    return max(1, cores // threads) if threads != "auto" else cores
