"""Which parameters get a gradient: as the graph lets one expect, and as training gives them.

Written from the definition in the docstrings, not from the code of `nas`.
"""

import torch

from nas.graph import Graph
from nas.module import to_module
from nas.node import Node
from nas.ops import (
    Add,
    AvgPool,
    BatchNorm,
    ChannelMean,
    Concat,
    Conv,
    Flatten,
    GlobalAvgPool,
    GlobalMaxPool,
    GroupNorm,
    InstanceNorm,
    LeakyReLU,
    Linear,
    MaxPool,
    Op,
    PadTo,
    ReLU,
    ReLU6,
    ResizeTo,
    Scale,
    Slice,
    Upsample,
)
from nas.ops.base import per_axis
from tests.laws import as_list, rebuilt


def unmoved_by_constants(graph: Graph) -> set[Node]:
    """The nodes to which any constant per channel may be added without changing an output, in training.

    BatchNorm and InstanceNorm subtract it; what hands a constant per channel on as one leaves the question to its
    readers; an input of which only the size counts has no say. Zero padding, a norm over several channels, any
    nonlinear function and a product do not hand it on. A bias of such a node gets no gradient.
    """
    users, found = graph.users(), set()
    for node in reversed(graph.nodes()):
        readers = [n for n in users[node.index] if node in n.inputs[: n.op.value_inputs]]
        if node not in graph.outputs and all(_subtracts(n) or (n in found and _hands_on(n)) for n in readers):
            found.add(node)
    return found


def _subtracts(node: Node) -> bool:
    op = node.op
    return isinstance(op, BatchNorm | InstanceNorm) or (isinstance(op, GroupNorm) and op.groups == node.channels)


def _hands_on(node: Node) -> bool:
    op = node.op
    if isinstance(op, Conv):
        return op.padding_mode == "reflect" or _same_taps_everywhere(op, node)
    if isinstance(op, AvgPool):
        return op.padding == 0
    if isinstance(op, PadTo):
        x, reference = node.facts.in_shapes
        return all(n >= m for n, m in zip(x[1:], reference[1:], strict=True))  # nothing is padded, at most cropped
    if isinstance(op, Concat):
        return op.axis == 0  # along a spatial axis one part of the map would move
    pools = isinstance(op, ChannelMean | GlobalAvgPool | GlobalMaxPool | MaxPool)
    return pools or isinstance(op, Add | Flatten | Linear | ResizeTo | Scale | Slice | Upsample)


def _same_taps_everywhere(op: Conv, node: Node) -> bool:
    """Whether each element of the kernel lies on the map at every place, or (a wide dilation) at none."""
    (x,) = node.facts.in_shapes
    arguments = (op.kernel, op.stride, op.dilation, op._pads(x))
    axes = zip(x[1:], node.shape[1:], *(per_axis(a, x) for a in arguments), strict=True)
    return all(
        len({0 <= place * stride - pad + tap * dilation < side for place in range(places)}) == 1
        for side, places, kernel, stride, dilation, pad in axes
        for tap in range(kernel)
    )


def nonzero_gradients(graph: Graph, batch: int = 2, seed: int = 0) -> set[str]:
    """The parameters that get a gradient in training, in double precision; rounding leaves some 1e-13 where it is 0.

    A ReLU that is off for all images says nothing of the graph, so its negative side is given a slope.
    """

    def sloped(node: Node) -> Op:
        return LeakyReLU(0.1) if isinstance(node.op, ReLU | ReLU6) else node.op

    torch.manual_seed(seed)
    module = to_module(rebuilt(graph, op=sloped, name=lambda node: graph.names[node.index])).double().train()
    outputs = as_list(module(torch.randn(batch, *graph.image_shape, dtype=torch.float64)))
    torch.stack([(x * torch.randn_like(x)).sum() for x in outputs]).sum().backward()
    found = {name: float(p.grad.abs().max()) for name, p in module.named_parameters() if p.grad is not None}
    return {name for name, largest in found.items() if largest > 1e-11 * max(found.values())}


def expected_gradients(graph: Graph) -> set[str]:
    """All parameters but the biases that `unmoved_by_constants` exempts."""
    exempt = unmoved_by_constants(graph)
    return {
        f"{name}.{weight}"
        for node, name in zip(graph.nodes(), graph.names, strict=True)
        for weight in node.facts.weights
        if not (weight == "bias" and node in exempt)
    }
