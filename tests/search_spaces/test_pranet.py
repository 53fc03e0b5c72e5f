"""PraNet against a second implementation with the published names, and what its parts do elsewhere."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu

import nas
from nas.derivation import fixed
from nas.errors import SpaceError
from nas.ops import Conv
from search_spaces import published
from search_spaces.decoders.coarse_and_levels import coarse_and_levels
from search_spaces.decoders.dense_aggregation import dense_aggregation
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.encoders.res2net import res2net
from search_spaces.encoders.staged import staged
from search_spaces.heads.reverse_attention import reverse_attention
from search_spaces.necks.as_is import as_is
from search_spaces.segmenter import segmenter
from search_spaces.weights import load_published
from tests.twins import check_stored_and_trained

Kernel = int | tuple[int, int]


def conv_bn(c: int, width: int, kernel: Kernel, dilation: int = 1) -> nn.Module:
    pads = tuple(k // 2 * dilation for k in ((kernel, kernel) if isinstance(kernel, int) else kernel))
    layers = nn.Sequential()
    layers.add_module("conv", nn.Conv2d(c, width, kernel, padding=pads, dilation=dilation, bias=False))
    layers.add_module("bn", nn.BatchNorm2d(width))
    return layers


def up(x: Tensor) -> Tensor:
    return interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)


class Res2NetBlock(nn.Module):
    def __init__(self, c: int, planes: int, stride: int, first: bool):
        super().__init__()
        w = math.floor(planes * 26 / 64)
        self.w, self.first = w, first
        self.conv1, self.bn1 = nn.Conv2d(c, 4 * w, 1, bias=False), nn.BatchNorm2d(4 * w)
        self.convs = nn.ModuleList(nn.Conv2d(w, w, 3, stride, 1, bias=False) for _ in range(3))
        self.bns = nn.ModuleList(nn.BatchNorm2d(w) for _ in range(3))
        self.conv3, self.bn3 = nn.Conv2d(4 * w, 4 * planes, 1, bias=False), nn.BatchNorm2d(4 * planes)
        self.pool = nn.AvgPool2d(3, stride, 1)
        self.downsample = None
        if first:
            pool = nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)
            self.downsample = nn.Sequential(pool, nn.Conv2d(c, 4 * planes, 1, bias=False), nn.BatchNorm2d(4 * planes))

    def forward(self, x: Tensor) -> Tensor:
        a, b, c, d = relu(self.bn1(self.conv1(x))).split(self.w, 1)
        ya = relu(self.bns[0](self.convs[0](a)))
        yb = relu(self.bns[1](self.convs[1](b if self.first else ya + b)))
        yc = relu(self.bns[2](self.convs[2](c if self.first else yb + c)))
        out = self.bn3(self.conv3(torch.cat([ya, yb, yc, self.pool(d) if self.first else d], 1)))
        return relu(out + (x if self.downsample is None else self.downsample(x)))


class Res2Net50(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        convs = [nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU()]
        convs += [nn.Conv2d(32, 32, 3, 1, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU()]
        self.conv1, self.bn1 = nn.Sequential(*convs, nn.Conv2d(32, 64, 3, 1, 1, bias=False)), nn.BatchNorm2d(64)
        c = 64
        for i, count in enumerate((3, 4, 6, 3)):
            planes = 64 * 2**i
            blocks = [Res2NetBlock(c, planes, 2 if i else 1, first=True)]
            c = 4 * planes
            blocks += [Res2NetBlock(c, planes, 1, first=False) for _ in range(count - 1)]
            self.add_module(f"layer{i + 1}", nn.Sequential(*blocks))

    def forward(self, x: Tensor) -> list[Tensor]:
        x = nn.functional.max_pool2d(relu(self.bn1(self.conv1(x))), 3, 2, 1)
        levels = []
        for i in range(4):
            x = self.get_submodule(f"layer{i + 1}")(x)
            levels.append(x)
        return levels[1:]


class RFB(nn.Module):
    def __init__(self, c: int):
        super().__init__()
        self.branch0 = nn.Sequential(conv_bn(c, 32, 1))
        for i, k in enumerate((3, 5, 7), start=1):
            strips = [conv_bn(c, 32, 1), conv_bn(32, 32, (1, k)), conv_bn(32, 32, (k, 1)), conv_bn(32, 32, 3, k)]
            self.add_module(f"branch{i}", nn.Sequential(*strips))
        self.conv_cat, self.conv_res = conv_bn(128, 32, 3), conv_bn(c, 32, 1)

    def forward(self, x: Tensor) -> Tensor:
        branches = [self.get_submodule(f"branch{i}")(x) for i in range(4)]
        return relu(self.conv_cat(torch.cat(branches, 1)) + self.conv_res(x))


class Aggregation(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        for i in range(1, 5):
            self.add_module(f"conv_upsample{i}", conv_bn(32, 32, 3))
        self.conv_upsample5, self.conv_concat2 = conv_bn(64, 64, 3), conv_bn(64, 64, 3)
        self.conv_concat3, self.conv4, self.conv5 = conv_bn(96, 96, 3), conv_bn(96, 96, 3), nn.Conv2d(96, 1, 1)

    def forward(self, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
        b1 = self.conv_upsample1(up(a)) * b
        c1 = self.conv_upsample2(up(up(a))) * self.conv_upsample3(up(b)) * c
        b2 = self.conv_concat2(torch.cat([b1, self.conv_upsample4(up(a))], 1))
        return self.conv5(self.conv4(self.conv_concat3(torch.cat([c1, self.conv_upsample5(up(b2))], 1))))


class PraNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.resnet, self.agg1 = Res2Net50(), Aggregation()
        self.rfb2_1, self.rfb3_1, self.rfb4_1 = RFB(512), RFB(1024), RFB(2048)
        for level, c, w, kernels in (
            (4, 2048, 256, (1, 5, 5, 5, 1)),
            (3, 1024, 64, (1, 3, 3, 3)),
            (2, 512, 64, (1, 3, 3, 3)),
        ):
            widths = [c, *(w,) * (len(kernels) - 1), 1]
            for i, k in enumerate(kernels):
                self.add_module(f"ra{level}_conv{i + 1}", conv_bn(widths[i], widths[i + 1], k))

    def forward(self, image: Tensor) -> list[Tensor]:
        x2, x3, x4 = self.resnet(image)
        p = self.agg1(self.rfb4_1(x4), self.rfb3_1(x3), self.rfb2_1(x2))
        maps = [p]
        for level, x, factor, last in ((4, x4, 0.25, 5), (3, x3, 2, 4), (2, x2, 2, 4)):
            p = interpolate(p, scale_factor=factor, mode="bilinear")
            y = (1 - torch.sigmoid(p)) * x
            for i in range(1, last + 1):
                y = self.get_submodule(f"ra{level}_conv{i}")(y)
                y = relu(y) if 1 < i < last else y
            p = y + p
            maps.append(p)
        return [interpolate(x, image.shape[2:], mode="bilinear") for x in maps]


def test_outputs_equal_those_of_a_second_implementation_with_the_published_names() -> None:
    torch.manual_seed(0)
    twin = PraNet().eval()
    for layer in twin.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.4, 0.8)
            nn.init.uniform_(layer.running_mean, -0.3, 0.3)
            nn.init.uniform_(layer.bias, -0.3, 0.3)
    module = nas.to_module(nas.build(published["pranet"], (3, 64, 96))).eval()
    report = load_published(module, "pranet", twin.state_dict())
    assert report.unused == ()
    assert module.prediction == 3
    for size in ((64, 96), (96, 32)):
        image = torch.randn(2, 3, *size)
        with torch.no_grad():
            for ours, theirs in zip(module(image), twin(image), strict=True):
                assert ours.shape == theirs.shape == (2, 1, *size)
                assert (ours - theirs).abs().max() <= 1e-3 * theirs.std()


def test_the_encoder_rounds_sides_up_and_draws_its_own_weights() -> None:
    graph = nas.build(fixed(segmenter(encoder=res2net, decoder=unet_decoder)), (3, 75, 101))
    nodes = dict(zip(graph.names, graph.nodes(), strict=True))
    sides = [nodes[f"encoder.layer{i}.0.conv3"].shape[1:] for i in (1, 2, 3, 4)]
    assert sides == [(19, 26), (10, 13), (5, 7), (3, 4)]
    draws = {name.split(".")[0]: node.op.initialisation for name, node in nodes.items() if isinstance(node.op, Conv)}
    assert draws == {"encoder": "resnet", "decoder": "", "head": ""}
    with pytest.raises(SpaceError, match="give one of each per stage"):
        nas.build(fixed(segmenter(encoder=res2net(counts=(3, 4)))), (3, 64, 64))


@pytest.mark.parametrize("classes", [1, 3])
def test_reverse_attention_refines_any_encoder_at_any_size(classes: int) -> None:
    """Also of several classes, where the largest sigmoid says what is seen."""
    rule = segmenter(
        encoder=staged(base=4),
        decoder=coarse_and_levels(decoder=dense_aggregation),
        head=reverse_attention(width=6, deep_width=6),
    )
    graph = nas.build(fixed(rule), (3, 45, 61), classes)
    assert [x.shape for x in graph.outputs] == [(classes, 45, 61)] * 4
    assert graph.prediction == 3
    check_stored_and_trained(rule, graph)


def test_what_refines_may_start_from_any_decoder() -> None:
    decoder = coarse_and_levels(neck=as_is, decoder=unet_decoder, levels=2)
    graph = nas.build(fixed(segmenter(encoder=staged(base=4), decoder=decoder, head=reverse_attention)), (3, 64, 64))
    assert len(graph.outputs) == 3
