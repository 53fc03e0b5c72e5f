"""Encoders that begin with published weights: the same function as far as they are the same, and nothing else."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

import nas
from nas.architecture import Architecture
from nas.derivation import fixed
from nas.errors import WeightsError
from nas.grammar import Rule, rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, BatchNorm, Conv, ReLU
from search_spaces import published, published_names
from search_spaces.blocks.double_conv import double_conv
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.downsampling.norm_conv import norm_conv
from search_spaces.encoder_weights import PublishedEncoder, load_encoder
from search_spaces.encoders.hardnet import hardblocks, hardnet
from search_spaces.encoders.staged import staged
from search_spaces.networks.hardnet_mseg import hardnet_mseg
from search_spaces.segmenter import segmenter
from search_spaces.upsampling.double_pad import double_pad
from search_spaces.weights import load_file, published_name

State = dict[str, torch.Tensor]
UNET = "unet_bn32"


def drawn(graph: nas.Graph) -> torch.nn.Module:
    """The module of a graph with weights and statistics drawn near a fresh one's, none of them the same."""
    torch.manual_seed(7)
    module = nas.to_module(graph)
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            if tensor.dim() > 1:
                tensor.normal_(std=(2 / tensor[0].numel()) ** 0.5)  # torch's own draw fades with depth
            tensor.mul_(0.5 + torch.rand_like(tensor)).add_(torch.rand_like(tensor) - 0.5, alpha=0.02)
    return module.eval()


def as_published(module: torch.nn.Module, key: str) -> State:
    return {published_name(name, published_names[key]): tensor for name, tensor in module.state_dict().items()}


def unet_checkpoint() -> State:
    return as_published(drawn(nas.build(published[UNET], (3, 64, 64))), UNET)


def unet(**options: object) -> Architecture:
    return fixed(segmenter(encoder=staged(base=32, **options), decoder=unet_decoder(upsample=double_pad)))


def copied(module: torch.nn.Module) -> State:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def changed(module: torch.nn.Module, before: Mapping[str, torch.Tensor]) -> set[str]:
    """Stages and other parts of which some tensor is not what it was."""
    names = {name for name, tensor in module.state_dict().items() if not torch.equal(tensor, before[name])}
    return {".".join(name.split(".")[:2]) for name in names}


@pytest.fixture(scope="module")
def imagenet() -> tuple[torch.nn.Module, State]:
    """HarDNet-68 for 1,000 classes, and its checkpoint as the published code writes it."""
    module = drawn(nas.build(published["hardnet68"], (3, 64, 64), classes=1000))
    return module, as_published(module, "hardnet68")


def features(module: torch.nn.Module, image: torch.Tensor) -> list[torch.Tensor]:
    """What the normalisations behind HarDNet's last three transitions give."""
    found: list[torch.Tensor] = []
    parts = [module.get_submodule(f"encoder.blocks{i}.transition.norm") for i in (2, 3, 4)]
    hooks = [part.register_forward_hook(lambda *given: found.append(given[2])) for part in parts]
    with torch.no_grad():
        module.eval()(image)
    for hook in hooks:
        hook.remove()
    return found


def test_a_segmenter_takes_the_whole_encoder_of_the_classifier(imagenet: tuple[torch.nn.Module, State]) -> None:
    classifier, state = imagenet
    graph = nas.build(published["hardnet_mseg"], (3, 96, 64))
    module = nas.to_module(graph)
    before = copied(module)
    report = load_encoder(module, graph, "hardnet68", state)
    assert report.loaded == ("stem0", "stem1", "blocks0", "blocks1", "blocks2", "blocks3", "blocks4")
    assert (report.fresh, report.unused, report.dropped) == ((), (), ("base.16.3.weight", "base.16.3.bias"))
    tensors = {n: t for n, t in module.state_dict().items() if n.startswith("encoder.") and "tracked" not in n}
    assert len(report.used) == report.encoder_tensors == len(tensors)
    assert set(report.used) == {published_name(name, published_names["hardnet68"]) for name in tensors}
    for name, tensor in tensors.items():
        assert torch.equal(tensor, classifier.state_dict()[name]), name
    assert changed(module, before) == {f"encoder.{stage}" for stage in report.loaded}
    image = torch.randn(2, 3, 96, 64)
    for mine, theirs in zip(features(module, image), features(classifier, image), strict=True):
        assert torch.equal(mine, theirs)


