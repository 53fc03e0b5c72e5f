"""Names from outside never become anything but names: hostile ones are refused, others never meet the file's own."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

import nas
from nas.graph import Graph, GraphBuilder
from nas.ops import ChannelScale, Concat, Conv, ReLU, Tanh
from nas.source.identifiers import RESERVED
from tests.nas.source.graphs import bare
from tests.nas.source.syntax import check_text


def namespace(source: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    exec(compile(source, "source", "exec"), found)
    return found


def test_the_name_is_the_class() -> None:
    g = GraphBuilder((3, 32, 32), 1)
    graph = g.freeze(bare(g))
    assert "HarDNet2" in namespace(nas.to_source(graph, "HarDNet2"))
    for name in ("network", "A b", "", "F", "LINKS", "ChannelScale", "Tensor", "None", "X;import os", "Ä", "A_b"):
        with pytest.raises(nas.errors.GraphError, match="cannot be a class"):
            nas.to_source(graph, name)


HOSTILE = [
    *("x; import os", "__class__", "_modules", "forward", "training", "parameters", "self", "class", "a b", "", "ä"),
    *("a.b", "1a", "01", "-1", "a\n", "a'b", 'a"""b', "a\\", "état", "ｘ", "prediction", "keys", "None", "a__b"),
    "register_buffer",
]


def renamed(name: str, place: Callable[[str], str]) -> Graph:
    """A stored graph of one convolution whose name holds `name`."""
    g = GraphBuilder((3, 8, 8), 1)
    node = g.add(ReLU(), g.add(Conv(2), g.image))
    node.inputs[0].scope, node.inputs[0].given_name = None, place(name)
    return Graph.from_json(g.freeze([node]).to_json())


@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "a.b"])
@pytest.mark.parametrize(
    "place", [lambda n: n, lambda n: f"{n}.conv", lambda n: f"a.{n}.conv"], ids=["leaf", "top", "in"]
)
def test_hostile_names_are_refused(name: str, place: Callable[[str], str]) -> None:
    with pytest.raises(nas.errors.GraphError, match="give it a name"):
        nas.to_source(renamed(name, place))


def test_the_name_of_a_function_never_reaches_the_text() -> None:
    for name in (*HOSTILE, "lambda", "²", "9" * 5000, ".a" * 9):
        g = GraphBuilder((3, 8, 8), 1)
        x = g.add(Conv(2), g.image, name="conv")
        y, z = g.add(ReLU(), x), g.add(Tanh(), x)
        for node, leaf in ((y, "relu"), (z, "tanh")):
            node.scope, node.given_name = None, f"{name}.{name}.{leaf}"
        with g.scope("both"):
            both = g.add(Conv(2), g.add(Concat(), y, z), name="conv")
        source = nas.to_source(Graph.from_json(g.freeze([y, z, both]).to_json()))
        check_text(source)
        namespace(source)


def test_two_layers_of_one_name_are_refused() -> None:
    for names in (("a.b", "a.b"), ("a", "a.b"), ("a.b.c", "a.b")):
        g = GraphBuilder((3, 8, 8), 1)
        x = g.image
        for name in names:
            x = g.add(Conv(3), x)
            x.scope, x.given_name = None, name
        with pytest.raises(nas.errors.GraphError, match="name"):
            nas.to_source(Graph.from_json(g.freeze([x]).to_json()))


@pytest.mark.parametrize("name", ["none", "true", "tensor", "channel_scale", "LINKS", "network", "nn", "f"])
def test_a_class_is_never_called_as_something_else_in_the_file(name: str) -> None:
    g = GraphBuilder((3, 8, 8), 1)
    with g.scope(name):
        x = g.add(ChannelScale(), g.add(Tanh(), g.add(Conv(2), g.image, name="conv")), name="scale")
    source = nas.to_source(g.freeze([x]))
    check_text(source)
    assert namespace(source)["Network"]()(torch.zeros(1, 3, 8, 8)).shape == (1, 2, 8, 8)


def test_names_that_are_too_deep_or_too_long_are_refused() -> None:
    for name in ("a." * 5000 + "conv", "a" * 41, "1" * 7 + ".conv"):
        with pytest.raises(nas.errors.GraphError):
            nas.to_source(renamed(name, str))


def test_reserved_names_are_the_attributes_of_modules() -> None:
    attributes = {*dir(torch.nn.Module()), *torch.nn.Module().__dict__, *dir(torch.nn.ModuleDict()), "T_destination"}
    attributes |= set(torch.nn.Module.__annotations__)
    assert {name for name in attributes if not name.startswith("_")} <= RESERVED
