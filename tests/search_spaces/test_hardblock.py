"""HarDBlock's link patterns: who reads whom, written out by hand, and what the residual chain computes."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import nas
from nas.build import _bind
from nas.derivation import fixed
from nas.errors import SpaceError
from nas.grammar import Rule
from nas.graph import Graph, GraphBuilder, Node
from nas.ops import Concat, Conv
from search_spaces.blocks.hardblock import PATTERNS, hardblock, links, passed_on

STACK = [[0], [1], [2], [3], [4], [5], [6], [7]]
READS = {
    "harmonic": [[0], [1, 0], [2], [3, 2, 0], [4], [5, 4], [6], [7, 6, 4, 0]],
    "log_dense": [[0], [1, 0], [2, 1], [3, 2, 0], [4, 3, 1], [5, 4, 2], [6, 5, 3], [7, 6, 4, 0]],
    "dense": [
        *([0], [1, 0], [2, 1, 0], [3, 2, 1, 0], [4, 3, 2, 1, 0], [5, 4, 3, 2, 1, 0], [6, 5, 4, 3, 2, 1, 0]),
        [7, 6, 5, 4, 3, 2, 1, 0],
    ],
    "chain": STACK,
    "residual": STACK,
    "none": STACK,
}
"""What layers 1 to 8 read, nearest first; 0 is the block's input."""

PASSED = {"residual": [8], "none": [8]} | dict.fromkeys(("harmonic", "dense", "log_dense", "chain"), [1, 3, 5, 7, 8])


def block_graph(rule: Rule, channels: int = 64, width: int = 96) -> Graph:
    g = GraphBuilder((3, 16, 24), 1)
    x = g.add(Conv(channels, kernel=1), g.image, name="before")
    return g.freeze([_bind(fixed(rule), "block")(g, x, width)])


def inputs_of(node: Node) -> list[Node]:
    (joined,) = node.inputs
    return list(joined.inputs) if isinstance(joined.op, Concat) else [joined]


def test_every_pattern_is_written_out_here() -> None:
    assert set(READS) == set(PASSED) == set(PATTERNS)


@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("pattern", READS)
def test_layers_read_what_the_pattern_says(pattern: str, depthwise: bool) -> None:
    graph = block_graph(hardblock(pattern=pattern, depthwise=depthwise))
    by_name = dict(zip(graph.names, graph.nodes(), strict=True))
    made = [by_name["before"]]
    for i in range(8):
        inside = [node for name, node in by_name.items() if name.startswith(f"block.layers.{i}.")]
        made.append(max(inside, key=lambda node: node.index))
    convs = [by_name[f"block.layers.{i}.layer1.conv" if depthwise else f"block.layers.{i}.conv"] for i in range(8)]
    assert [[made.index(x) for x in inputs_of(conv)] for conv in convs] == READS[pattern]
    assert [made.index(x) for x in inputs_of(by_name["block.transition.conv"])] == PASSED[pattern]


@pytest.mark.parametrize("pattern", READS)
def test_an_odd_number_of_layers_and_the_kept_input_are_passed_on_once(pattern: str) -> None:
    last_alone = len(PASSED[pattern]) == 1
    assert passed_on(pattern, 7, keep_input=True) == ([0, 7] if last_alone else [0, 1, 3, 5, 7])
    assert passed_on(pattern, 1) == [1]


def test_chain_and_none_differ_only_in_what_the_transition_reads() -> None:
    chain, none = (nas.cost(block_graph(hardblock(pattern=p, multiplier=1.0))).params for p in ("chain", "none"))
    assert chain - none == 4 * 16 * 96


