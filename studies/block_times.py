"""How long a network and its blocks take on a device: measured as a whole, expected by block."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

import nas
from evaluators.device import describe_device, pick_device
from evaluators.latency import Latency, latency_ms
from evaluators.prediction import Prediction, Predictor
from evaluators.roofline import Roofline
from nas.graph import Graph
from nas.profile import BlockCost

__all__ = ["BlockTimes", "time_blocks"]


@dataclass(frozen=True)
class BlockTimes:
    """What was measured and what was expected before. by_launch: milliseconds by a launch's first operator."""

    latency: Latency
    prediction: Prediction
    roofline: Roofline
    by_launch: Mapping[str, float]
    device: str

    def ms(self, block: BlockCost) -> float:
        """Return the milliseconds expected of a block; blocks add up to the prediction."""
        inside = f"{block.name}."
        return sum(ms for name, ms in self.by_launch.items() if not block.name or f"{name}.".startswith(inside))

    def bound(self, block: BlockCost) -> str:
        """Return which roof a block is under on this device, "" where it moves nothing."""
        if not block.traffic_bytes:
            return ""
        return "compute" if block.macs_per_byte > self.roofline.ridge else "memory"

    def lines(self) -> tuple[str, str]:
        """Return what was measured, expected and calibrated in words."""
        found, expected, roof = self.latency, self.prediction, self.roofline
        assert found.p90_ms is not None and found.ratio is not None
        return (
            f"latency {found.median_ms:.2f} ms (interquartile range {found.iqr_ms:.2f}, 90th percentile "
            f"{found.p90_ms:.2f}, {found.n} runs, {found.ratio:.1f} times the reference network), predicted "
            f"{expected.ms:.2f} ms from {expected.launches} launches, batch 1, channels last, {self.device}",
            f"roofline here: {2e-9 * roof.macs_per_ms:.3g} TFLOP/s, {1e-6 * roof.bytes_per_ms:.3g} GB/s, compute-bound "
            f"above {roof.ridge:.1f} MACs per byte; a launch takes {1e3 * roof.launch_ms:.1f} us",
        )

    def plain(self) -> dict[str, Any]:
        """Return everything as what JSON can hold, blocks apart."""
        return {
            "latency": self.latency._asdict() | {"device": self.device},
            "prediction": self.prediction._asdict(),
            "roofline": self.roofline._asdict() | {"ridge_macs_per_byte": self.roofline.ridge},
        }

    def plain_block(self, block: BlockCost) -> dict[str, float | str]:
        """Return what is said of one block."""
        return {"predicted_ms": self.ms(block), "bound": self.bound(block)}


def time_blocks(graph: Graph, device: str, precision: str) -> BlockTimes:
    """Predict, measuring launches that were never measured, then measure. Raises DeviceError, OutOfMemory."""
    where = pick_device(device)
    predictor = Predictor.of(where, precision)
    prediction, by_launch = predictor.predict(graph), predictor.by_launch(graph)
    with torch.random.fork_rng([]):
        module = nas.to_module(graph)
    latency = latency_ms(module, graph.image_shape, where, precision=precision)
    predictor.learn(graph, latency.median_ms)
    return BlockTimes(latency, prediction, predictor.roofline, by_launch, describe_device(where))
