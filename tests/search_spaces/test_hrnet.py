"""HRNet: sizes of its branches, also odd ones, and what its options change."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import nas
from nas.derivation import fixed
from nas.errors import SpaceError
from nas.grammar import Repeat, Rule
from nas.ops import Dropout
from search_spaces import published, published_names
from search_spaces.blocks.double_conv import double_conv
from search_spaces.classifier import classifier
from search_spaces.decoders.concat_all import concat_all
from search_spaces.decoders.downward import downward
from search_spaces.decoders.finest import finest
from search_spaces.decoders.full_scale_decoder import full_scale_decoder
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.encoder_weights import load_encoder
from search_spaces.encoders.hrnet import hrnet
from search_spaces.encoders.staged import staged
from search_spaces.heads.linear_head import linear_head
from search_spaces.heads.ocr import ocr
from search_spaces.mixers.no_mixer import no_mixer
from search_spaces.necks.hrfpn import hrfpn
from search_spaces.segmenter import segmenter
from search_spaces.weights import published_name
from tests.twins import check_stored_and_trained, shaken


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


FOLDER = Path(__file__).parents[1] / "golden"
HEADS: dict[str, list[tuple[str, list[int]]]] = json.loads((FOLDER / "names_hrnet_heads.json").read_text())
"""Published names and shapes of what is behind the branches."""
BODY = json.loads((FOLDER / "hrnetv2_w18_64x96.json").read_text())["state_dict"]
CLASSES = {"hrnet_w18_cls": 1000, "hrnetv1_pose_w32": 17, "hrnetv2_w48_ocr": 1}


def published_shapes(key: str) -> dict[str, list[int]]:
    with torch.device("meta"):
        module = nas.to_module(nas.build(published[key], (3, 64, 64), CLASSES[key]))
    state = {n: list(t.shape) for n, t in module.state_dict().items() if not n.endswith("tracked")}
    return {published_name(name, published_names[key]): shape for name, shape in state.items()}


@pytest.mark.parametrize("key", CLASSES)
def test_variants_have_the_published_names(key: str) -> None:
    """The body is named as in HRNetV2; V1's last module makes the finest branch alone."""
    ours = published_shapes(key)
    heads = dict(HEADS[key])
    assert {name: ours.pop(name) for name in heads} == heads
    body = {row["name"] for row in BODY if not row["name"].startswith("last_layer") and "tracked" not in row["name"]}
    unused = {name for name in body if name.startswith(tuple(f"stage4.2.fuse_layers.{i}." for i in (1, 2, 3)))}
    assert set(ours) == (body - unused if "pose" in key else body)


