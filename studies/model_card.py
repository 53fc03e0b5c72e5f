"""The README of an export: where the network comes from, what it was trained on, what it costs, how it is loaded."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import nas
from nas.export.preprocess import Preprocess
from nas.graph import Graph
from studies.config import FolderData, StudyConfig
from studies.errors import one_line
from studies.folder import StudyFolder, read_json
from studies.records import load
from studies.retraining.plan import Run
from studies.retraining.tables import retrained_lines
from studies.sources import Network

__all__ = ["Card", "Origin", "card_text"]


class Origin(NamedTuple):
    """The trial of a study, or one training of `nas retrain`, that a network is from, and its configuration."""

    config: StudyConfig | None = None
    trial: tuple[Path, int] | None = None
    run: Run | None = None

    @property
    def study(self) -> StudyFolder | None:
        """The study's folder; None where there is none."""
        if self.trial is not None:
            return StudyFolder(self.trial[0])
        return None if self.run is None else StudyFolder(self.run.retraining.root.parents[1])


class Card(NamedTuple):
    """What is known of an export.

    is_trained: whether its weights are those that the study trained and measured. more: of each further file a line.
    level: that it is pruned to, None if it is not.
    """

    title: str
    network: Network
    deployed: Graph
    preprocess: Preprocess
    weights: str
    origin: Origin
    is_trained: bool
    more: tuple[str, ...] = ()
    level: int | None = None


def card_text(card: Card) -> str:
    """Return the README, in Markdown. Nothing is said that is not known; no path of this machine is in it."""
    channels, height, width = card.deployed.image_shape
    classes = ", ".join(f"{number} {one_line(name)}" for number, name in enumerate(card.preprocess.classes))
    parts = [
        f"# {card.title}" + ("" if card.level is None else f", pruned to level {card.level}"),
        f"A segmentation network: images (N, {channels}, H, W) to logits (N, {card.preprocess.logits}, H, W); any N, H "
        f"and W {_sides(card.preprocess)}. Classes: {classes}. Weights: {card.weights}. Architecture key: "
        f"{card.network.graph.key()}.",
        *(_study(card) if card.origin.trial else ()),
        *(_retrained(card) if card.origin.run else ()),
        "## Costs",
        _costs(card, height, width),
        *(("## Further files", "\n".join(f"- {line}" for line in card.more)) if card.more else ()),
        "## Before and after",
        _before_and_after(card.preprocess),
        "## Limits",
        "\n".join(f"- {line}" for line in _limits(card)),
        "## Use",
        _use(card.preprocess),
    ]
    return "\n\n".join(parts) + "\n"


def _sides(preprocess: Preprocess) -> str:
    steps = "any number" if preprocess.multiple == 1 else f"multiples of {preprocess.multiple}"
    return f"{steps} of pixels from {preprocess.least_side} on"


def _costs(card: Card, height: int, width: int) -> str:
    cost = nas.cost(card.deployed, "fused", card.network.precision)
    return (
        f"Deployed (prediction only, BatchNorm folded), one image of {height} x {width}: {cost.params:,} parameters, "
        f"{cost.macs:,} MACs, {cost.cio_elements:,} CIO elements; in {card.network.precision} with pointwise layers "
        f"fused {cost.traffic_bytes:,} bytes of memory traffic, {cost.peak_memory_bytes:,} bytes of peak memory, "
        f"{cost.kernels} kernels. Traffic and peak memory are counted by that schedule, not measured."
    )


def _study(card: Card) -> Iterator[str]:
    assert card.origin.trial is not None
    folder = StudyFolder(card.origin.trial[0])
    config, facts = folder.config(), read_json(folder.facts_file)
    found = load(folder.root).trials().loc[card.origin.trial[1]].dropna()
    row = {str(name): value for name, value in found.items()}
    yield "## Training" if card.is_trained else "## The trial (its weights are not the ones in this folder)"
    yield "\n".join(f"- {line}" for line in _training(config, facts, row))
    yield "## Measured"
    yield "\n".join(f"- {line}" for line in _measured(config, facts, row))


def _retrained(card: Card) -> Iterator[str]:
    config, run = card.origin.config, card.origin.run
    assert config is not None and run is not None
    result, facts = run.result(), read_json(StudyFolder(run.retraining.root.parents[1]).facts_file)
    yield "## Training" if card.is_trained else "## The retraining (its weights are not the ones in this folder)"
    row = {"epochs": result.get("epochs", config.train.epochs), "origin": f"the selection of {run.network}"}
    yield "\n".join(f"- {line}" for line in _training(config.model_copy(update={"seed": run.seed}), facts, row))
    yield "## Measured"
    yield "\n".join(f"- {line}" for line in retrained_lines(run))


