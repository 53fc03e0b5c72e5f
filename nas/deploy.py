"""The graph that is deployed: the prediction alone, at the input's size, BatchNorm folded, nothing unused."""

from collections import Counter
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from nas.errors import GraphError
from nas.graph import Graph, GraphBuilder, Node
from nas.ops import Add, BatchNorm, Conv, ConvTranspose, Dropout, Image, Op, ResizeTo, Scale

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["deploy", "deploy_weights", "foldable"]


def deploy(graph: Graph, output: int | None = None) -> Graph:
    """Return what runs after training; Dice, latency, traffic, peak memory and exports are of this graph.

    Logits smaller than the image are resized to it (bilinear, align_corners false); those of a whole image, (classes,),
    stay. A BatchNorm directly after a convolution that nothing else reads is folded into it; `deploy_weights` folds the
    weights. Node names are kept.

    output: Which of several outputs is the prediction, from 0; None: what the graph says. With an early one of UNet++
    the network is pruned (arXiv:1912.05074, section III-E). Raises GraphError if there is no such output.
    """
    if output is not None and output not in range(len(graph.outputs)):
        raise GraphError(f"output {output}: the network has {len(graph.outputs)}")
    g = GraphBuilder(graph.image_shape, graph.classes)
    folded = foldable(graph)
    biased = set(folded.values())
    made: dict[int, Node] = {}
    for node, name in zip(graph.nodes(), graph.names, strict=True):
        inputs = [made[x.index] for x in node.inputs]
        if node.index in folded:
            made[node.index] = inputs[0]
        elif isinstance(node.op, Image | Dropout):
            made[node.index] = inputs[0] if inputs else g.image
        else:
            op = _with_bias(node.op) if node.index in biased else node.op
            made[node.index] = _named(g.add(op, *inputs), name)
    return g.freeze([_prediction(g, graph, made, output)], initialisation=graph.initialisation)


def foldable(graph: Graph) -> dict[int, int]:
    """Return the index of each BatchNorm that can be folded, with the index of the convolution that takes it in."""
    found = {
        node.index: node.inputs[0].index
        for node in graph.nodes()
        if isinstance(node.op, BatchNorm) and isinstance(node.inputs[0].op, Conv | ConvTranspose)
    }
    read = Counter(x.index for node in graph.nodes() for x in set(node.inputs))
    read.update(output.index for output in graph.outputs)
    return {norm: conv for norm, conv in found.items() if read[conv] == 1}


@cache
def _with_bias(op: Op) -> Op:
    return replace(op, bias=True)  # type: ignore[call-arg]  # a convolution


def deploy_weights(graph: Graph, state: "dict[str, Tensor]", output: int | None = None) -> "dict[str, Tensor]":
    """Return the state dict of `to_module(deploy(graph, output))` that computes what `state` does in evaluation."""
    from nas.folding import fold

    names = graph.names
    pairs = {names[conv]: names[norm] for norm, conv in foldable(graph).items()}
    kept = set(deploy(graph, output).names)  # without what only other outputs need
    return {name: tensor for name, tensor in fold(graph, state, pairs).items() if name.rpartition(".")[0] in kept}


def _named(node: Node, name: str) -> Node:
    node.scope, node.given_name = None, name
    return node


def _prediction(g: GraphBuilder, graph: Graph, made: dict[int, Node], output: int | None) -> Node:
    counted = graph.prediction if output is None else output
    if counted != "mean":
        return _at_input_size(g, made[graph.outputs[int(counted)].index])
    total, *others = (_at_input_size(g, made[x.index]) for x in graph.outputs)
    for other in others:
        total = g.add(Add(), total, other)
    return g.add(Scale(1 / len(graph.outputs)), total)


def _at_input_size(g: GraphBuilder, logits: Node) -> Node:
    at_size = len(logits.shape) == 1 or logits.shape[1:] == g.image.shape[1:]
    return logits if at_size else g.add(ResizeTo(), logits, g.image)
