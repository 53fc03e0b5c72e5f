"""HRNet: sizes of its branches, also odd ones, and what its options change."""

import pytest
import torch

import nas
from nas.derivation import fixed
from nas.errors import SpaceError
from nas.grammar import Repeat, Rule
from search_spaces import published
from search_spaces.blocks.double_conv import double_conv
from search_spaces.decoders.concat_all import concat_all
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.encoders.hrnet import hrnet
from search_spaces.segmenter import segmenter


def small(**options: object) -> Rule:
    return hrnet(width=8, stem_width=8, first_width=16, modules=(1, 1, 1), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(64, 96), (75, 101), (33, 70)])
def test_one_module_runs_at_odd_sizes_with_logits_at_a_quarter(size: tuple[int, int]) -> None:
    network = fixed(segmenter(encoder=small(), decoder=concat_all))
    module = nas.to_module(nas.build(network, (3, 64, 96))).eval()
    graph = nas.build(network, (3, *size))
    assert graph.outputs[0].shape == (1, -(-size[0] // 4), -(-size[1] // 4))
    assert nas.deploy(graph).outputs[0].shape == (1, *size)
    with torch.no_grad():
        assert tuple(module(torch.zeros(2, 3, *size)).shape[1:]) == graph.outputs[0].shape


def test_each_stage_adds_a_branch_from_the_lowest_resolution() -> None:
    graph = nas.build(published["hrnetv2_w18"], (3, 64, 96))
    shapes = {name: node.shape for name, node in zip(graph.names, graph.nodes(), strict=True)}
    for stage, levels in ((2, 2), (3, 3), (4, 4)):
        for i in range(levels):
            name = f"encoder.stage{stage}.0.branches.{i}.3.bn2"
            assert shapes[name] == (18 * 2**i, 16 // 2**i, 24 // 2**i)
    added = {name for name in graph.names if name.startswith("encoder.transition") and name.endswith(".0")}
    assert {name.removeprefix("encoder.transition") for name in added} == {"1.0.0", "1.1.0.0", "2.2.0.0", "3.3.0.0"}


def test_the_branch_block_is_a_slot_and_any_decoder_fits() -> None:
    plain = small(branches=Repeat(double_conv, 3))
    network = fixed(segmenter(encoder=plain, decoder=unet_decoder(blocks=Repeat(double_conv, ("levels", -1)))))
    graph = nas.build(network, (3, 64, 96))
    assert any(name.startswith("encoder.stage4.0.branches.3.conv1") for name in graph.names)
    assert graph.outputs[0].shape == (1, 16, 24)


def test_a_missing_number_of_modules_is_named() -> None:
    with pytest.raises(SpaceError, match="give 3 numbers"):
        nas.build(fixed(segmenter(encoder=hrnet(modules=(1, 4)), decoder=concat_all)), (3, 64, 96))
