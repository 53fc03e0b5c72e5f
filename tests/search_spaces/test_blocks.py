"""Blocks against the tables and formulas of their papers."""

import pytest

import nas
from nas.build import _bind
from nas.derivation import derive
from nas.errors import SpaceError
from nas.grammar import Rule
from nas.graph import Graph, GraphBuilder
from nas.ops import Add, BatchNorm, Concat, Conv
from search_spaces.blocks.amse import amse
from search_spaces.blocks.basic_residual import basic_residual
from search_spaces.blocks.bottleneck import bottleneck
from search_spaces.blocks.convnext import convnext
from search_spaces.blocks.double_conv import double_conv
from search_spaces.blocks.hardblock import hardblock, links, width_of
from search_spaces.blocks.run import run
from search_spaces.skips.gated import gated
from search_spaces.skips.rsc import rsc


def block_graph(rule: Rule, channels: int, width: int) -> Graph:
    g = GraphBuilder((3, 16, 24), 1)
    x = g.add(Conv(channels, kernel=1), g.image, name="before")
    tree = derive(rule, lambda path, options: options[0])
    out = _bind(tree, "block")(g, x, x if rule.kind == "skip" else width)
    return g.freeze([out])


# HarDNet's tables: (input, growth, multiplier, layers) -> outputs, inputs, width before the transition
TABLES = {
    "68 block 1": (64, 14, 1.7, [14, 24, 14, 40, 14, 24, 14, 68], [64, 78, 24, 102, 40, 54, 24, 142], 124),
    "68 block 5": (640, 160, 1.7, [160, 272, 160, 462], [640, 800, 272, 1072], 782),
    "39 block 1": (48, 16, 1.6, [16, 26, 16, 40], [48, 64, 26, 90], 72),
    "39 block 3": (320, 64, 1.6, [64, 102, 64, 164, 64, 102, 64, 262], [320, 384, 102, 486, 164, 228, 102, 650], 518),
    "68 block 2": (
        128,
        16,
        1.7,
        [16, 28, 16, 46, 16, 28, 16, 78, 16, 28, 16, 46, 16, 28, 16, 134],
        [128, 144, 28, 172, 46, 62, 28, 218, 78, 94, 28, 122, 46, 62, 28, 296],
        262,
    ),
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("depthwise", [False, True])
def test_hardblock_has_the_widths_of_the_papers_tables(table: tuple[object, ...], depthwise: bool) -> None:
    channels, growth, multiplier, outputs, inputs, joined = table
    rule = hardblock(growth=growth, multiplier=multiplier, layers=len(outputs), depthwise=depthwise)  # type: ignore[arg-type]
    graph = block_graph(rule, channels, 96)  # type: ignore[arg-type]
    by_name = dict(zip(graph.names, graph.nodes(), strict=True))
    leaf = "layer1.conv" if depthwise else "conv"
    layers = [by_name[f"block.layers.{i}.{leaf}"] for i in range(len(outputs))]  # type: ignore[arg-type]
    assert [x.channels for x in layers] == outputs
    assert [x.facts.in_shapes[0][0] for x in layers] == inputs
    assert by_name["block.transition.conv"].facts.in_shapes[0][0] == joined


def test_links_of_each_pattern() -> None:
    assert links("harmonic", 8) == [7, 6, 4, 0]
    assert links("harmonic", 12) == [11, 10, 8]
    assert links("harmonic", 7) == [6]
    assert links("dense", 4) == [3, 2, 1, 0]
    assert links("log_dense", 7) == [6, 5, 3]
    assert links("log_dense", 8) == [7, 6, 4, 0]
    assert links("chain", 5) == [4]


def test_widths_are_even_and_not_rounded_in_between() -> None:
    assert [width_of(n, 28, 1.7) for n in (1, 2, 4, 8, 16)] == [28, 48, 80, 138, 234]  # HarDNet-85's third block
    assert [width_of(16, k, 1.7) for k in (24, 36, 48)] == [200, 300, 400]


def test_keeping_the_input_widens_the_transition_by_it() -> None:
    plain, kept = (block_graph(hardblock(keep_input=k), 64, 96) for k in (False, True))
    assert nas.cost(kept).params - nas.cost(plain).params == 64 * 96


def test_double_conv_counts() -> None:
    assert nas.cost(block_graph(double_conv(bias=False), 64, 32)).params - 256 == 9 * (64 * 32 + 32 * 32) + 4 * 32
    halved = nas.cost(block_graph(double_conv(mid="half_input", bias=False), 128, 32)).params - 512
    assert halved == 9 * (128 * 64 + 64 * 32) + 2 * (64 + 32)


def amse_params(width: int, strips: tuple[int, ...] = (5, 7, 11)) -> int:
    """By hand: two norms; three 1x1, two depthwise 3x3 and the strips; the FFN of four times the width."""
    attention = 3 * (width * width + width) + 2 * 10 * width + sum(2 * (k + 1) * width for k in strips)
    feed_forward = 2 * 4 * width * width + 5 * width + 40 * width
    return 4 * width + attention + feed_forward


def test_amse_counts_by_hand() -> None:
    for fixings, strips in (({}, (5, 7, 11)), ({"strip5": False, "strip21": True}, (7, 11, 21))):
        graph = block_graph(amse(**fixings), 32, 32)
        assert nas.cost(graph).params - 128 == amse_params(32, strips)
    projected = nas.cost(block_graph(amse, 48, 32)).params - 4 * 48
    assert projected == amse_params(32) + 48 * 32 + 32


@pytest.mark.parametrize(("placement", "norms"), [("Bf", 2), ("Bb", 2), ("none", 0)])
@pytest.mark.parametrize(("residual", "sums"), [("N", 1), ("O", 2), ("none", 0)])
def test_amse_places_norms_and_residuals(placement: str, norms: int, residual: str, sums: int) -> None:
    graph = block_graph(amse(norm_placement=placement, residual=residual), 32, 32)
    kinds = [type(node.op) for node in graph.nodes()]
    assert kinds.count(BatchNorm) == norms
    assert kinds.count(Add) == sums + 4  # four inside the attention
    names = [name for name in graph.names if name.startswith("block.")]
    if norms:
        assert (names.index("block.bn1") < names.index("block.attn.conv1")) == (placement == "Bf")


def test_convnext_counts_by_hand() -> None:
    plain, projected = (nas.cost(block_graph(convnext, c, 32)) for c in (32, 48))
    assert plain.params - 4 * 32 == 50 * 32 + 33 * 128 + 129 * 32 + 4 * 32 == 10_080
    assert plain.macs - 3 * 32 * 16 * 24 == 9_760 * 16 * 24
    assert projected.params - 4 * 48 == 10_080 + 49 * 32


def test_a_run_repeats_the_block_with_own_weights() -> None:
    one, three = (nas.cost(block_graph(run(count=n, block=convnext), 32, 32)).params for n in (1, 3))
    assert three - one == 2 * 10_080


def test_residual_blocks_count_by_hand_and_project_where_the_width_changes() -> None:
    basic = [nas.cost(block_graph(basic_residual, c, 32)).params - 4 * c for c in (32, 16)]
    assert basic == [18_432 + 4 * 32, 9 * (16 * 32 + 32 * 32) + 4 * 32 + 16 * 32 + 2 * 32]
    deep = [nas.cost(block_graph(bottleneck, c, 256)).params - 4 * c for c in (256, 64)]
    assert deep == [69_632 + 4 * 64 + 512, 64 * 64 + 9 * 64 * 64 + 64 * 256 + 4 * 64 + 512 + 64 * 256 + 512]


def test_gated_counts_by_hand() -> None:
    graph = block_graph(gated, 32, 32)
    assert nas.cost(graph).params - 128 == 5 * 33 * 32
    assert nas.cost(graph).macs - 3 * 32 * 16 * 24 == 5_120 * 16 * 24
    assert graph.outputs[0].shape == (32, 16, 24)


def test_a_wrong_value_is_named() -> None:
    with pytest.raises(SpaceError, match="norm_placement='before'; it is one of Bf, Bb, none"):
        block_graph(amse(norm_placement="before"), 32, 32)
    with pytest.raises(SpaceError, match="unknown norm 'batsch'"):
        block_graph(double_conv(norm="batsch"), 32, 32)


def test_both_readings_of_rsc_have_the_same_parameters_and_differ() -> None:
    code, text = (block_graph(rsc(product=p), 32, 32) for p in ("features", "maps"))
    assert nas.cost(code).params == nas.cost(text).params == 128 + 32 + (32 * 8 + 8) + (8 * 32 + 32)
    assert code.key() != text.key()
    assert not any(isinstance(node.op, Concat) for node in code)