class Downward(nn.Module):
    """The classifier's head on four maps; the bottleneck by its formula."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module

    def at(self, name: str) -> nn.Module:
        return self.module.get_submodule(f"decoder.{name}")

    def widened(self, x: Tensor, i: int) -> Tensor:
        part = f"level{i}."
        y = torch.relu(self.at(part + "bn1")(self.at(part + "conv1")(x)))
        y = torch.relu(self.at(part + "bn2")(self.at(part + "conv2")(y)))
        passed = self.at(part + "downsample.1")(self.at(part + "downsample.0")(x))
        return torch.relu(self.at(part + "bn3")(self.at(part + "conv3")(y)) + passed)

    def forward(self, maps: list[Tensor]) -> Tensor:
        y = self.widened(maps[0], 0)
        for i in (1, 2, 3):
            y = self.widened(maps[i], i) + torch.relu(self.at(f"down{i}.norm")(self.at(f"down{i}.conv")(y)))
        y = torch.relu(self.at("last.norm")(self.at("last.conv")(y)))
        return self.module.get_submodule("head.linear")(y.mean((2, 3)))


@pytest.mark.parametrize("size", [(64, 96), (75, 101)])
def test_the_classifier_goes_from_the_finest_level_down(size: tuple[int, int]) -> None:
    head = linear_head(dropout=0.0)
    rule = classifier(encoder=small(), decoder=downward(widths=(12, 20, 24, 28), last_width=24), head=head)
    graph = nas.build(fixed(rule), (3, *size), classes=5)
    module, maps = shaken(graph), list[Tensor]()
    for i in range(4):
        module.get_submodule(f"decoder.level{i}.conv1").register_forward_hook(lambda _, x, y: maps.append(x[0]))
    with torch.no_grad():
        logits = module(torch.randn(2, 3, *size))
        maps = sorted(maps, key=lambda x: x.shape[1])  # as they come is the graph's order
        assert torch.allclose(logits, Downward(module)(maps), atol=1e-5)
    assert tuple(maps[0].shape[2:]) == (-(-size[0] // 4), -(-size[1] // 4))
    with pytest.raises(SpaceError, match="the encoder gives 4 levels"):
        nas.build(fixed(classifier(encoder=small(), decoder=downward(widths=(8, 16)))), (3, 64, 64))


def test_the_finest_branch_alone_needs_less_than_all() -> None:
    graphs = [nas.build(fixed(segmenter(encoder=small(), decoder=d)), (3, 64, 96)) for d in (finest, concat_all)]
    assert graphs[0].outputs[0].shape == (1, 16, 24)
    made = {".".join(name.split(".")[1:5]) for name in graphs[0].names if "stage4.0.fuse_layers" in name}
    assert made == {"stage4.0.fuse_layers.0"}


def test_weights_trained_with_the_other_enlargement_are_taken() -> None:
    """As the segmentation code takes those of the classifier."""
    trained = nas.to_module(nas.build(published["hrnet_w18_cls"], (3, 64, 64), 1000))
    names = published_names["hrnet_w18_cls"]
    state = {published_name(name, names): tensor for name, tensor in trained.state_dict().items()}
    graph = nas.build(published["hrnetv2_w18"], (3, 64, 64))
    module = nas.to_module(graph)
    report = load_encoder(module, graph, "hrnet_w18_cls", state)
    assert report.fresh == ()
    assert "stage4" in report.loaded
    name = "stage4.2.fuse_layers.3.0.0.0.weight"
    assert torch.equal(module.get_parameter(f"encoder.{name}"), trained.get_parameter(f"encoder.{name}"))


def test_the_pyramid_of_one_width_feeds_any_decoder() -> None:
    neck = hrfpn(width=6)
    graph = nas.build(fixed(segmenter(encoder=small(), neck=neck, decoder=unet_decoder)), (3, 75, 101))
    nodes = dict(zip(graph.names, graph.nodes(), strict=True))
    sides = [nodes[f"neck.level{i}.conv"].shape for i in range(5)]
    assert sides == [(6, 19, 26), (6, 9, 13), (6, 4, 6), (6, 2, 3), (6, 1, 1)]
    joined = nodes["neck.reduce.conv"]
    assert joined.facts.in_shapes == ((8 + 16 + 32 + 64, 19, 26),)
    rule = segmenter(encoder=staged(base=4), neck=hrfpn(width=6, levels=3), decoder=full_scale_decoder(source_width=4))
    check_stored_and_trained(rule, nas.build(fixed(rule), (3, 37, 51)))


class OCR(nn.Module):
    """The head on a map, as its code has it: queries of pixels, keys and values of regions."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module

    def layer(self, name: str) -> nn.Module:
        return self.module.get_submodule(f"head.{name}")

    def unit(self, name: str, x: Tensor) -> Tensor:
        return torch.relu(self.layer(name + ".bn")(self.layer(name + ".conv")(x)))

    def forward(self, x: Tensor) -> list[Tensor]:
        guess = self.layer("aux_head.3")(torch.relu(self.layer("aux_head.1")(self.layer("aux_head.0")(x))))
        feats = torch.relu(self.layer("conv3x3_ocr.1")(self.layer("conv3x3_ocr.0")(x)))
        weights = guess.flatten(2).softmax(dim=2)
        proxy = torch.matmul(weights, feats.flatten(2).permute(0, 2, 1)).permute(0, 2, 1).unsqueeze(3)
        block = "object_context_block."
        query = self.unit(block + "f_pixel_2", self.unit(block + "f_pixel_0", feats)).flatten(2).permute(0, 2, 1)
        key = self.unit(block + "f_object_2", self.unit(block + "f_object_0", proxy)).flatten(2)
        value = self.unit(block + "f_down_0", proxy).flatten(2).permute(0, 2, 1)
        likeness = (torch.matmul(query, key) * key.shape[1] ** -0.5).softmax(dim=-1)
        context = torch.matmul(likeness, value).permute(0, 2, 1).reshape(len(x), -1, *x.shape[2:])
        context = self.unit(block + "f_up_0", context)
        return [guess, self.layer("cls_head")(self.unit("conv_bn_dropout_0", torch.cat([context, feats], 1)))]


@pytest.mark.parametrize("size", [(64, 96), (75, 101)])
def test_pixels_look_at_the_classes_that_a_first_guess_sees(size: tuple[int, int]) -> None:
    rule = segmenter(encoder=small(), decoder=concat_all(mix=no_mixer), head=ocr(width=24, key_width=12))
    graph = nas.build(fixed(rule), (3, *size), classes=5)
    assert graph.prediction == 1
    module, maps = shaken(graph), list[Tensor]()
    module.get_submodule("head.conv3x3_ocr.0").register_forward_hook(lambda _, x, y: maps.append(x[0]))
    with torch.no_grad():
        made = module(torch.randn(2, 3, *size))
        for ours, theirs in zip(made, OCR(module)(maps[0]), strict=True):
            assert (ours - theirs).abs().max() <= 1e-4 * theirs.std()
    assert [x.shape for x in graph.outputs] == [(5, *maps[0].shape[2:])] * 2
    check_stored_and_trained(rule, graph)


def test_the_classifier_drops_nothing() -> None:
    graph = nas.build(published["hrnet_w18_cls"], (3, 64, 64), classes=10)
    assert not any(isinstance(node.op, Dropout) for node in graph)
