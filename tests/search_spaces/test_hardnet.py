"""HarDNet's parts: what its encoder gives, what HarDNet-MSEG's neck and decoder take, and what is refused."""

import pytest
import torch

import nas
from nas.build import _bind
from nas.derivation import derive, fixed
from nas.errors import ShapeError
from nas.grammar import Choice, Rule
from nas.graph import GraphBuilder
from nas.ops import Conv, ReLU, ReLU6
from search_spaces import load, published
from search_spaces.blocks.amse import amse
from search_spaces.classifier import classifier
from search_spaces.contexts.rfb import rfb
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.encoders.hardnet import hardblocks, hardnet
from search_spaces.necks.as_is import as_is
from search_spaces.networks.hardnet_mseg import hardnet_mseg
from search_spaces.segmenter import segmenter
from search_spaces.upsampling.resize import resize

CLASSIFIERS = ("hardnet39ds", "hardnet68", "hardnet68ds", "hardnet85")


@pytest.mark.parametrize(
    ("key", "widths"),
    [
        ("hardnet39ds", (96, 320, 640, 1024)),
        ("hardnet68", (128, 320, 640, 1024)),
        ("hardnet68ds", (128, 320, 640, 1024)),
        ("hardnet85", (192, 320, 720, 1280)),
    ],
)
def test_the_encoder_gives_the_last_transition_of_each_scale(key: str, widths: tuple[int, ...]) -> None:
    g = GraphBuilder((3, 64, 96), 1)
    encoder = _bind(published[key].options["encoder"], "encoder")
    shapes = [x.shape for x in encoder(g, g.image).features]
    assert shapes == [(w, 64 // s, 96 // s) for w, s in zip(widths, (4, 8, 16, 32), strict=True)]


def test_fewer_levels_leave_the_finest_away() -> None:
    g = GraphBuilder((3, 64, 96), 1)
    encoder = _bind(derive(hardnet(levels=3), lambda path, options: options[0]), "encoder")
    assert [x.shape[1] for x in encoder(g, g.image).features] == [8, 4, 2]


def test_decoders_that_count_levels_take_a_hardnet() -> None:
    for levels in (3, 4):
        network = segmenter(encoder=hardnet(levels=levels), decoder=unet_decoder(upsample=resize))
        graph = nas.build(fixed(network), (3, 75, 101))
        assert graph.outputs[0].shape == ((1, 19, 26) if levels == 4 else (1, 9, 13))


def test_blocks_inherit_the_multiplier_and_any_block_may_stand_in() -> None:
    def params(encoder: Rule) -> int:
        return nas.cost(nas.build(fixed(classifier(encoder=encoder)), (3, 64, 64))).params

    assert params(hardnet(multiplier=1.4)) < params(hardnet)
    blocks = (amse, *hardblocks((16, 16), (20, 16), (40, 16), (160, 4)))
    assert params(hardnet(blocks=blocks)) != params(hardnet)
    assert fixed(classifier(encoder=hardnet(blocks=blocks))) == load(
        fixed(classifier(encoder=hardnet(blocks=blocks))).to_json()
    )
    opened = derive(hardnet(multiplier=Choice((1.6, 1.7))), lambda path, options: options[0])
    assert {block.options["multiplier"] for block in opened.options["blocks"]} == {1.6}


@pytest.mark.parametrize("key", CLASSIFIERS)
def test_a_classifier_deploys_to_the_same_function(key: str) -> None:
    graph = nas.build(published[key], (3, 64, 64), classes=5)
    assert graph.outputs[0].shape == (5,)
    torch.manual_seed(0)
    trained = nas.to_module(graph).eval()
    deployed = nas.to_module(nas.deploy(graph)).eval()
    deployed.load_state_dict(nas.deploy_weights(graph, trained.state_dict()))
    image = torch.randn(2, 3, 96, 64)  # pooled: the size is free
    with torch.no_grad():
        assert torch.allclose(deployed(image), trained(image), atol=1e-4)
    assert nas.Graph.from_json(graph.to_json()).key() == graph.key()


def test_rfb_counts_by_hand_and_has_one_activation() -> None:
    g = GraphBuilder((3, 16, 24), 1)
    x = g.add(Conv(320, kernel=1, bias=False), g.image)
    graph = g.freeze([_bind(fixed(rfb), "rfb")(g, x, 32)])
    strips = 2 * (3 + 5 + 7) * 32 * 32
    convolutions = 5 * 320 * 32 + strips + 3 * 9 * 32 * 32 + 9 * 128 * 32
    assert nas.cost(graph).params == 3 * 320 + convolutions + 15 * 2 * 32
    assert [node.shape for node in graph if isinstance(node.op, ReLU | ReLU6)] == [(32, 16, 24)]


def test_an_encoder_with_too_few_levels_is_refused() -> None:
    with pytest.raises(ShapeError, match="takes three features, 2 came"):
        nas.build(fixed(hardnet_mseg(encoder=hardnet(levels=2))), (3, 64, 64))


@pytest.mark.parametrize("size", [(75, 101), (352, 360), (50, 64)])
def test_sides_need_not_be_multiples_of_32(size: tuple[int, int]) -> None:
    graph = nas.build(published["hardnet_mseg"], (3, *size))
    assert graph.outputs[0].shape == (1, *size)
    with torch.no_grad():
        assert nas.to_module(graph).eval()(torch.randn(1, 3, *size)).shape == (1, 1, *size)


def test_features_of_other_widths_are_projected_to_the_finest() -> None:
    graph = nas.build(fixed(hardnet_mseg(neck=as_is)), (3, 64, 64))
    projections = {name: node.shape for name, node in zip(graph.names, graph.nodes(), strict=True) if "project" in name}
    assert projections == {
        "decoder.feature1.project": (320, 4, 4),
        "decoder.feature2.project": (320, 2, 2),
    }
