"""UNet 3+'s decoder at sizes and on encoders that its code does not take, and the fusions it may have."""

import pytest
import torch

import nas
from nas.derivation import fixed
from nas.errors import SpaceError
from nas.grammar import Rule
from nas.ops import Add, Concat
from search_spaces.decoders.full_scale_decoder import full_scale_decoder
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.encoders.hrnet import hrnet
from search_spaces.encoders.staged import staged
from search_spaces.fuses.add import add
from search_spaces.fuses.concat import concat
from search_spaces.segmenter import segmenter
from tests.twins import check_stored_and_trained

SMALL = full_scale_decoder(source_width=6)


@pytest.mark.parametrize("fuse", [concat, add], ids=lambda rule: rule.name)
def test_it_runs_at_odd_sizes_on_an_encoder_that_rounds_down(fuse: Rule) -> None:
    rule = segmenter(encoder=staged(base=4), decoder=SMALL(fuse=fuse))
    graph = nas.build(fixed(rule), (3, 45, 61))
    kinds = [type(node.op) for node in graph]
    assert (kinds.count(Concat), kinds.count(Add)) == ((4, 0) if fuse.name == "concat" else (0, 16))
    check_stored_and_trained(rule, graph)


def test_it_runs_on_an_encoder_that_rounds_up() -> None:
    encoder = hrnet(width=4, stem_width=8, first_width=8, modules=(1, 1, 1))
    for side in (64, 75, 101):
        graph = nas.build(fixed(segmenter(encoder=encoder, decoder=SMALL(supervise="all"))), (3, side, side + 9))
        with torch.no_grad():
            made = nas.to_module(graph).eval()(torch.zeros(1, 3, side, side + 9))
        assert [tuple(x.shape[1:]) for x in made] == [x.shape for x in graph.outputs]
        assert graph.prediction == 0


def test_a_pooled_source_is_the_maximum_of_its_window() -> None:
    """One pixel of the finest encoder level reaches level 2 through one of 4 x 4 windows."""
    graph = nas.build(fixed(segmenter(encoder=staged(base=4), decoder=SMALL)), (3, 64, 64))
    pooled = [node for node, name in zip(graph.nodes(), graph.names, strict=True) if "level2.maxpool" in name]
    assert sorted(str(node.op) for node in pooled) == ["MaxPool()", "MaxPool(kernel=4, stride=4)"]


def test_a_sum_of_other_widths_is_projected() -> None:
    rule = segmenter(encoder=staged(base=4), decoder=unet_decoder(fuse=add))
    graph = nas.build(fixed(rule), (3, 45, 61))
    assert not any("project" in name for name in graph.names)  # transposed convolutions give the skip's width
    check_stored_and_trained(rule, graph)


def test_a_wrong_value_is_named() -> None:
    with pytest.raises(SpaceError, match="supervise='some'; it is one of last, all"):
        nas.build(fixed(segmenter(decoder=full_scale_decoder(supervise="some"))), (3, 64, 64))
