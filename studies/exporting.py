"""What `nas export` does: a network that a command line names, with weights, as a folder that stands alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from rich.console import Console
from rich.text import Text
from safetensors import SafetensorError, safe_open
from torch import Tensor

import nas
from evaluators.data import DataError
from nas.errors import ExportError
from nas.export import programs
from nas.export.files import read_weights
from nas.export.folder import BOUND, Export, check_free, example_image, source_of, write_export
from nas.export.loading import filled, shapes_of
from nas.export.preprocess import Preprocess
from nas.export.programs import Traced, check_packages
from nas.export.sides import Sides, sides_of
from nas.export.smaller import Smaller
from nas.graph import Graph
from nas.module import GraphModule
from studies.config import FolderData, StudyConfig
from studies.errors import SourceError, one_line
from studies.example_picture import example_picture
from studies.folder import StudyFolder
from studies.material import load_material
from studies.model_card import Card, Origin, card_text
from studies.retraining.plan import run_in
from studies.smaller_forms import forms_json, judge_by_folder, judge_by_study, lines_of, pictures_in, smaller_forms
from studies.sources import Asked, Network, named_network, trial_named

__all__ = ["Wish", "export"]


class _Weights(NamedTuple):
    """The state dict of the deployed graph, and in words where it comes from."""

    state: Mapping[str, Tensor]
    said: str
    are_of_origin: bool = False


class Wish(NamedTuple):
    """What the command line asks for.

    weights: a safetensors file; None: those of the trial or retraining, or drawn from `seed` where there is none.
    level: which of several outputs, from 1; None: the one that counts. smaller: further forms. images: pictures to
    calibrate and measure them on, where there is no study. example: whether validation images are drawn.
    """

    weights: Path | None = None
    seed: int = 0
    level: int | None = None
    smaller: Sequence[Smaller] = ()
    images: Path | None = None
    example: bool = True


def export(source: str, asked: Asked, wish: Wish, out: Path) -> None:
    """Write the export of a network and print how far its forms are from each other.

    Raises a NasError for a source, weights or a place that cannot be used; then nothing is written.
    """
    check_free(out)
    check_packages()
    network = named_network(source, asked)
    if len(network.graph.outputs[0].shape) != 3:
        raise ExportError(f"{source}: gives one vector for an image; only networks that give maps are exported")
    shapes_of(network.graph)  # refuses names and sizes that no module can have
    deployed = nas.deploy(network.graph, _output(network.graph, wish.level))
    source_of(deployed)  # refuses names that are no identifiers, before anything is made of them that is compiled
    origin = _origin(source)
    held = _weights(network.graph, deployed, wish, origin)
    trained_by = origin if held.are_of_origin else Origin()
    _check_images(wish, trained_by)
    module = filled(deployed, dict(held.state))
    traced = programs.traced(module, deployed.image_shape[0], sides_of(deployed))
    preprocess = _preprocess(deployed, traced.sides, trained_by.config)
    made = _Made(network, deployed, module, traced, programs.to_onnx(traced.program), preprocess)
    more, said = _more(made, wish, trained_by)
    known = Card(_title(source, origin), network, deployed, preprocess, held.said, origin, held.are_of_origin)
    card = card_text(known._replace(more=tuple(said), level=wish.level))
    architecture = network.architecture if wish.level is None else None
    whole = Export(deployed, held.state, preprocess, card, architecture, traced.program, made.onnx, more)
    _say(out, deployed, preprocess, held.said, write_export(whole, out), said)


def _check_images(wish: Wish, origin: Origin) -> None:
    """Raise ExportError if there is nothing that int8 can learn ranges from."""
    if wish.images is not None:
        pictures_in(wish.images)
    elif "int8-static" in wish.smaller and origin.study is None:
        raise ExportError("--int8 static: needs images to learn the ranges of activations from; give --images DIR")


class _Made(NamedTuple):
    network: Network
    deployed: Graph
    module: GraphModule
    traced: Traced
    onnx: bytes
    preprocess: Preprocess


def _output(graph: Graph, level: int | None) -> int | None:
    count = len(graph.outputs)
    if level is not None and not 1 <= level <= count:
        raise ExportError(f"--level {level}: the network has {count} output{'s' * (count > 1)}; give 1 to {count}")
    return None if level is None else level - 1


def _more(made: _Made, wish: Wish, origin: Origin) -> tuple[dict[str, bytes], list[str]]:
    """Return further files, and what is to be said of them."""
    study = origin.study
    files: dict[str, bytes] = {}
    said: list[str] = []
    wants_images = (wish.example and made.deployed.image_shape[0] in (1, 3)) or wish.smaller
    material = None
    try:
        material = load_material(study.config(), study) if study is not None and wants_images else None
    except DataError as fault:
        if wish.smaller and wish.images is None:
            raise
        said.append(f"no example.png: the study's images cannot be read: {one_line(str(fault))}")
    if material is not None and wish.example:
        files["example.png"], dices = example_picture(made.module, material)
        named = ", ".join(f"{dice:.4f}" for dice in dices)
        said.append(f"example.png: the worst, median and best validation image (Dice {named}): image, mask, prediction")
    if wish.smaller:
        judge = judge_by_folder(wish.images, made.preprocess) if wish.images is not None else None
        if judge is None and material is not None:
            judge = judge_by_study(material, made.preprocess)
        example = example_image(made.deployed.image_shape[0], made.traced.sides)
        forms = smaller_forms(wish.smaller, made.module, made.onnx, made.traced.sides, example, judge)
        files |= {form.name: form.content for form in forms} | {"forms.json": forms_json(forms).encode()}
        said += lines_of(forms)
    return files, said


def _say(
    out: Path,
    deployed: Graph,
    preprocess: Preprocess,
    weights: str,
    differences: Mapping[str, float],
    more: Sequence[str],
) -> None:
    console = Console()
    steps = f"multiples of {preprocess.multiple}" if preprocess.multiple > 1 else "any"
    lines = [
        f"wrote {out}: {nas.cost(deployed).params:,} parameters, weights {weights}",
        f"sides of images: {steps}, from {preprocess.least_side} pixels on; batch: any",
        *(f"{name:11} differs by {share:.1e} of the logits' range" for name, share in sorted(differences.items())),
        f"(at most {BOUND:g} is allowed; check again anywhere: python {out / 'verify.py'})",
        *more,
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


def _weights(graph: Graph, deployed: Graph, wish: Wish, origin: Origin) -> _Weights:
    file, output = wish.weights, _output(graph, wish.level)
    if file is not None:
        return _Weights(_from_file(graph, deployed, file, output), f"from {one_line(file.name)}")
    if origin.run is not None:
        stored = origin.run.folder / "weights.safetensors"
        return _Weights(_from_file(graph, deployed, stored, output), "of the retraining", are_of_origin=True)
    if origin.trial is None:
        with torch.random.fork_rng([]):
            torch.manual_seed(wish.seed)
            state = nas.to_module(graph).state_dict()
        return _Weights(nas.deploy_weights(graph, state, output), f"drawn at random (seed {wish.seed}): not trained")
    trial = origin.trial
    stored = StudyFolder(trial[0]).trial(trial[1]) / "weights.safetensors"
    if not stored.is_file():
        raise SourceError(
            f"{trial[0]}: trial {trial[1]} has no weights: only trained trials of the front keep theirs; "
            f"choose one of `nas status {trial[0]}`, or give --weights"
        )
    return _Weights(_from_file(graph, deployed, stored, output), "of the trial", are_of_origin=True)


def _from_file(graph: Graph, deployed: Graph, file: Path, output: int | None) -> Mapping[str, Tensor]:
    """Return deployed weights from a file that has them, or those of the network as it is trained."""
    shapes = shapes_of(deployed)
    if _names_in(file) == shapes.keys():
        return read_weights(file, shapes)
    return nas.deploy_weights(graph, read_weights(file, shapes_of(graph)), output)


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
