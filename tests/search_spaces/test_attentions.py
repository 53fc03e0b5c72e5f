"""Attention modules against second implementations, and every place where one may stand."""

import pytest
import torch
from torch import Tensor, nn

import nas
from nas.derivation import fixed
from nas.errors import SpaceError
from nas.grammar import Repeat, Rule
from search_spaces.attentions.cbam import cbam
from search_spaces.attentions.scse import scse
from search_spaces.attentions.se import se
from search_spaces.blocks.attended import attended
from search_spaces.blocks.conv_unit import conv_unit
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.encoders.staged import staged
from search_spaces.necks.every import every
from search_spaces.segmenter import segmenter
from search_spaces.skips.attended_skip import attended_skip
from tests.twins import applied, check_stored_and_trained, check_twin


class Squeezed(nn.Module):
    def __init__(self, channels: int, reduction: int, bias: bool = True):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // reduction, 1, bias=bias)
        self.fc2 = nn.Conv2d(channels // reduction, channels, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.fc2(torch.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class Placed(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.conv(x))


class SCSE(nn.Module):
    def __init__(self, channels: int, reduction: int, add: bool):
        super().__init__()
        self.cSE, self.sSE, self.add = Squeezed(channels, reduction), Placed(channels), add

    def forward(self, x: Tensor) -> Tensor:
        return self.cSE(x) + self.sSE(x) if self.add else torch.max(self.cSE(x), self.sSE(x))


class CBAM(nn.Module):
    """The shared pair of layers is called twice, as in the published code."""

    def __init__(self, channels: int, reduction: int):
        super().__init__()
        hidden = channels // reduction
        self.ChannelGate = nn.ModuleDict(
            {"mlp": nn.ModuleDict({"1": nn.Conv2d(channels, hidden, 1), "3": nn.Conv2d(hidden, channels, 1)})}
        )
        places = {"conv": nn.Conv2d(2, 1, 7, padding=3, bias=False), "bn": nn.BatchNorm2d(1, momentum=0.01)}
        self.SpatialGate = nn.ModuleDict({"spatial": nn.ModuleDict(places)})

    def forward(self, x: Tensor) -> Tensor:
        mlp, spatial = self.ChannelGate["mlp"], self.SpatialGate["spatial"]
        pooled = (x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True))
        x = x * torch.sigmoid(sum(mlp["3"](torch.relu(mlp["1"](p))) for p in pooled))
        statistics = torch.cat([x.max(1, keepdim=True).values, x.mean(1, keepdim=True)], 1)
        return x * torch.sigmoid(spatial["bn"](spatial["conv"](statistics)))


def test_each_is_the_module_of_its_code() -> None:
    check_twin(se(reduction=4), Squeezed(16, 4), (16,), 16)
    check_twin(se(reduction=8, bias=False), Squeezed(16, 8, bias=False), (16,), 16)  # DoubleU-Net's copy
    check_twin(scse, SCSE(16, 2, add=False), (16,), 16)
    check_twin(scse(reduction=4, combine="add"), SCSE(16, 4, add=True), (16,), 16)
    check_twin(cbam(reduction=4), CBAM(16, 4), (16,), 16)


@pytest.mark.parametrize(
    ("rule", "params", "macs"),
    [(se, 580, 512), (scse, 4_257, 4_096 + 64 * 384), (cbam, 680, 1_024 + 98 * 384)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_costs_are_those_of_the_docstrings(rule: Rule, params: int, macs: int) -> None:
    cost = nas.cost(applied(rule, (64,), 64, (16, 24)))
    assert (cost.params, cost.macs) == (params, macs)


@pytest.mark.parametrize("attention", [se, scse, scse(combine="add"), cbam], ids=str)
def test_each_stands_behind_blocks_on_skips_and_as_a_context(attention: Rule) -> None:
    block = attended(block=conv_unit, attention=attention)
    network = segmenter(
        encoder=staged(base=4, depth=3, stages=Repeat(block, "depth")),
        neck=every(context=attention, width=6),
        decoder=unet_decoder(skip=attended_skip(attention=attention), blocks=Repeat(block, ("levels", -1))),
    )
    graph = nas.build(fixed(network), (3, 37, 51))
    assert any(name.startswith("neck.level2.project") for name in graph.names)
    check_stored_and_trained(network, graph)


def test_a_wrong_value_is_named() -> None:
    with pytest.raises(SpaceError, match="combine='min'; it is one of max, add"):
        applied(scse(combine="min"), (8,), 8, (16, 16))
