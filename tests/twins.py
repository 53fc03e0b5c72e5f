"""A rule against a second implementation in torch, with one state dict: values, gradients, deployment, storage."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

import nas
from nas.build import _bind
from nas.derivation import fixed
from nas.grammar import Rule
from nas.graph import Graph, GraphBuilder
from nas.ops import Slice
from search_spaces import load
from tests.gradients import expected_gradients, nonzero_gradients
from tests.laws import as_list

SIZES = ((32, 48), (37, 51))


def applied(rule: Rule, channels: Sequence[int], width: int, size: tuple[int, int]) -> Graph:
    """The rule on inputs that are slices of the image's channels; a skip takes two, all else one and a width."""
    g = GraphBuilder((sum(channels), *size), 1)
    starts = [sum(channels[:i]) for i in range(len(channels))]
    inputs: list[Any] = [g.add(Slice(start, c), g.image) for start, c in zip(starts, channels, strict=True)]
    made = _bind(fixed(rule), "block")(g, *(inputs if rule.kind == "skip" else [*inputs, width]))
    return g.freeze([made])


def shaken(graph: Graph, seed: int = 0) -> nn.Module:
    """The module in evaluation mode, with weights and running statistics away from their defaults."""
    torch.manual_seed(seed)
    module = nas.to_module(graph).eval()
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean, -0.5, 0.5)
            nn.init.uniform_(layer.running_var, 0.5, 2)
        if isinstance(layer, nn.BatchNorm2d | nn.LayerNorm | nn.GroupNorm):
            nn.init.uniform_(layer.weight, 0.5, 2)
            nn.init.uniform_(layer.bias, -0.5, 0.5)
    return module


def check_twin(rule: Rule, twin: nn.Module, channels: Sequence[int], width: int = 0) -> None:
    """Check that `twin(x)`, whose parameters have our names without `block.`, is what the rule computes.

    At even and odd sizes, with one module; in evaluation. A skip's twin takes two inputs.
    """
    module = shaken(applied(rule, channels, width, SIZES[0]))
    twin.load_state_dict({name.removeprefix("block."): t for name, t in module.state_dict().items()})
    for size in SIZES:
        graph = applied(rule, channels, width, size)
        image = torch.randn(2, sum(channels), *size)
        with torch.no_grad():
            ours, theirs = module(image), twin.eval()(*image.split(list(channels), dim=1))
        assert tuple(ours.shape[1:]) == graph.outputs[0].shape
        assert (ours - theirs).abs().max() <= 1e-4 * theirs.std()
    check_stored_and_trained(rule, applied(rule, channels, width, SIZES[1]))


def check_stored_and_trained(rule: Rule, graph: Graph) -> None:
    """Check that rule and graph can be stored, that deployment keeps the function, and that all weights are trained."""
    assert load(fixed(rule).to_json(), [rule]) == fixed(rule)
    assert Graph.from_json(graph.to_json()).key() == graph.key()
    trained, deployed = shaken(graph), nas.deploy(graph)
    module = nas.to_module(deployed).eval()
    module.load_state_dict(nas.deploy_weights(graph, trained.state_dict()))
    image = torch.randn(1, *graph.image_shape)
    with torch.no_grad():
        wanted: Tensor = as_list(trained(image))[int(graph.prediction)]
        wanted = nn.functional.interpolate(wanted, image.shape[2:], mode="bilinear")
        rounding = 1e-4 * wanted.std() + 1e-6 * wanted.abs().max()
        assert (module(image) - wanted).abs().max() <= rounding
    assert nonzero_gradients(graph) == expected_gradients(graph)
