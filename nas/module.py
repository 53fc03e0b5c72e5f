"""From a graph to a torch module whose parameters are named by scope."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from nas import layers
from nas.graph import Graph, Node
from nas.initialisation import draw
from nas.ops import Call, Input, Op, Size, Weighted

__all__ = ["GraphModule", "to_module"]


def to_module(graph: Graph, initialise: bool = True) -> "GraphModule":
    """Return a module that computes `graph` on inputs of any size that it takes, (N, C, H, W) -> logits.

    One output gives a tensor, several a list. Built on the current default device and dtype (`torch.device(...)`),
    its weights drawn as the operators state, in the graph's order, from torch's default generator.
    initialise: without, weights are whatever the memory holds, for a state dict to be loaded over all of them.
    """
    with nullcontext() if initialise else _Undrawn():
        return GraphModule(graph, graph.initialisation if initialise else None)


class _Undrawn(TorchFunctionMode):
    """Leaves out what layers do to draw their weights."""

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if getattr(function, "__module__", None) == "torch.nn.init":
            return args[0] if args else (kwargs or {})["tensor"]
        return function(*args, **(kwargs or {}))


class GraphModule(nn.Module):
    """The graph as a module. `prediction` is the number of the output that counts, or "mean"."""

    def __init__(self, graph: Graph, scheme: str | None):
        super().__init__()
        self.prediction = graph.prediction
        self._inputs = [node.index for node in graph.nodes() if not node.inputs]
        self._outputs = [node.index for node in graph.outputs]
        self._steps: list[tuple[int, Callable[..., Tensor], Any, dict[str, Any]]] = []
        for node, name in zip(graph.nodes(), graph.names, strict=True):
            if node.inputs:
                self._steps.append(self._step(node, name, scheme))
        self._spent = _last_uses(graph)

    def _step(
        self, node: Node, name: str, scheme: str | None
    ) -> tuple[int, Callable[..., Tensor], Any, dict[str, Any]]:
        layer = node.op.layer(*node.facts.in_shapes)
        if layer is not None:
            made = _target(layer)(*layer.args, **dict(layer.kwargs))
            if scheme and _scheme_of(node.op, scheme) != "torch":
                draw(made, node.op.draws(*node.facts.in_shapes, scheme=scheme))
            _attach(self, name, made)
            return node.index, made, (_Value(node.inputs[0].index),), {}
        call = node.op.call(*node.facts.in_shapes)
        assert call is not None, f"{node.op} states neither a layer nor a call"
        at = [x.index for x in node.inputs]
        return node.index, _target(call), _bind(call.args, at), {name: _bind(v, at) for name, v in call.kwargs}

    def forward(self, image: Tensor) -> Tensor | list[Tensor]:
        """Return the logits of each output in order, (N, classes, H, W) at the output's own size."""
        return self.run([image])

    def run(self, images: Sequence[Tensor]) -> Tensor | list[Tensor]:
        """Return what `forward` does, of a graph of several images (`Launch.to_graph`): one for each, in its order."""
        values: list[Any] = [None] * len(self._spent)
        for index, image in zip(self._inputs, images, strict=True):
            values[index] = image
        for index, function, args, kwargs in self._steps:
            given = [_fetch(a, values) for a in args]
            values[index] = function(*given, **{name: _fetch(v, values) for name, v in kwargs.items()})
            for spent in self._spent[index]:
                values[spent] = None
        outputs = [values[i] for i in self._outputs]
        return outputs[0] if len(outputs) == 1 else outputs


def _scheme_of(op: Op, scheme: str) -> str:
    """Return the scheme that draws an operator's weights: its own, or the network's."""
    return (op.initialisation or scheme) if isinstance(op, Weighted) else scheme


class _Value(int):
    """In a bound call: the value of the node of that number."""


class _SizeOf(int):
    """In a bound call: the spatial size of the node of that number."""


def _bind(argument: Any, at: list[int]) -> Any:
    if isinstance(argument, Input):
        return _Value(at[argument])
    if isinstance(argument, Size):
        return _SizeOf(at[argument])
    return tuple(_bind(a, at) for a in argument) if isinstance(argument, tuple) else argument


def _fetch(argument: Any, values: list[Any]) -> Any:
    if isinstance(argument, _Value):
        return values[argument]
    if isinstance(argument, _SizeOf):
        return values[argument].shape[2:]
    return [_fetch(a, values) for a in argument] if isinstance(argument, tuple) else argument


def _target(call: Call) -> Callable[..., Any]:
    """Return the torch function or class of a call; operators name them, nothing from outside does."""
    first, *rest = call.target.split(".")
    found: Any = layers if first == "layers" else getattr(torch, first)
    for name in rest:
        found = getattr(found, name)
    assert callable(found)
    return found  # type: ignore[no-any-return]  # getattr is untyped


def _attach(root: nn.Module, name: str, layer: nn.Module) -> None:
    *scopes, leaf = name.split(".")
    for scope in scopes:
        if scope not in root._modules:
            root.add_module(scope, nn.Module())
        inner = root._modules[scope]
        assert inner is not None
        root = inner
    root.add_module(leaf, layer)


def _last_uses(graph: Graph) -> list[list[int]]:
    """Return for each node the earlier ones that nothing needs after it, so that their memory is given back."""
    last = {}
    for node in graph.nodes():
        for x in node.inputs:
            last[x.index] = node.index
    keep = {node.index for node in graph.outputs}
    spent: list[list[int]] = [[] for _ in graph.nodes()]
    for index, user in last.items():
        if index not in keep:
            spent[user].append(index)
    return spent