def _training(config: StudyConfig, facts: dict[str, Any], row: dict[str, Any]) -> Iterator[str]:
    data, train = config.data, config.train
    counts = facts.get("images", {})
    images = ", ".join(f"{number} {part} images" for part, number in counts.items())
    named = f"the folder {one_line(data.root.name)}" if isinstance(data, FolderData) else "drawn (generated) images"
    yield f"data: {named}; {images}; the split is the study's, by seed {data.split.seed} unless it lists its parts"
    recipe = train.model_dump(exclude={"encoder_weights", "threads", "timeout_s", "silence_s"})
    yield f"recipe: {', '.join(f'{key} {value}' for key, value in recipe.items())}; seed {config.seed}"
    yield f"trained for {int(row.get('epochs', train.epochs))} epochs"
    if train.encoder_weights is not None:
        yield f"encoder weights: what it shares with {train.encoder_weights.network}"
    yield f"proposed by: {row.get('origin', 'unknown')}"
    yield "made with " + ", ".join(f"{name} {version}" for name, version in facts.get("versions", {}).items())


def _measured(config: StudyConfig, facts: dict[str, Any], row: dict[str, Any]) -> Iterator[str]:
    if "dice" in row:
        trivial = ", ".join(f"{name.replace('_', ' ')} {x:.4f}" for name, x in facts.get("baselines", {}).items())
        yield f"Dice {row['dice']:.4f} on the validation images at {config.train.size} x {config.train.size}"
        yield f"trivial predictions have Dice: {trivial}"
    if "latency_ms" in row:
        deploy = config.deploy
        yield (
            f"latency {row['latency_ms']:.2f} ms at {deploy.size} x {deploy.size}, batch 1, {deploy.precision}, torch "
            f"(eager), on {facts.get('deploy_device', 'an unknown device')}"
        )


def _limits(card: Card) -> Iterator[str]:
    if card.is_trained and card.origin.run:
        yield "one training of several; that its Dice is lower or higher than their mean is chance"
    elif card.is_trained:
        yield (
            "one training with one seed, and Dice is of validation images that the network was chosen by: on new "
            "images expect less"
        )
    elif "drawn" in card.weights:
        yield "its weights are random: it predicts nothing yet"
    else:
        yield "what its weights were trained on, and how well, is not recorded here"
    if card.level is not None and card.is_trained:
        count = len(card.network.graph.outputs)
        yield f"pruned to output {card.level} of {count}: what was measured is the whole network"
    yield "no clinical use: it was not examined for that, nor on other devices, clinics or patients"
    if any(line.startswith("example.png") for line in card.more):
        yield "example.png shows images of the data set: see that its terms let you pass them on, or remove it"
    if card.preprocess.neighbours:
        yield f"it needs {card.preprocess.neighbours} slices before and behind each image as channels"


def _before_and_after(preprocess: Preprocess) -> str:
    low, high = preprocess.range
    colour = "grey" if preprocess.channels == 1 else "RGB" if preprocess.channels == 3 else "channels"
    size = "" if preprocess.size is None else f"{preprocess.size} x {preprocess.size}"
    resized = f"resized to {size} (bilinear)"
    if preprocess.fit == "pad":
        resized = f"scaled into {size} (bilinear), with zeros on the right or at the bottom"
    first = resized if size else "left at its own size"
    after = (
        f"the sigmoid of the logit is the probability of the foreground, from {preprocess.threshold:g} on it counts"
        if preprocess.logits == 1
        else "of the logits the greatest counts"
    )
    return (
        f"Each image ({colour}) is {first}, padded to sides that the network takes, values {low:g} to "
        f"{high:g} become 0 to 1, then x becomes (x - {preprocess.mean:g}) / {preprocess.std:g}. Logits are resized to "
        f"the image's own size (bilinear); {after}. `preprocess.json` states the same."
    )


def _use(preprocess: Preprocess) -> str:
    channels = preprocess.channels
    side = max(preprocess.least_side, 4 * preprocess.multiple)
    return f"""`python verify.py` checks that all forms in this folder compute the same.

With torch alone (`model.py` reads `weights.safetensors`; run this in the folder, or put it on the path):

```python
import torch
from model import load

network = load()
with torch.no_grad():
    logits = network(torch.zeros(1, {channels}, {side}, {side}))
```

With onnxruntime and numpy:

```python
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
(logits,) = session.run(["logits"], {{"image": np.zeros((1, {channels}, {side}, {side}), np.float32)}})
```

As a program of torch.export, without any Python code of the network: `torch.export.load("model.pt2").module()`.

With the toolkit that wrote it, `nas predict FOLDER IMAGE...` writes masks at the images' own size, and
`nas.load(FOLDER)` gives the module from `graph.json` and `weights.safetensors`; it runs no file of the folder."""
