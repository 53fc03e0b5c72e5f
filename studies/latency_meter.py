"""The latency of a study's networks, as its `deploy` section deploys them: predicted, then measured."""

from functools import cached_property

import torch

import nas
from evaluators.device import pick_device
from evaluators.latency import Latency, latency_ms
from evaluators.prediction import Prediction, Predictor
from nas.graph import Graph
from studies.config import StudyConfig

__all__ = ["LatencyMeter"]


class LatencyMeter:
    """Measures and predicts. What it measures of launches and networks is kept for all studies of this device."""

    def __init__(self, config: StudyConfig):
        self._deploy = config.deploy

    def predict(self, graph: Graph) -> Prediction | None:
        """Return the latency to expect of a deployed graph; None for onnxruntime, which runs other launches."""
        return None if self._predictor is None else self._predictor.predict(graph)

    def measure(self, graph: Graph) -> Latency:
        """Return the measured latency of a deployed graph. Raises OutOfMemory where the device cannot hold it."""
        deploy = self._deploy
        with torch.random.fork_rng([]):
            module = nas.to_module(graph)
        latency = latency_ms(
            module,
            graph.image_shape,
            deploy.place,
            precision=deploy.precision,
            channels_last=deploy.channels_last,
            runtime=deploy.runtime,
        )
        if self._predictor is not None:
            self._predictor.learn(graph, latency.median_ms)
        return latency

    @cached_property
    def _predictor(self) -> Predictor | None:
        deploy = self._deploy
        if deploy.runtime == "onnxruntime":
            return None
        device = pick_device(deploy.place)
        return Predictor.of(device, deploy.precision, channels_last=deploy.channels_last, runtime=deploy.runtime)
