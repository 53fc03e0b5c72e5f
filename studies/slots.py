"""How many trainings run at once, and where."""

import os
from collections.abc import Callable

import torch

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
    """Return the device of each slot, and the CPU threads of each."""
    asked, device = config.workers, pick_device(config.device)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if device.type == "cuda":
        named = ":" in config.device
        every = [config.device] if named else [f"cuda:{i}" for i in range(torch.cuda.device_count())]
        count = len(every) if asked == "auto" else asked
        devices = [every[i % len(every)] for i in range(count)]
    else:
        devices = ["cpu"] * (cores if asked == "auto" else asked)
    threads = config.train.threads
    return devices, max(1, cores // len(devices)) if threads == "auto" else threads
