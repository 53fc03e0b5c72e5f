"""The part of a rule's check that needs torch: its module runs as the graph says, and all of its weights learn."""

from collections.abc import Sequence

import torch

from nas.errors import RuleError
from nas.graph import Graph, GraphBuilder, Node
from nas.module import to_module
from nas.ops import LeakyReLU, ReLU, ReLU6
from search_spaces.own.bench import BEFORE

__all__ = ["check_learns"]


def check_learns(graphs: Sequence[Graph], *, of_image: bool) -> None:
    """Check the module of the first graph on images of all of them. Raises RuleError.

    of_image: whether the rule reads the image itself, where there is nothing before it that learns.

    In double precision and with weights away from what they are drawn as: a factor that begins at zero learns. For the
    gradients each ReLU has a slope below zero, or one that is off for these images would seem to be off for all.
    """
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        module = _shaken(graphs[0])
        for graph in graphs:
            for mode in (True, False):
                _check_shapes(module.train(mode), graph)
        sloped = _sloped(graphs[0])
        _check_gradients(_shaken(sloped).train(), sloped, of_image)


def _shaken(graph: Graph) -> torch.nn.Module:
    module: torch.nn.Module = to_module(graph).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return module


def _sloped(graph: Graph) -> Graph:
    g = GraphBuilder(graph.image_shape, graph.classes)
    made: list[Node] = []
    for node, name in zip(graph.nodes(), graph.names, strict=True):
        op = LeakyReLU(0.1) if isinstance(node.op, ReLU | ReLU6) else node.op
        made.append(g.add(op, *(made[x.index] for x in node.inputs), name=name) if node.inputs else g.image)
    return g.freeze([made[x.index] for x in graph.outputs], graph.prediction)


def _outputs(module: torch.nn.Module, graph: Graph) -> list[torch.Tensor]:
    found = module(torch.randn(2, *graph.image_shape, dtype=torch.float64))
    return found if isinstance(found, list) else [found]


def _check_shapes(module: torch.nn.Module, graph: Graph) -> None:
    with torch.no_grad():
        found = _outputs(module, graph)
    for x, node in zip(found, graph.outputs, strict=True):
        if tuple(x.shape[1:]) != node.shape:
            raise RuleError(
                f"the graph states {node.shape} for the image {graph.image_shape}, torch gives {x.shape[1:]}"
            )
        if not bool(x.isfinite().all()):
            raise RuleError(f"its values on an image {graph.image_shape} are not finite")


def _check_gradients(module: torch.nn.Module, graph: Graph, of_image: bool) -> None:
    loss = torch.stack([(x * torch.randn_like(x)).sum() for x in _outputs(module, graph)]).sum()
    weights = dict(module.named_parameters())
    grads = torch.autograd.grad(loss, list(weights.values()), allow_unused=True) if weights else ()
    reached = False
    for (name, weight), grad in zip(weights.items(), grads, strict=True):
        learns = grad is not None and bool(grad.any())
        if name.startswith(f"{BEFORE}."):
            reached |= learns
        elif grad is None or not bool(grad.isfinite().all()) or (weight.dim() > 1 and not learns):
            raise RuleError(f"the weight {name} gets no finite gradient: the result does not depend on it")
    if not reached and not of_image:
        raise RuleError("no gradient reaches its input")
