"""Which parameters training cannot move: the biases that a norm subtracts again, and no others."""

from collections.abc import Callable

import pytest

from nas.graph import Graph, GraphBuilder, Node
from nas.ops import (
    GELU,
    Add,
    AvgPool,
    BatchNorm,
    ChannelMax,
    ChannelMean,
    Concat,
    Conv,
    ConvTranspose,
    Dropout,
    GlobalAvgPool,
    GlobalMaxPool,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    MaxPool,
    Multiply,
    PadTo,
    ResizeTo,
    Scale,
    Slice,
    Upsample,
)
from tests.gradients import expected_gradients, nonzero_gradients

Body = Callable[[GraphBuilder, Node], Node]


def behind(g: GraphBuilder, x: Node) -> Node:
    return g.add(Conv(3), g.add(GELU(), x), name="after")


MOVED: dict[str, Body] = {
    "function between": lambda g, x: g.add(BatchNorm(), g.add(GELU(), x)),
    "dropout between": lambda g, x: g.add(BatchNorm(), g.add(Dropout(0.5), x)),
    "zero padding between": lambda g, x: g.add(BatchNorm(), g.add(Conv(4, bias=False), x)),
    "transposed convolution between": lambda g, x: g.add(BatchNorm(), g.add(ConvTranspose(4, bias=False), x)),
    "product between": lambda g, x: g.add(BatchNorm(), g.add(Multiply(), x, g.image)),
    "padded to between": lambda g, x: g.add(BatchNorm(), g.add(PadTo(), g.add(MaxPool(), x), g.image)),
    "groups of two channels": lambda g, x: g.add(GroupNorm(groups=2), x),
    "channels of a pixel": lambda g, x: g.add(LayerNorm(), x),
    "another reader": lambda g, x: g.add(Concat(), g.add(BatchNorm(), x), x),
    "maximum of channels between": lambda g, x: g.add(BatchNorm(), g.add(ChannelMax(), x)),
    "joined along a side": lambda g, x: g.add(BatchNorm(), g.add(Concat(axis=2), x, g.image)),
    "padded pool between": lambda g, x: g.add(BatchNorm(), g.add(AvgPool(3, 2, 1), x)),
}
UNMOVED: dict[str, Body] = {
    "batch norm": lambda g, x: g.add(BatchNorm(), x),
    "instance norm": lambda g, x: g.add(InstanceNorm(), x),
    "cropped": lambda g, x: g.add(BatchNorm(), g.add(PadTo(), x, g.add(MaxPool(), g.image))),
    "groups of one channel": lambda g, x: g.add(GroupNorm(groups=4), x),
    "two norms read it": lambda g, x: g.add(Add(), g.add(BatchNorm(), x), g.add(GELU(), g.add(InstanceNorm(), x))),
    "enlarged": lambda g, x: g.add(BatchNorm(), g.add(Upsample(align_corners=True), x)),
    "resized": lambda g, x: g.add(BatchNorm(), g.add(ResizeTo(), g.add(MaxPool(), x), g.image)),
    "pooled": lambda g, x: g.add(BatchNorm(), g.add(AvgPool(), g.add(MaxPool(3, 2, 1), x))),
    "mean of channels": lambda g, x: g.add(BatchNorm(), g.add(ChannelMean(), x)),
    "maximum of the map": lambda g, x: g.add(BatchNorm(), g.add(Add(), g.add(GlobalMaxPool(), x), g.image)),
    "joined and cut": lambda g, x: g.add(BatchNorm(), g.add(Slice(3, 3), g.add(Concat(), g.image, x))),
    "scaled and added": lambda g, x: g.add(BatchNorm(), g.add(Add(), g.add(Scale(0.5), x), g.image)),
    "one pixel added": lambda g, x: g.add(BatchNorm(), g.add(Add(), g.add(GlobalAvgPool(), x), g.image)),
    "1x1 between": lambda g, x: g.add(BatchNorm(), g.add(Conv(5, kernel=1, bias=False), x)),
    "reflected between": lambda g, x: g.add(BatchNorm(), g.add(Conv(5, bias=False, padding_mode="reflect"), x)),
}


def graph_of(body: Body) -> Graph:
    g = GraphBuilder((4, 8, 9), 1)
    return g.freeze([behind(g, body(g, g.add(Conv(4, kernel=1), g.image, name="asked")))])


@pytest.mark.parametrize("name", MOVED)
def test_a_bias_that_no_norm_subtracts_entirely_is_trained(name: str) -> None:
    graph = graph_of(MOVED[name])
    assert "asked.bias" in expected_gradients(graph)
    assert nonzero_gradients(graph) == expected_gradients(graph)


@pytest.mark.parametrize("name", UNMOVED)
def test_a_bias_that_a_norm_subtracts_is_not(name: str) -> None:
    graph = graph_of(UNMOVED[name])
    assert "asked.bias" not in expected_gradients(graph)
    assert nonzero_gradients(graph) == expected_gradients(graph)
