"""One trial from its candidate to its recorded outcome."""

import csv
import time
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path

import torch
from safetensors.torch import save_file

import nas
from evaluators.curve import Curve, EpochRecord
from evaluators.device import pick_device
from evaluators.faults import Interrupted, OutOfMemory
from evaluators.latency import Latency, latency_ms
from evaluators.proxies import measure
from evaluators.recipe import Recipe
from evaluators.training import train
from nas.graph import Graph
from nas.module import GraphModule
from studies.config import StudyConfig
from studies.folder import write_atomic
from studies.material import Material
from studies.memory import MemoryPlan
from studies.outcomes import Outcome, outcome_of
from studies.pretrained import Pretrained
from studies.screening import Candidate

__all__ = ["Result", "Trainer", "latency_of", "store_candidate"]


@dataclass(frozen=True)
class Result:
    """How a trial ended. `curve` is None where it did not come to an end of training; `facts` are stored besides."""

    outcome: Outcome
    reason: str
    curve: Curve | None
    seconds: float
    facts: Mapping[str, object] = field(default_factory=dict)


def store_candidate(folder: Path, candidate: Candidate) -> None:
    """Write the architecture and its graph: what is needed to rebuild it without, and with, its rules."""
    write_atomic(folder / "architecture.json", candidate.architecture.to_json())
    write_atomic(folder / "graph.json", candidate.graph.to_json())


def latency_of(graph: Graph, config: StudyConfig) -> Latency:
    """Return the measured latency of a deployed graph as the configuration deploys it."""
    deploy = config.deploy
    with torch.random.fork_rng([]):
        module = nas.to_module(graph)
    return latency_ms(
        module, graph.image_shape, deploy.device, precision=deploy.precision, channels_last=deploy.channels_last
    )


class Trainer:
    """Trains the candidates of one study, from published encoder weights where it has some."""

    def __init__(
        self,
        config: StudyConfig,
        material: Material,
        interrupted: Callable[[], bool],
        pretrained: Pretrained | None = None,
    ):
        self._config = config
        self._material = material
        self._interrupted = interrupted
        self._pretrained = pretrained
        self._device = pick_device(config.device)

    def run(self, folder: Path, on_epoch: Callable[[EpochRecord], None], memory_factor: float = 1.0) -> Result:
        """Train the graph stored in `folder`, going on from its checkpoint, and store curve and weights there.

        `memory_factor` is what the study has learnt so far (`studies.memory`). Raises Interrupted if asked to stop;
        every other fault is an outcome, not an exception.
        """
        began = time.perf_counter()
        facts: dict[str, object] = {}
        try:
            graph = Graph.from_json((folder / "graph.json").read_text(encoding="utf-8"))
            module = self._module(graph)
            plan = MemoryPlan(graph, self._config, self._material, self._device, memory_factor)
            micro_batch = plan.micro_batch()
            facts |= self._proxies(module, micro_batch)
            curve = self._train(module, folder, on_epoch, micro_batch)
            facts |= plan.facts(curve)
        except Interrupted:
            raise
        except Exception as fault:  # noqa: BLE001  # the one door where a trial's fault becomes its outcome
            if isinstance(fault, OutOfMemory) and fault.asked_bytes is not None:
                facts["asked_bytes"] = fault.asked_bytes
            reason, seconds = f"{type(fault).__name__}: {fault}", time.perf_counter() - began
            return Result(outcome_of(fault), reason, None, seconds, facts)
        save_file(
            {name: tensor.contiguous() for name, tensor in module.state_dict().items()}, folder / "weights.safetensors"
        )
        write_curve(folder / "curve.csv", curve.epochs)
        return Result("ok", "", curve, sum(record.seconds for record in curve.epochs), facts)

    def _module(self, graph: Graph) -> GraphModule:
        with torch.random.fork_rng([]):
            torch.manual_seed(self._config.seed)
            module: GraphModule = nas.to_module(graph)
        if self._pretrained is not None:
            self._pretrained.encoder.load(module, graph)
        return module

    def _proxies(self, module: GraphModule, micro_batch: int) -> dict[str, object]:
        """Return the proxies, of one batch; none where that does not fit: of fewer images they do not compare."""
        batch = min(self._config.train.batch, len(self._material.training))
        if not self._config.proxies or micro_batch < batch:
            return {}
        return {"proxies": measure(self._config.proxies, module, self._material.training, batch, self._device)}

    def _train(
        self, module: GraphModule, folder: Path, on_epoch: Callable[[EpochRecord], None], micro_batch: int
    ) -> Curve:
        return train(
            module,
            self._material.training,
            self._material.validation,
            recipe_of(self._config),
            self._device,
            prediction=int(module.prediction),
            checkpoint=folder / "checkpoint.pt",
            on_epoch=on_epoch,
            interrupted=self._interrupted,
            deadline_s=self._config.train.timeout_s,
            micro_batch=micro_batch,
        )


def recipe_of(config: StudyConfig) -> Recipe:
    """Return the training recipe that the `train` section states, with the study's seed."""
    values = config.train.model_dump()
    names = {field.name for field in fields(Recipe)} - {"seed"}
    return Recipe(**{name: value for name, value in values.items() if name in names}, seed=config.seed)


def write_curve(path: Path, records: tuple[EpochRecord, ...]) -> None:
    """Write one row per epoch."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([field.name for field in fields(EpochRecord)])
        writer.writerows(astuple(record) for record in records)
