"""Scoring the retrained networks on the test images, at their masks' own size: CSV, pictures of the worst cases."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

import nas
from evaluators.data.form import Fit
from evaluators.data.outlining import outlined
from evaluators.device import pick_device
from evaluators.dice import IGNORE
from evaluators.scores import Score
from evaluators.scoring import predicted_masks, score_network
from nas.export.loading import filled
from nas.graph import Graph
from nas.module import GraphModule
from studies.config import FolderData, StudyConfig
from studies.folder import write_atomic
from studies.material import HeldOut
from studies.retraining.plan import Run
from studies.retraining.results import Scored

__all__ = ["deployed_graph", "score_runs", "write_images", "write_worst"]

_GAP = 4  # pixels between truth and prediction


def deployed_graph(run: Run) -> Graph:
    """Return the run's network as it is deployed."""
    return nas.deploy(Graph.from_json((run.folder / "graph.json").read_text(encoding="utf-8")))


def score_runs(runs: Sequence[Run], held_out: HeldOut, config: StudyConfig) -> list[Scored]:
    """Return the scores of the deployed networks, by network and seed."""
    by_network: dict[str, dict[int, tuple[Score, ...]]] = {}
    for run in runs:
        by_network.setdefault(run.network, {})[run.seed] = score_network(
            _module(run, config),
            held_out.samples.images.to(pick_device(config.device)),
            held_out.samples.ids,
            held_out.truths,
            fit=_fit(config),
            classes=held_out.samples.classes,
        )
    return [Scored(name, by_seed) for name, by_seed in by_network.items()]


def write_images(path: Path, networks: Sequence[Scored], classes: Sequence[str]) -> None:
    """Write one row per network, seed, image and class."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["network", "seed", "class", *(field.name for field in fields(Score))])
    for network in networks:
        for seed, scores in network.by_seed.items():
            writer.writerows([network.name, seed, classes[score.label], *astuple(score)] for score in scores)
    write_atomic(path, text.getvalue())


def write_worst(
    folder: Path, runs: Sequence[Run], worst: Mapping[str, Sequence[str]], held_out: HeldOut, config: StudyConfig
) -> None:
    """Draw each network's worst images: outlines of the mask on the left, of the first seed's prediction on the right.

    Files are `NETWORK/PLACE.png`; results.json names the images in that order.
    """
    first = {run.network: run for run in reversed(runs)}
    for name, images in worst.items():
        module = _module(first[name], config)
        place = folder / first[name].folder.parent.name
        place.mkdir(parents=True, exist_ok=True)
        for rank, image in enumerate(images, 1):
            _draw(place / f"{rank}.png", module, held_out, held_out.samples.ids.index(image), config)


def _draw(path: Path, module: GraphModule, held_out: HeldOut, index: int, config: StudyConfig) -> None:
    truth, pixels = held_out.truths[index], held_out.pixels(index)
    image = held_out.samples.images[index : index + 1].to(pick_device(config.device))
    size, classes = (truth.shape[0], truth.shape[1]), held_out.samples.classes
    (found,) = predicted_masks(module, image, [size], fit=_fit(config), classes=classes)
    sides = outlined(pixels, truth, IGNORE), outlined(pixels, found)
    gap = np.full((truth.shape[0], _GAP, 3), 255, np.uint8)
    Image.fromarray(np.concatenate([sides[0], gap, sides[1]], axis=1)).save(path)


def _module(run: Run, config: StudyConfig) -> GraphModule:
    """Return the deployed network with the run's weights, on the device that trains."""
    graph = Graph.from_json((run.folder / "graph.json").read_text(encoding="utf-8"))
    state = nas.deploy_weights(graph, load_file(run.folder / "weights.safetensors"))
    with torch.no_grad():
        return filled(nas.deploy(graph), dict(state)).to(pick_device(config.device))


def _fit(config: StudyConfig) -> Fit:
    return config.data.resize if isinstance(config.data, FolderData) else "squeeze"
