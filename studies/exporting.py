"""What `nas export` does: a network that a command line names, with weights, as a folder that stands alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from rich.console import Console
from rich.text import Text
from safetensors import SafetensorError, safe_open
from torch import Tensor

import nas
from nas.errors import ExportError
from nas.export.files import read_weights
from nas.export.folder import BOUND, Export, write_export
from nas.export.loading import shapes_of
from nas.export.preprocess import Preprocess
from nas.export.sides import Sides, sides_of
from nas.graph import Graph
from studies.config import FolderData, StudyConfig
from studies.errors import SourceError, one_line
from studies.folder import StudyFolder
from studies.model_card import Card, Origin, card_text
from studies.retraining.plan import run_in
from studies.sources import Asked, named_network, trial_named

__all__ = ["export"]


class _Weights(NamedTuple):
    """The state dict of the deployed graph, and in words where it comes from."""

    state: Mapping[str, Tensor]
    said: str
    are_of_origin: bool = False


def export(source: str, asked: Asked, weights: Path | None, seed: int, out: Path) -> None:
    """Write the export of a network and print how far its forms are from each other.

    weights: a safetensors file; None: those of the trial, or drawn from `seed` where there is no trial.
    Raises a NasError for a source, weights or a place that cannot be used; then nothing is written.
    """
    network = named_network(source, asked)
    if len(network.graph.outputs[0].shape) != 3:
        raise ExportError(f"{source}: gives one vector for an image; only networks that give maps are exported")
    shapes_of(network.graph)  # refuses names and sizes that no module can have
    deployed = nas.deploy(network.graph)
    origin = _origin(source)
    held = _weights(network.graph, deployed, weights, origin, seed)
    preprocess = _preprocess(deployed, sides_of(deployed), origin.config if held.are_of_origin else None)
    card = Card(_title(source, origin), network, deployed, preprocess, held.said, origin, held.are_of_origin)
    differences = write_export(Export(deployed, held.state, preprocess, card_text(card), network.architecture), out)
    _say(out, deployed, preprocess, held.said, differences)


def _say(out: Path, deployed: Graph, preprocess: Preprocess, weights: str, differences: Mapping[str, float]) -> None:
    console = Console()
    steps = f"multiples of {preprocess.multiple}" if preprocess.multiple > 1 else "any"
    lines = [
        f"wrote {out}: {nas.cost(deployed).params:,} parameters, weights {weights}",
        f"sides of images: {steps}, from {preprocess.least_side} pixels on; batch: any",
        *(f"{name:11} differs by {share:.1e} of the logits' range" for name, share in sorted(differences.items())),
        f"(at most {BOUND:g} is allowed; check again anywhere: python {out / 'verify.py'})",
        f"Next: nas predict {out} IMAGE...",
    ]
    for line in lines:
        console.print(Text(line), soft_wrap=True)


def _origin(source: str) -> Origin:
    """Return the trial or retraining that a source names, with its configuration; neither of any other source."""
    trial = trial_named(source)
    if trial is not None:
        return Origin(StudyFolder(trial[0]).config(), trial=trial)
    run = run_in(Path(source)) if Path(source).is_dir() else None
    return Origin() if run is None else Origin(StudyFolder(run.retraining.root).config(), run=run)


def _title(source: str, origin: Origin) -> str:
    """Return what names the network without a path of this machine."""
    if origin.config is not None:
        study = one_line(origin.config.name)
        if origin.trial is not None:
            return f"trial {origin.trial[1]} of the study {study}"
        assert origin.run is not None
        return f"{origin.run.network} of the study {study}, retrained with seed {origin.run.seed}"
    return source if source.startswith("published:") else one_line(Path(source).name)


def _weights(graph: Graph, deployed: Graph, file: Path | None, origin: Origin, seed: int) -> _Weights:
    if file is not None:
        return _Weights(_from_file(graph, deployed, file), f"from {one_line(file.name)}")
    if origin.run is not None:
        stored = origin.run.folder / "weights.safetensors"
        return _Weights(_from_file(graph, deployed, stored), "of the retraining", are_of_origin=True)
    if origin.trial is None:
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            state = nas.to_module(graph).state_dict()
        return _Weights(nas.deploy_weights(graph, state), f"drawn at random (seed {seed}): it is not trained")
    trial = origin.trial
    stored = StudyFolder(trial[0]).trial(trial[1]) / "weights.safetensors"
    if not stored.is_file():
        raise SourceError(
            f"{trial[0]}: trial {trial[1]} has no weights: only trained trials of the front keep theirs; "
            f"choose one of `nas status {trial[0]}`, or give --weights"
        )
    return _Weights(_from_file(graph, deployed, stored), "of the trial", are_of_origin=True)


def _from_file(graph: Graph, deployed: Graph, file: Path) -> Mapping[str, Tensor]:
    """Return deployed weights from a file that has them, or those of the network as it is trained."""
    shapes = shapes_of(deployed)
    if _names_in(file) == shapes.keys():
        return read_weights(file, shapes)
    return nas.deploy_weights(graph, read_weights(file, shapes_of(graph)))


def _names_in(file: Path) -> set[str]:
    """Return the names of the tensors in a safetensors file; none of a file that `read_weights` will refuse."""
    try:
        with safe_open(file, framework="pt") as opened:
            return set(opened.keys())
    except (SafetensorError, OSError):
        return set()


def _preprocess(deployed: Graph, sides: Sides, config: StudyConfig | None) -> Preprocess:
    """Return what comes before and after the network: as its study trained it, or 8-bit images at their own size."""
    channels, logits = deployed.image_shape[0], deployed.outputs[0].shape[0]
    if config is None:
        names = tuple(f"class {i}" for i in range(logits)) if logits > 1 else ("background", "foreground")
        return Preprocess(channels, names, logits, *sides)
    data = config.data
    size = config.train.size
    made = Preprocess(channels, data.classes, logits, *sides, size=size)
    if not isinstance(data, FolderData):
        return made
    limits = (0.0, 255.0) if data.range is None else data.range
    return Preprocess(
        channels, data.classes, logits, *sides, size, fit=data.resize, range=limits, neighbours=data.neighbours
    )
