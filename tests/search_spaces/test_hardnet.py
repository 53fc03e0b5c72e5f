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
from search_spaces.decoders.dense_aggregation import dense_aggregation
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.encoders.hardnet import hardblocks, hardnet
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


@pytest.mark.parametrize("size", [(75, 101), (352, 360), (360, 352), (72, 72), (40, 64), (50, 50), (160, 170)])
def test_sides_that_do_not_double_are_refused_with_the_multiple(size: tuple[int, int]) -> None:
    said = rf"decoder: .*give an image whose sides are multiples of 32 \(now {size[0]}x{size[1]}\)"
    with pytest.raises(ShapeError, match=said):
        nas.build(published["hardnet_mseg"], (3, *size))


def test_an_encoder_with_too_few_levels_is_refused() -> None:
    with pytest.raises(ShapeError, match="takes three features, 2 came"):
        nas.build(fixed(hardnet_mseg(encoder=hardnet(levels=2))), (3, 64, 64))


def test_with_any_size_odd_images_work_and_others_give_the_same() -> None:
    free = fixed(hardnet_mseg(decoder=dense_aggregation(any_size=True)))
    assert nas.build(free, (3, 75, 101)).outputs[0].shape == (1, 75, 101)
    torch.manual_seed(0)
    strict = nas.to_module(nas.build(published["hardnet_mseg"], (3, 64, 96))).eval()
    module = nas.to_module(nas.build(free, (3, 75, 101))).eval()
    module.load_state_dict(strict.state_dict())
    image = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        assert torch.allclose(module(image), strict(image), atol=1e-5)
        assert module(torch.randn(1, 3, 75, 101)).shape == (1, 1, 75, 101)
