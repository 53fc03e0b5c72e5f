"""Small networks to export, and their weights."""

from pathlib import Path

import torch
from torch import Tensor

import nas
from nas.export.folder import Differences, Export, write_export
from nas.export.preprocess import Preprocess
from nas.export.sides import sides_of
from nas.graph import Graph, GraphBuilder
from nas.ops import BatchNorm, Concat, Conv, ConvTranspose, MaxPool, PadTo, ReLU, Sigmoid


def two_levels(channels: int = 3, classes: int = 1, *, any_side: bool = True) -> Graph:
    """One step down and up again, with a skip; without `any_side` only even sides fit the skip."""
    g = GraphBuilder((channels, 32, 32), classes)
    with g.scope("encoder"):
        skip = g.add(ReLU(), g.add(BatchNorm(), g.add(Conv(6, 3, padding=1, bias=False), g.image)))
        low = g.add(Sigmoid(), g.add(Conv(8, 3, padding=1), g.add(MaxPool(2), skip)))
    with g.scope("decoder"):
        up = g.add(ConvTranspose(6, 2, stride=2), low)
        up = g.add(PadTo(), up, skip) if any_side else up
        out = g.add(Conv(classes, 1), g.add(Concat(), up, skip))
    return g.freeze([out])


def drawn(graph: Graph, seed: int = 0) -> dict[str, Tensor]:
    """Weights of a graph with statistics and affine weights that are not what they begin with."""
    torch.manual_seed(seed)
    state = nas.to_module(graph).state_dict()
    for tensor in state.values():
        if tensor.is_floating_point() and tensor.dim() == 1:
            tensor.mul_(torch.empty_like(tensor).uniform_(0.7, 1.3)).add_(torch.empty_like(tensor).uniform_(0, 0.1))
    return state


def write(graph: Graph, out: Path, state: dict[str, Tensor] | None = None, **known: object) -> Differences:
    """Export the deployed graph."""
    deployed = nas.deploy(graph)
    state = nas.deploy_weights(graph, state or drawn(graph))
    names = ("background", "foreground") if graph.classes == 1 else tuple(f"class {i}" for i in range(graph.classes))
    sides = sides_of(deployed)
    preprocess = Preprocess(graph.image_shape[0], names, graph.classes, *sides, **known)  # type: ignore[arg-type]
    return write_export(Export(deployed, state, preprocess, "# a card\n"), out)