def test_what_lies_behind_another_block_stays_fresh(imagenet: tuple[torch.nn.Module, State]) -> None:
    blocks = hardblocks((14, 8), (16, 16), (20, 8), (40, 16), (160, 4))
    graph = nas.build(fixed(hardnet_mseg(encoder=hardnet(levels=3, blocks=blocks))), (3, 64, 64))
    module = nas.to_module(graph)
    before = copied(module)
    report = load_encoder(module, graph, "hardnet68", imagenet[1])
    assert report.loaded == ("stem0", "stem1", "blocks0", "blocks1")
    assert report.fresh == ("blocks2", "blocks3", "blocks4")  # the last two would have fitted by names and shapes
    assert changed(module, before) == {f"encoder.{stage}" for stage in report.loaded}
    assert len(report.used) == 5 * (2 + 9 + 17) < report.encoder_tensors
    assert len(report.used) + len(report.unused) == 335


def test_the_checkpoint_of_a_segmenter_serves_as_well(imagenet: tuple[torch.nn.Module, State]) -> None:
    graph = nas.build(published["hardnet68"], (3, 64, 64), classes=5)
    state = as_published(drawn(nas.build(published["hardnet_mseg"], (3, 64, 64))), "hardnet_mseg")
    report = load_encoder(nas.to_module(graph), graph, "hardnet_mseg", state)
    assert (report.fresh, report.unused, len(report.used)) == ((), (), 335)
    assert {name[:3] for name in report.dropped} == {"rfb", "agg"}


@pytest.mark.parametrize(
    "block",
    [
        double_conv(activation="gelu"),
        double_conv(dilation=2),
        double_conv(norm="group"),
        double_conv(mid="half_input"),
        double_conv(bias=False),
    ],
)
def test_a_stage_that_computes_something_else_ends_what_is_loaded(block: Rule) -> None:
    stages = (double_conv, double_conv, block, double_conv, double_conv)
    graph = nas.build(unet(stages=stages), (3, 64, 64))
    module = nas.to_module(graph)
    before = copied(module)
    report = load_encoder(module, graph, UNET, unet_checkpoint())
    assert (report.loaded, report.fresh) == (("stages0", "stages1"), ("stages2", "stages3", "stages4"))
    assert changed(module, before) == {"encoder.stages0", "encoder.stages1"}
    assert (len(report.used), len(report.unused)) == (24, 36)


def test_another_way_down_ends_what_is_loaded() -> None:
    graph = nas.build(unet(down=norm_conv), (3, 64, 64))
    report = PublishedEncoder(UNET, unet_checkpoint()).match(graph)
    assert (report.loaded, report.fresh[0]) == (("stages0",), "down1")


def test_fewer_levels_take_the_upper_ones_and_dropout_does_not_matter() -> None:
    encoder = PublishedEncoder(UNET, unet_checkpoint())
    report = encoder.match(nas.build(unet(depth=3), (3, 64, 64)))
    assert (report.loaded, report.fresh, len(report.unused)) == (("stages0", "stages1", "stages2"), (), 24)
    dropout = (double_conv(dropout=0.3),) * 5
    assert encoder.match(nas.build(unet(stages=dropout), (3, 64, 64))).fresh == ()


@rule("block")
def renamed(g: GraphBuilder, x: Node, width: int) -> Node:
    """A double convolution of other names."""
    for i in range(2):
        x = g.add(ReLU(), g.add(BatchNorm(), g.add(Conv(width, kernel=3), x, name=f"c{i}"), name=f"n{i}"))
    return x


