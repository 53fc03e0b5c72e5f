"""One trial from its candidate to its recorded outcome."""

import csv
import errno
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field, fields, replace
from pathlib import Path
from shutil import disk_usage
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

import nas
from evaluators.curve import Curve, EpochRecord
from evaluators.device import pick_device, precision
from evaluators.faults import Interrupted, OutOfMemory
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
from studies.picturing import predictions_of
from studies.predictions import PREDICTIONS, write_predictions
from studies.pretrained import Pretrained
from studies.screening import Candidate

__all__ = ["Result", "Trainer", "disk_is_full", "store_candidate"]

LEAST_FREE_BYTES = 1_000_000


@dataclass(frozen=True)
class Result:
    """How a job of a trial ended: `paused` at a rung, or with the trial's outcome. `curve` is None after a fault.

    `facts` are stored besides.

    `disk_full` is no outcome of the trial: it goes on from its checkpoint when there is room.
    """

    outcome: Outcome | Literal["paused", "disk_full"]
    reason: str
    curve: Curve | None
    seconds: float
    facts: Mapping[str, object] = field(default_factory=dict)


def store_candidate(folder: Path, candidate: Candidate) -> None:
    """Write the architecture and its graph: what is needed to rebuild it without, and with, its rules."""
    write_atomic(folder / "architecture.json", candidate.architecture.to_json())
    write_atomic(folder / "graph.json", candidate.graph.to_json())


class Trainer:
    """Trains the candidates of one study, from published encoder weights where it has some."""

    def __init__(
        self,
        config: StudyConfig,
        material: Material,
        interrupted: Callable[[], bool],
        pretrained: Pretrained | None = None,
        device: str | None = None,
        sharing: int = 1,
    ):
        self._config = config
        self._material = material
        self._interrupted = interrupted
        self._pretrained = pretrained
        self._device = pick_device(device or config.device)
        self._sharing = sharing

    def run(
        self,
        folder: Path,
        until: int,
        on_epoch: Callable[[EpochRecord], None],
        memory_factor: float = 1.0,
        seed: int | None = None,
    ) -> Result:
        """Train the graph in `folder` up to an epoch, on from its checkpoint; store its curve and, at the end, weights.

        What it then predicts on validation images is stored too, if the study may hold pictures, but not of a
        retraining: that has the test images. A fault in that is kept in fault.txt and is no fault of the trial.
        `memory_factor` is what the study has learnt so far (`studies.memory`); `seed` is the study's if None. Raises
        Interrupted if asked to stop; every other fault is an outcome, not an exception.
        """
        began = time.perf_counter()
        facts: dict[str, object] = {}
        curve: Curve | None = None
        recipe = recipe_of(self._config) if seed is None else replace(recipe_of(self._config), seed=seed)
        try:
            graph = Graph.from_json((folder / "graph.json").read_text(encoding="utf-8"))
            module = self._module(graph, recipe.seed)
            plan = MemoryPlan(graph, self._config, self._material, self._device, memory_factor, self._sharing)
            micro_batch = plan.micro_batch()
            facts |= self._proxies(module, micro_batch)
            trained = self._train(module, folder, until, on_epoch, micro_batch, recipe)
            facts |= plan.facts(trained)
            self._store(module, trained, folder)
            curve = trained
            if self._ended(curve) and seed is None and self._config.pictures:
                self._store_predictions(module, curve, folder, recipe)
        except Interrupted:
            raise
        except Exception as fault:  # noqa: BLE001  # the one door where a trial's fault becomes its outcome
            if isinstance(fault, OutOfMemory) and fault.asked_bytes is not None:
                facts["asked_bytes"] = fault.asked_bytes
            reason, seconds = f"{type(fault).__name__}: {fault}", time.perf_counter() - began
            if disk_is_full(folder, fault):
                return Result("disk_full", reason, None, seconds)
            write_atomic(folder / "fault.txt", traceback.format_exc())
            if curve is None:
                return Result(outcome_of(fault), reason, None, seconds, facts)
        seconds = sum(record.seconds for record in curve.epochs)
        return Result("ok" if self._ended(curve) else "paused", "", curve, seconds, facts)

    def _ended(self, curve: Curve) -> bool:
        return len(curve.epochs) >= self._config.train.epochs

    def _store(self, module: GraphModule, curve: Curve, folder: Path) -> None:
        write_curve(folder / "curve.csv", curve.epochs)
        if self._ended(curve):
            weights = {name: tensor.contiguous() for name, tensor in module.state_dict().items()}
            save_file(weights, folder / "weights.safetensors")

    def _store_predictions(self, module: GraphModule, curve: Curve, folder: Path, recipe: Recipe) -> None:
        """Store pictures of the worst cases."""
        found = predictions_of(
            module,
            self._material.validation.to(self._device),
            prediction=int(module.prediction),
            batch=curve.epochs[-1].micro_batch or 1,
            dtype=precision(recipe.precision, self._device),
            channels_last=recipe.channels_last,
            slices=self._material.slices,
        )
        write_predictions(folder / PREDICTIONS, found)

    def _module(self, graph: Graph, seed: int) -> GraphModule:
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
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
        self,
        module: GraphModule,
        folder: Path,
        until: int,
        on_epoch: Callable[[EpochRecord], None],
        micro_batch: int,
        recipe: Recipe,
    ) -> Curve:
        return train(
            module,
            self._material.training,
            self._material.validation,
            recipe,
            self._device,
            prediction=int(module.prediction),
            checkpoint=folder / "checkpoint.pt",
            on_epoch=on_epoch,
            interrupted=self._interrupted,
            deadline_s=self._config.train.timeout_s,
            micro_batch=micro_batch,
            until=until,
        )


def disk_is_full(folder: Path, fault: Exception) -> bool:
    """Return whether a fault comes from a full disk, which torch and safetensors do not always say."""
    if isinstance(fault, OSError) and fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return isinstance(fault, OSError | RuntimeError | SafetensorError) and disk_usage(folder).free < LEAST_FREE_BYTES


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
