"""How many images at a time a trial begins with: predicted from its graph, and from what earlier trials took."""

from collections.abc import Sequence

import torch
from optuna.trial import FrozenTrial

from evaluators.curve import Curve
from evaluators.faults import OutOfMemory
from evaluators.memory import footprint, free_bytes
from nas.graph import Graph
from studies.config import StudyConfig
from studies.material import Material

__all__ = ["MemoryPlan", "learnt_factor"]


def learnt_factor(trials: Sequence[FrozenTrial]) -> float:
    """Return by what predictions are multiplied: the greatest factor that a trial has shown, 1 before any has."""
    return max((float(t.user_attrs["memory_factor"]) for t in trials if "memory_factor" in t.user_attrs), default=1.0)


class MemoryPlan:
    """The memory that one trial is predicted to take on a device, and took.

    `sharing`: trainings that run on the device at once, this one included; each gets its share of what is free.
    """

    def __init__(
        self,
        graph: Graph,
        config: StudyConfig,
        material: Material,
        device: torch.device,
        factor: float,
        sharing: int = 1,
    ) -> None:
        self._batch = min(config.train.batch, len(material.training))
        self._device = device
        self._factor = factor
        self._sharing = sharing
        self._needs = footprint(graph, config.train.size, _data_bytes(material) if device.type == "cuda" else 0)

    def micro_batch(self) -> int:
        """Return how many images at a time to begin with.

        Raises:
            OutOfMemory: On the CPU, where too much memory would end the whole process or others: not even one image
                fits. A CUDA device is asked.
        """
        free = free_bytes(self._device)
        free = None if free is None else free // self._sharing
        fitting = self._batch if free is None else self._needs.fitting(self._batch, free, self._factor)
        if not fitting and self._device.type == "cpu":
            asked = self._needs.bytes(1, self._factor)
            raise OutOfMemory(
                f"training: one image at a time is predicted to take {asked} bytes, {free} are free for it; "
                f"train smaller images or limit params and peak_memory_bytes",
                asked,
            )
        return max(1, fitting)

    def facts(self, curve: Curve) -> dict[str, object]:
        """Return what to record of a finished training; the factor only where tensors were counted, on CUDA."""
        size, peak = curve.epochs[-1].micro_batch, curve.peak_bytes
        facts: dict[str, object] = {"micro_batch": size}
        if peak is not None:
            facts["peak_bytes"] = peak
        if peak is not None and size and self._device.type == "cuda":
            facts["memory_factor"] = self._needs.factor(peak, curve.epochs[0].micro_batch or size)
        return facts


def _data_bytes(material: Material) -> int:
    parts = (material.training, material.validation)
    return sum(tensor.nbytes for part in parts for tensor in (part.images, part.masks))