def test_other_names_are_not_guessed() -> None:
    graph = nas.build(unet(stages=(double_conv, renamed, *(double_conv,) * 3)), (3, 64, 64))
    assert PublishedEncoder(UNET, unet_checkpoint()).match(graph).loaded == ("stages0",)


@rule("block", swapped=False)
def residual(g: GraphBuilder, x: Node, width: int, *, swapped: bool) -> Node:
    """Two convolutions and their sum."""
    one = g.add(Conv(width, kernel=3), x, name="conv1")
    two = g.add(Conv(width, kernel=3), one, name="conv2")
    return g.add(Add(), *((two, one) if swapped else (one, two)))


def test_a_sum_has_no_order(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, swapped = (unet(stages=(residual(swapped=swapped),) * 5) for swapped in (False, True))
    monkeypatch.setattr("search_spaces.published", {UNET: plain})
    state = as_published(drawn(nas.build(plain, (3, 64, 64))), UNET)
    assert PublishedEncoder(UNET, state).match(nas.build(swapped, (3, 64, 64))).fresh == ()


def test_a_network_that_shares_nothing_stays_as_it_was() -> None:
    graph = nas.build(published["amsunet"], (3, 64, 64))
    module = nas.to_module(graph)
    before = copied(module)
    report = load_encoder(module, graph, UNET, unet_checkpoint())
    assert (report.loaded, report.used, len(report.unused), report.encoder_tensors) == ((), (), 60, 210)
    assert changed(module, before) == set()


def test_grey_images_give_what_their_three_copies_gave(imagenet: tuple[torch.nn.Module, State]) -> None:
    classifier, state = imagenet
    graph = nas.build(published["hardnet_mseg"], (1, 64, 64))
    module = nas.to_module(graph)
    report = load_encoder(module, graph, "hardnet68", state)
    assert (report.fresh, report.unused) == ((), ())
    image = torch.randn(2, 1, 64, 64)
    for mine, theirs in zip(features(module, image), features(classifier, image.expand(2, 3, 64, 64)), strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-3, atol=1e-3)
        assert not torch.allclose(mine[0], mine[1], rtol=0.1, atol=0.1)  # else they would say nothing of the weights


def test_other_numbers_of_channels_are_refused() -> None:
    state = unet_checkpoint()
    said = "conv0_0.conv1.weight in the file reads images of 3 channels, these have 2; give images of 3 .* or grey ones"
    with pytest.raises(WeightsError, match=said):
        PublishedEncoder(UNET, state, channels=2)
    grey = state | {"conv0_0.conv1.weight": state["conv0_0.conv1.weight"][:, :1]}
    with pytest.raises(WeightsError, match=r"reads images of 1 channels, these have 3; give images of 1 channels$"):
        PublishedEncoder(UNET, grey)
    assert len(PublishedEncoder(UNET, grey, channels=1)) == 60
    four = state | {"conv0_0.conv1.weight": torch.ones(32, 4, 3, 3)}  # no colours: nothing says that they may be summed
    with pytest.raises(WeightsError, match=r"reads images of 4 channels, these have 1; give images of 4 channels$"):
        PublishedEncoder(UNET, four, channels=1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"conv2_0.bn1.running_var": None}, "the file is no unet_bn32 encoder: it lacks 1 of 60 tensors .*conv2_0"),
        ({"conv2_0.conv1.weight": torch.ones(3)}, r"encoder.stages2.conv1.weight is \(128, 64, 3, 3\), .* is \(3,\)"),
        ({"conv0_0.conv1.weight": torch.ones(())}, r"encoder.stages0.conv1.weight is .*32, 3, 3, 3\), .* is \(\)"),
        ({"conv0_0.conv1.weight": torch.ones(32, 3)}, r"encoder.stages0.conv1.weight is \(32, 3, 3, 3\)"),
        ({"conv2_0.conv1.bias": torch.full((128,), torch.nan)}, "conv2_0.conv1.bias in the file needs finite"),
        ({"conv2_0.conv1.bias": torch.ones(128, dtype=torch.int8)}, "conv2_0.conv1.bias in the file needs finite"),
    ],
)
def test_a_file_without_that_encoder_is_refused(change: dict[str, torch.Tensor | None], said: str) -> None:
    state = {name: tensor for name, tensor in (unet_checkpoint() | change).items() if tensor is not None}
    with pytest.raises(WeightsError, match=said):
        PublishedEncoder(UNET, state)


