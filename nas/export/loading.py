"""An export's network as a module, from graph.json and weights.safetensors alone."""

from pathlib import Path

import torch

from nas.errors import GraphError
from nas.export.files import read_graph, read_weights
from nas.graph import Graph
from nas.module import GraphModule, to_module

__all__ = ["filled", "load", "shapes_of"]


def load(directory: str | Path) -> GraphModule:
    """Return the network of a folder that `nas export` wrote, with its weights, in evaluation mode, on the CPU.

    No file of the folder is executed. Raises ExportError for a missing file, GraphError or WeightsError for a damaged
    one.
    """
    folder = Path(directory)
    graph = read_graph(folder / "graph.json")
    return filled(graph, read_weights(folder / "weights.safetensors", shapes_of(graph), "graph.json"))


def filled(graph: Graph, state: dict[str, torch.Tensor]) -> GraphModule:
    """Return the module of a graph with these weights, in evaluation mode."""
    module = _weightless(graph)
    module.load_state_dict(state, assign=True)
    return module.eval()


def shapes_of(graph: Graph) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor in the state dict of `to_module(graph)`; takes no memory for them."""
    return {name: tuple(tensor.shape) for name, tensor in _weightless(graph).state_dict().items()}


def _weightless(graph: Graph) -> GraphModule:
    try:
        with torch.device("meta"):
            return to_module(graph, initialise=False)
    # What torch makes of a graph.json that was written to be refused: names of attributes, sizes without measure.
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, OverflowError) as fault:
        raise GraphError(f"graph.json cannot be built as a module: {type(fault).__name__}: {fault}") from None
