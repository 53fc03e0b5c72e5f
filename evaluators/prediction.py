"""Latency before it is measured: the sum over a graph's launches, from the table of measured ones, times one scale."""

import statistics
from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

import torch

from evaluators.operator_table import OperatorTable, Ran, Setting, kind_of
from evaluators.roofline import Roofline, calibrated, factors_of
from nas.cost import BYTES
from nas.graph import Graph
from nas.launches import Launch, launches_of

__all__ = ["Prediction", "Predictor"]

_RECENT = 200  # networks that the scale is fitted on: the last ones, since machines change
_ENOUGH = 10  # networks measured, before anything is said about the error
_SHARE = 0.95  # of the networks measured, how many were overestimated by no more than is said


class Prediction(NamedTuple):
    """Milliseconds expected of a network.

    launches, by_roofline: of how many the sum is, and how many of them no entry was there for.
    over: of the networks measured so far, 95 % took at least the prediction divided by this; None
        with fewer than 10.
    """

    ms: float
    launches: int
    by_roofline: int
    over: float | None

    def clearly_above(self, limit_ms: float) -> bool:
        """Return whether it is slower than the limit even if it is overestimated as much as the others were."""
        return self.over is not None and self.ms > limit_ms * max(1.0, self.over)


class Predictor:
    """Predicts for one setting. Measures launches that the table lacks if asked; else the roofline stands in."""

    def __init__(self, table: OperatorTable):
        self.table = table
        self._bytes = BYTES[table.setting.precision]

    @classmethod
    def of(
        cls, device: torch.device, precision: str, *, channels_last: bool = True, runtime: str = "torch"
    ) -> "Predictor":
        """Return the predictor of what this process measures on `device`. precision: "fp32" or "bf16"."""
        return cls(OperatorTable(Setting.of(device, precision, channels_last, runtime), device))

    @cached_property
    def roofline(self) -> Roofline:
        """The rates of this setting; three probes at the first use."""
        return calibrated(self.table)

    def predict(self, graph: Graph, *, measure: bool = True) -> Prediction:
        """Return the latency to expect of a deployed graph.

        measure: launches that were never measured are, some milliseconds each, and kept.
        """
        launches = list(launches_of(graph))
        if measure:
            self.table.fill(launches)
        missing = sum(launch.key not in self.table.entries for launch in launches)
        return Prediction(self.scale * sum(self._each(launches).values()), len(launches), missing, self._over())

    def by_launch(self, graph: Graph) -> Mapping[str, float]:
        """Return the milliseconds by the address of each launch's first operator; their sum is what is predicted."""
        return {name: self.scale * ms for name, ms in self._each(list(launches_of(graph))).items()}

    def learn(self, graph: Graph, measured_ms: float) -> None:
        """Take in what a network took, for the scale and the error, if all of its launches have entries."""
        launches = list(launches_of(graph))
        if all(launch.key in self.table.entries for launch in launches):
            size = "x".join(map(str, graph.image_shape))
            self.table.ran(f"{graph.key()} {size}", Ran(sum(self._each(launches).values()), measured_ms))

    @property
    def scale(self) -> float:
        """Median of measured over summed milliseconds of the networks measured last; 1 before any was."""
        ran = self._recent()
        return statistics.median([found.ms / found.sum_ms for found in ran]) if ran else 1.0

    def _over(self) -> float | None:
        ran = self._recent()
        if len(ran) < _ENOUGH:
            return None
        scale = self.scale
        missed = sorted(scale * found.sum_ms / found.ms for found in ran)
        return missed[min(len(missed) - 1, int(_SHARE * len(missed)))]

    def _recent(self) -> list[Ran]:
        return list(self.table.networks.values())[-_RECENT:]

    def _each(self, launches: list[Launch]) -> dict[str, float]:
        """Return the unscaled milliseconds by address; no two launches have the same first operator."""
        entries = self.table.entries
        missing = any(launch.key not in entries for launch in launches)
        factors = factors_of(entries.values(), self.roofline) if missing else {}
        return {
            launch.name: found.ms if (found := entries.get(launch.key)) else self._by_roofline(launch, factors)
            for launch in launches
        }

    def _by_roofline(self, launch: Launch, factors: Mapping[str, float]) -> float:
        factor = factors.get(kind_of(launch), factors[""])
        return factor * self.roofline.ms(launch.macs, launch.elements * self._bytes)
