"""Context modules and the decoder of DeepLabv3+ against second implementations."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

import nas
from nas.derivation import fixed
from nas.errors import SpaceError
from search_spaces.contexts.aspp import aspp
from search_spaces.contexts.rfb_net import rfb_net
from search_spaces.decoders.deeplab_decoder import deeplab_decoder
from search_spaces.encoders.hrnet import hrnet
from search_spaces.encoders.staged import staged
from search_spaces.segmenter import segmenter
from tests.twins import applied, check_stored_and_trained, check_twin, shaken


class Unit(nn.Module):
    """Convolution, BatchNorm and perhaps ReLU under our names."""

    def __init__(self, conv: nn.Conv2d, relu: bool = True, norm: str = "norm"):
        super().__init__()
        self.conv, self.relu = conv, relu
        self.add_module(norm, nn.BatchNorm2d(conv.out_channels))
        self.norm_name = norm

    def forward(self, x: Tensor) -> Tensor:
        x = self.get_submodule(self.norm_name)(self.conv(x))
        return torch.relu(x) if self.relu else x


def unit(channels: int, width: int, kernel: int, dilation: int = 1, bias: bool = False) -> Unit:
    return Unit(nn.Conv2d(channels, width, kernel, padding=dilation * (kernel // 2), dilation=dilation, bias=bias))


class ASPP(nn.Module):
    def __init__(self, channels: int, width: int, pooled_first: bool):
        super().__init__()
        self.branch0 = unit(channels, width, 1)
        self.branch1, self.branch2, self.branch3 = (unit(channels, width, 3, rate) for rate in (6, 12, 18))
        self.pooled, self.project = unit(channels, width, 1, bias=pooled_first), unit(5 * width, width, 1)
        self.pooled_first = pooled_first

    def forward(self, x: Tensor) -> Tensor:
        pooled = interpolate(self.pooled(x.mean((2, 3), keepdim=True)), x.shape[2:], mode="bilinear")
        branches = [self.branch0(x), self.branch1(x), self.branch2(x), self.branch3(x)]
        return self.project(torch.cat([pooled, *branches] if self.pooled_first else [*branches, pooled], 1))


def test_aspp_is_that_of_its_paper_and_of_doubleunet() -> None:
    check_twin(aspp, ASPP(6, 8, pooled_first=False), (6,), 8)
    check_twin(aspp(pooled_first=True, pooled_bias=True, dropout=0.0), ASPP(6, 8, pooled_first=True), (6,), 8)


def test_aspp_costs_what_it_says_and_drops_in_training_alone() -> None:
    cost = nas.cost(applied(aspp, (320,), 256, (16, 16)))
    assert cost.params == 2_703_360 + 6 * 2 * 256
    module, x = shaken(applied(aspp, (6,), 8, (16, 16))), torch.randn(2, 6, 16, 16)
    assert torch.equal(module(x), module(x))
    assert (module.train()(x) == 0).float().mean() > 0.4


def test_the_decoder_joins_context_and_low_level_once() -> None:
    encoder = hrnet(width=8, stem_width=8, first_width=8, modules=(1, 1, 1))
    rule = segmenter(encoder=encoder, decoder=deeplab_decoder(width=16, low_width=6))
    graph = nas.build(fixed(rule), (3, 75, 101))
    nodes = dict(zip(graph.names, graph.nodes(), strict=True))
    assert graph.outputs[0].shape == (1, 19, 26)
    assert nodes["decoder.reduce.conv"].shape == (6, 19, 26)
    assert nodes["decoder.context.project.conv"].shape == (16, 3, 4)
    joined = nodes["decoder.fuse.concat1"]
    assert [x.channels for x in joined.inputs] == [16, 6]  # the context first
    assert [nodes[f"decoder.stage.{i}.conv"].shape[0] for i in (0, 1)] == [16, 16]
    check_stored_and_trained(rule, graph)


Plan = list[tuple[int, int | tuple[int, int], int]]
"""Of one branch: channels, kernel, dilation of each unit."""


class RFB(nn.Module):
    def __init__(self, channels: int, width: int, plans: list[Plan]):
        super().__init__()
        for number, plan in enumerate(plans):
            units, c = [], channels
            for i, (out, kernel, dilation) in enumerate(plan):
                sides = (kernel, kernel) if isinstance(kernel, int) else kernel
                pads = tuple(k // 2 * dilation for k in sides)
                conv = nn.Conv2d(c, out, kernel, padding=pads, dilation=dilation, bias=False)
                units.append(Unit(conv, relu=i < len(plan) - 1, norm="bn"))
                c = out
            self.add_module(f"branch{number}", nn.Sequential(*units))
        joined = sum(plan[-1][0] for plan in plans)
        self.ConvLinear = Unit(nn.Conv2d(joined, width, 1, bias=False), relu=False, norm="bn")
        self.shortcut = Unit(nn.Conv2d(channels, width, 1, bias=False), relu=False, norm="bn")
        self.branches = len(plans)

    def forward(self, x: Tensor) -> Tensor:
        made = torch.cat([self.get_submodule(f"branch{i}")(x) for i in range(self.branches)], 1)
        return torch.relu(0.1 * self.ConvLinear(made) + self.shortcut(x))


def test_rfb_is_that_of_rfbnet_in_both_forms() -> None:
    """32 channels: n = 4 in the plain form, 8 with strips."""
    for v in (1, 2):
        plain: list[Plan] = [
            [(8, 1, 1), (8, 3, v)],
            [(4, 1, 1), (8, 3, 1), (8, 3, v + 1)],
            [(4, 1, 1), (6, 3, 1), (8, 3, 1), (8, 3, 2 * v + 1)],
        ]
        check_twin(rfb_net(visual=v), RFB(32, 12, plain), (32,), 12)
    strips: list[Plan] = [
        [(8, 1, 1), (8, 3, 1)],
        [(8, 1, 1), (8, (3, 1), 1), (8, 3, 3)],
        [(8, 1, 1), (8, (1, 3), 1), (8, 3, 3)],
        [(4, 1, 1), (6, (1, 3), 1), (8, (3, 1), 1), (8, 3, 5)],
    ]
    check_twin(rfb_net(form="strips"), RFB(32, 12, strips), (32,), 12)
    with pytest.raises(SpaceError, match="form='wide'; it is one of plain, strips"):
        applied(rfb_net(form="wide"), (8,), 8, (16, 16))


def test_rfb_costs_what_it_says() -> None:
    for form, kernels in (("plain", 19_872), ("strips", 23_392)):
        graph = applied(rfb_net(form=form), (64,), 64, (16, 16))
        assert sum(p.numel() for p in nas.to_module(graph).parameters() if p.dim() > 1) == kernels


@pytest.mark.parametrize("form", ["plain", "strips"])
def test_rfb_takes_few_channels(form: str) -> None:
    assert applied(rfb_net(form=form), (3,), 2, (16, 16)).outputs[0].shape == (2, 16, 16)


def test_another_level_may_be_the_fine_one() -> None:
    for level in (0, 2):
        rule = segmenter(encoder=staged(base=4), decoder=deeplab_decoder(width=8, low_level=level))
        assert nas.build(fixed(rule), (3, 64, 96)).outputs[0].shape == (1, 64 >> level, 96 >> level)
    with pytest.raises(SpaceError, match="low_level=4; the encoder gives 4 above its deepest"):
        nas.build(fixed(segmenter(encoder=staged(base=4), decoder=deeplab_decoder(low_level=4))), (3, 64, 64))
