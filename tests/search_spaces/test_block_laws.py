"""Laws of blocks with many options, over all combinations of them: they build, run, count and deploy as stated."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

import nas
from nas.architecture import Architecture
from nas.build import _bind
from nas.derivation import derive
from nas.grammar import Choice, Inherit, OneOf, Rule
from nas.graph import Graph, GraphBuilder
from nas.ops import Conv
from search_spaces import load
from search_spaces.blocks.amse import amse
from search_spaces.blocks.hardblock import PATTERNS, hardblock
from search_spaces.blocks.metaformer import metaformer
from search_spaces.mixers.ams import ams
from search_spaces.mixers.depthwise import depthwise
from search_spaces.mixers.msca import msca
from search_spaces.mixers.no_mixer import no_mixer
from search_spaces.mixers.pooling import pooling
from search_spaces.parts import ACTIVATIONS, NORMS

FLAGS = Choice((True, False))
AROUND = {
    "norm_placement": Choice(("Bf", "Bb", "none")),
    "residual": Choice(("N", "O", "none")),
    "norm": Choice(NORMS),
    "activation": Choice(tuple(ACTIVATIONS)),
    "expansion": Choice((1, 2, 4)),
}
STRIPS = {f"strip{k}": FLAGS for k in (5, 7, 11, 21)}
DILATED = {"dilation": Choice((1, 2, 5)), **STRIPS}

MIXERS = OneOf(
    ams=ams(**DILATED, activation=Inherit("activation")),
    msca=msca(**STRIPS, shortcut=FLAGS, activation=Choice(tuple(ACTIVATIONS))),
    depthwise=depthwise(kernel=Choice((3, 7)), padding_mode=Choice(("zeros", "reflect"))),
    pooling=pooling(kernel=Choice((3, 5))),
    no_mixer=no_mixer,
)
RULES = {
    "hardblock": hardblock(
        pattern=Choice(tuple(PATTERNS)),
        growth=Choice((4, 7, 10)),
        multiplier=Choice((1.0, 1.4, 1.7)),
        layers=Choice(tuple(range(1, 10))),
        keep_input=FLAGS,
        depthwise=FLAGS,
        dropout=Choice((0.0, 0.1)),
    ),
    "amse": amse(**DILATED, **AROUND),
    "metaformer": metaformer(
        **AROUND,
        mixer=MIXERS,
        ffn_depthwise=FLAGS,
        final_activation=FLAGS,
        layer_scale=Choice((0.0, 1e-5, 1e-2)),
    ),
}


def graph_of(tree: Architecture, channels: int, width: int, size: tuple[int, int]) -> Graph:
    g = GraphBuilder((3, *size), 1)
    x = g.add(Conv(channels, kernel=1), g.image, name="before")
    return g.freeze([_bind(tree, "block")(g, x, width)])


def drawn(data: st.DataObject, rule: Rule) -> Architecture:
    tree = derive(rule, lambda path, options: data.draw(st.sampled_from(options), label=path))
    assert isinstance(tree, Architecture)
    return tree


sides = st.integers(33, 42)
widths = st.sampled_from([6, 8, 12])


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@settings(max_examples=100)
@given(data=st.data(), channels=widths, width=widths, size=st.tuples(sides, sides), other=st.tuples(sides, sides))
def test_a_block_runs_counts_and_learns_as_its_graph_says(
    rule: Rule, data: st.DataObject, channels: int, width: int, size: tuple[int, int], other: tuple[int, int]
) -> None:
    tree = drawn(data, rule)
    graph = graph_of(tree, channels, width, size)
    assert graph.outputs[0].shape == (width, *size)
    module, cost = nas.to_module(graph), nas.cost(graph)
    assert cost.params == sum(p.numel() for p in module.parameters())
    with FlopCounterMode(display=False) as counter:
        output = module(torch.randn(2, 3, *size))
    assert 4 * cost.macs == counter.get_total_flops()  # two images, and torch counts a multiply-accumulate as two
    assert tuple(output.shape) == (2, width, *size)
    output.square().mean().backward()
    assert [n for n, p in module.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []
    assert tuple(module(torch.randn(2, 3, *other)).shape) == (2, width, *other)
    assert graph_of(tree, channels, width, other).key() == graph.key()


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@settings(max_examples=25)
@given(data=st.data(), channels=widths, width=widths)
def test_a_block_is_stored_and_deployed_as_the_same_function(
    rule: Rule, data: st.DataObject, channels: int, width: int
) -> None:
    tree = drawn(data, rule)
    assert load(tree.to_json()) == tree
    graph = graph_of(tree, channels, width, (33, 34))
    assert Graph.from_json(graph.to_json()).key() == graph.key()
    trained = nas.to_module(graph)
    trained(torch.randn(4, 3, 33, 34))  # moves the running statistics
    deployed = nas.to_module(nas.deploy(graph)).eval()
    deployed.load_state_dict(nas.deploy_weights(graph, trained.eval().state_dict()))
    image = torch.randn(1, 3, 33, 34)
    with torch.no_grad():
        assert torch.allclose(deployed(image), trained(image), atol=1e-4)


@settings(max_examples=150)
@given(data=st.data(), channels=widths)
def test_amse_is_a_metaformer_whose_mixer_is_ams(data: st.DataObject, channels: int) -> None:
    tree = drawn(data, RULES["amse"])
    mixing = {name: tree.options[name] for name in ("activation", *DILATED)}
    around = {name: tree.options[name] for name in AROUND}
    graph = graph_of(tree, channels, 8, (33, 34))
    other = graph_of(drawn(data, metaformer(**around, mixer=ams(**mixing))), channels, 8, (33, 34))
    assert other.key() == graph.key()
    assert other.names == graph.names
    assert nas.cost(other) == nas.cost(graph)
