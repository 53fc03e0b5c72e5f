"""Folding the numbers of a BatchNorm into the convolution before it."""

import torch
from torch import Tensor

from nas.graph import Graph
from nas.ops import BatchNorm, ConvTranspose

__all__ = ["fold"]


def fold(graph: Graph, state: dict[str, Tensor], pairs: dict[str, str]) -> dict[str, Tensor]:
    """Return the deployed state dict of `graph`.

    pairs: convolution's name -> name of the BatchNorm after it. With g = weight / sqrt(running_var + eps):
    W' = g W, b' = (b - running_mean) g + bias.
    """
    nodes = dict(zip(graph.names, graph.nodes(), strict=True))
    gone = tuple(f"{norm}." for norm in pairs.values())
    deployed = {name: tensor for name, tensor in state.items() if not name.startswith(gone)}
    for conv, norm in pairs.items():
        op = nodes[norm].op
        assert isinstance(op, BatchNorm)
        gain = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + op.eps)
        weight = state[f"{conv}.weight"]
        axis = 1 if isinstance(nodes[conv].op, ConvTranspose) else 0
        shape = [1] * weight.dim()
        shape[axis] = -1
        bias = state.get(f"{conv}.bias", torch.zeros_like(gain))
        deployed[f"{conv}.weight"] = weight * gain.reshape(shape)
        deployed[f"{conv}.bias"] = (bias - state[f"{norm}.running_mean"]) * gain + state[f"{norm}.bias"]
    return deployed