def test_the_first_block_of_hardnet68_counts_by_hand() -> None:
    outputs, passed = [14, 24, 14, 40, 14, 24, 14, 68], {"harmonic": 124, "residual": 68}
    inputs = {"harmonic": [64, 78, 24, 102, 40, 54, 24, 142], "residual": [64, *outputs[:7]]}
    for pattern, stated in (("harmonic", 187_160), ("residual", 51_824)):
        graph = block_graph(hardblock(pattern=pattern, growth=14), width=128)
        counted = sum(node.facts.params for node in graph if isinstance(node.op, Conv)) - 4 * 64
        pairs = sum(a * b for a, b in zip(inputs[pattern], outputs, strict=True))
        assert counted == stated == (10 if pattern == "residual" else 9) * pairs + passed[pattern] * 128


@pytest.mark.parametrize(("channels", "projected"), [(64, 64 * 16 + 2 * 16), (16, 0)])
def test_a_residual_chain_counts_by_hand(channels: int, projected: int) -> None:
    graph = block_graph(hardblock(pattern="residual", multiplier=1.0, layers=4), channels)
    convolutions = 9 * (channels * 16 + 3 * 16 * 16) + 16 * 96
    assert nas.cost(graph).params - 4 * channels == convolutions + 2 * (4 * 16 + 96) + projected


def test_a_residual_chain_projects_wherever_the_width_changes() -> None:
    graph = block_graph(hardblock(pattern="residual", growth=14, layers=8))
    widths = [64, 14, 24, 14, 40, 14, 24, 14, 68]  # the first block of HarDNet-68
    by_name = dict(zip(graph.names, graph.nodes(), strict=True))
    for i, (before, after) in enumerate(zip(widths, widths[1:], strict=False)):
        assert by_name[f"block.layers.{i}.downsample.0"].facts.weights["weight"] == (after, before, 1, 1)


def norm(x: Tensor, state: dict[str, Tensor], name: str) -> Tensor:
    running = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    return functional.batch_norm(x, *running, state[f"{name}.weight"], state[f"{name}.bias"])


def residual_layer(x: Tensor, state: dict[str, Tensor], name: str, depthwise: bool) -> Tensor:
    """The published residual sum around a layer, in plain torch."""
    if depthwise:
        made = functional.conv2d(x, state[f"{name}.layer1.conv.weight"])
        made = functional.relu6(norm(made, state, f"{name}.layer1.norm"))
        weight = state[f"{name}.layer2.dwconv.weight"]
        made = norm(functional.conv2d(made, weight, padding=1, groups=len(weight)), state, f"{name}.layer2.norm")
    else:
        made = norm(functional.conv2d(x, state[f"{name}.conv.weight"], padding=1), state, f"{name}.norm")
    if f"{name}.downsample.0.weight" in state:
        x = norm(functional.conv2d(x, state[f"{name}.downsample.0.weight"]), state, f"{name}.downsample.1")
    return made + x if depthwise else functional.relu6(made + x)


@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("multiplier", [1.0, 1.7])
def test_a_residual_chain_computes_what_plain_torch_does(multiplier: float, depthwise: bool) -> None:
    torch.manual_seed(0)
    rule = hardblock(pattern="residual", multiplier=multiplier, layers=4, depthwise=depthwise)
    module = nas.to_module(block_graph(rule, 16, 24))
    with torch.no_grad():
        module(4 * torch.randn(8, 3, 16, 24))  # moves the running statistics from 0 and 1
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        module.eval()
        image = torch.randn(2, 3, 17, 33)
        state = module.state_dict()
        x = functional.conv2d(image, state["before.weight"], state["before.bias"])
        for i in range(4):
            x = residual_layer(x, state, f"block.layers.{i}", depthwise)
        x = functional.conv2d(x, state["block.transition.conv.weight"])
        expected = functional.relu6(norm(x, state, "block.transition.norm"))
        assert torch.allclose(module(image), expected, atol=1e-5)


def test_what_is_no_pattern_and_no_layers_are_refused() -> None:
    with pytest.raises(SpaceError, match="hardblock: pattern='harmonik'; it is one of harmonic, dense"):
        links("harmonik", 1)
    with pytest.raises(SpaceError, match="layers=0; give at least 1"):
        block_graph(hardblock(layers=0, keep_input=True))
