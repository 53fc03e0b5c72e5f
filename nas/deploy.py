"""The graph that is deployed: the prediction alone, at the input's size, BatchNorm folded, nothing unused."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from nas.errors import GraphError
from nas.fragment import Fragment
from nas.graph import Graph, GraphBuilder, Node
from nas.node import Stamp, names_of, numbered
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
    if output is not None and output not in range(len(graph.part_outputs)):
        raise GraphError(f"output {output}: the network has {len(graph.part_outputs)}")
    g = GraphBuilder(graph.image_shape, graph.classes)
    parts, outputs = graph.parts, graph.part_outputs
    if _folds_across(parts, outputs):
        parts, outputs = graph.nodes(), graph.outputs
    made = _append(g, parts, outputs)
    return g.freeze([_prediction(g, graph, made, output)], initialisation=graph.initialisation)


def foldable(graph: Graph) -> dict[int, int]:
    """Return the index of each BatchNorm that can be folded, with the index of the convolution that takes it in."""
    return _foldable(graph.nodes(), graph.outputs)


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


def _append(g: GraphBuilder, nodes: Sequence[Node], outputs: Sequence[Node]) -> dict[int, Node]:
    """Append what is left of nodes in canonical order, the first being the image; return it by their indexes."""
    folded = _foldable(nodes, outputs)
    biased = set(folded.values())
    made: dict[int, Node] = {}
    for node, name in zip(nodes, names_of(nodes), strict=True):
        inputs = [made[x.index] for x in node.inputs]
        if isinstance(node, Stamp):
            made[node.index] = stamp = g.stamp(_deployed(node.fragment), inputs[0], str(node.given_name))
            stamp.scope = node.scope
        elif node.index in folded:
            made[node.index] = inputs[0]
        elif isinstance(node.op, Image | Dropout):
            made[node.index] = inputs[0] if inputs else g.image
        else:
            op = _with_bias(node.op) if node.index in biased else node.op
            made[node.index] = _named(g.add(op, *inputs), name)
    return made


def _foldable(nodes: Sequence[Node], outputs: Sequence[Node]) -> dict[int, int]:
    found = {
        node.index: node.inputs[0].index
        for node in nodes
        if node.fragment is None and isinstance(node.op, BatchNorm) and _is_convolution(node.inputs[0])
    }
    read = Counter(x.index for node in nodes for x in set(node.inputs))
    read.update(output.index for output in outputs)
    return {norm: conv for norm, conv in found.items() if read[conv] == 1}


def _is_convolution(node: Node) -> bool:
    return node.fragment is None and isinstance(node.op, Conv | ConvTranspose)


def _folds_across(parts: Sequence[Node], outputs: Sequence[Node]) -> bool:
    """Return whether a recorded block may share a convolution and its BatchNorm with what stands beside it."""
    return any(
        (part.fragment is not None and BatchNorm in part.fragment.first and isinstance(x.op, Conv | ConvTranspose))
        or (x.fragment is not None and isinstance(x.op, Conv | ConvTranspose) and isinstance(part.op, BatchNorm))
        for part in parts
        for x in part.inputs[:1]
    )


def _deployed(fragment: Fragment) -> Fragment:
    """Return what is left of a recorded block. It is found once, on the small map where the block is for any size."""

    def again() -> list[Node]:
        nodes = fragment.nodes()
        g = GraphBuilder(fragment.in_shape, 1)
        made = _append(g, nodes, nodes[-1:])
        return numbered([made[nodes[-1].index]], numbered([g.image]))

    if fragment.deployed is None:
        smaller = fragment.smaller
        fragment.deployed = _deployed(smaller).at(fragment.in_shape, again) if smaller else Fragment(again(), again)
    return fragment.deployed


def _named(node: Node, name: str) -> Node:
    node.scope, node.given_name = None, name
    return node


def _prediction(g: GraphBuilder, graph: Graph, made: dict[int, Node], output: int | None) -> Node:
    counted = graph.prediction if output is None else output
    if counted != "mean":
        return _at_input_size(g, made[graph.part_outputs[int(counted)].index])
    total, *others = (_at_input_size(g, made[x.index]) for x in graph.part_outputs)
    for other in others:
        total = g.add(Add(), total, other)
    return g.add(Scale(1 / len(graph.part_outputs)), total)


def _at_input_size(g: GraphBuilder, logits: Node) -> Node:
    at_size = len(logits.shape) == 1 or logits.shape[1:] == g.image.shape[1:]
    return logits if at_size else g.add(ResizeTo(), logits, g.image)
