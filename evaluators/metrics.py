"""What a study can optimise or limit: each metric's name, unit, direction and source. Loads no torch.

`dice` is measured by training, `latency_ms` on the device, the others follow from the deployed graph (`nas.cost`).
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["COSTS", "METRICS", "Direction", "Metric"]

Direction = Literal["maximize", "minimize"]


@dataclass(frozen=True)
class Metric:
    """One named number. `direction` is what is better."""

    name: str
    unit: str
    direction: Direction
    source: str


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("dice", "1", "maximize", "evaluators.train: mean over validation images, EMA weights, last epoch"),
        Metric("latency_ms", "ms", "minimize", "evaluators.latency_ms: median of one image through the deployed graph"),
        Metric("traffic_bytes", "bytes", "minimize", "nas.cost, schedule fused"),
        Metric("macs", "multiply-accumulates", "minimize", "nas.cost"),
        Metric("params", "numbers", "minimize", "nas.cost"),
        Metric("cio_elements", "elements", "minimize", "nas.cost; HarDNet's CIO, arXiv:1909.00948"),
        Metric("peak_memory_bytes", "bytes", "minimize", "nas.cost, schedule fused"),
        Metric("kernels", "launches", "minimize", "nas.cost, schedule fused"),
    )
}

COSTS = tuple(name for name in METRICS if name not in ("dice", "latency_ms"))
"""Metrics that are known exactly before anything runs."""