def test_another_networks_file_and_an_unknown_network_are_refused(imagenet: tuple[torch.nn.Module, State]) -> None:
    with pytest.raises(WeightsError, match="the file is no hardnet68 encoder: it lacks 335 of 335 tensors"):
        PublishedEncoder("hardnet68", unet_checkpoint())
    with pytest.raises(WeightsError, match="the file is no hardnet85 encoder: it lacks 110 of 420 tensors"):
        PublishedEncoder("hardnet85", imagenet[1])
    with pytest.raises(WeightsError, match="no published names for 'resnet'; known: unet_bn32"):
        PublishedEncoder("resnet", {})


def test_what_the_file_holds_besides_is_not_looked_at() -> None:
    """The head may be of any classes, or away: it is dropped."""
    state = unet_checkpoint()
    encoder = {name: t for name, t in state.items() if "_0." in name}
    graph = nas.build(published[UNET], (3, 64, 64))
    for more in ({}, {"final.weight": torch.ones(9, 9, 9), "optimizer": torch.ones(1)}):
        report = PublishedEncoder(UNET, {"state_dict": encoder | more}).match(graph)
        assert (report.fresh, report.dropped) == ((), tuple(more))


def test_half_precision_and_wrapped_checkpoints_are_taken() -> None:
    state = {f"module.{name}": tensor.half() for name, tensor in unet_checkpoint().items()}
    graph = nas.build(published[UNET], (3, 64, 64))
    module = nas.to_module(graph)
    load_encoder(module, graph, UNET, {"model": state, "epoch": 3})
    weight = module.state_dict()["encoder.stages3.conv1.weight"]
    assert weight.dtype == torch.float32
    assert torch.equal(weight, state["module.conv3_0.conv1.weight"].float())


def test_the_module_of_another_graph_is_refused() -> None:
    other = nas.to_module(nas.build(published["amsunet"], (3, 64, 64)))
    with pytest.raises(WeightsError, match="the module is not of this graph, which has encoder.stages0.conv1.weight"):
        load_encoder(other, nas.build(published[UNET], (3, 64, 64)), UNET, unet_checkpoint())


@pytest.mark.parametrize("key", published_names)
def test_every_network_takes_its_own_encoder_for_colour_and_grey(key: str) -> None:
    with torch.device("meta"):
        ours = nas.to_module(nas.build(published[key], (3, 64, 64))).state_dict()
    names = {published_name(name, published_names[key]): tensor.shape for name, tensor in ours.items()}
    state = {name: torch.zeros(()).expand(shape) for name, shape in names.items()}  # takes no memory
    for channels in (1, 3):
        graph = nas.build(published[key], (channels, 96, 64), classes=2)
        report = PublishedEncoder(key, state, channels).match(graph)
        assert (report.fresh, report.unused) == ((), ()), key
        assert len(report.used) == report.encoder_tensors > 0


def test_a_file_is_read_and_loaded(tmp_path: Path) -> None:
    path = tmp_path / "unet.pth"
    torch.save({"state_dict": unet_checkpoint()}, path)
    graph = nas.build(published["unetpp_bn32"], (3, 64, 64))
    assert load_encoder(nas.to_module(graph), graph, UNET, load_file(path)).fresh == ()
