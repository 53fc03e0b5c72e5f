"""The residual unit of ResUNet and the network, against a second implementation."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

import nas
from search_spaces import published
from search_spaces.blocks.preact_residual import preact_residual
from tests.twins import applied, check_twin, shaken


class Unit(nn.Module):
    def __init__(self, channels: int, width: int, stride: int = 1, leading: bool = True):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels) if leading else None
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1)
        self.bn2, self.conv2 = nn.BatchNorm2d(width), nn.Conv2d(width, width, 3, padding=1)
        self.shortcut = nn.Sequential()
        self.shortcut.add_module("conv", nn.Conv2d(channels, width, 1, stride))
        self.shortcut.add_module("bn", nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        inside = x if self.bn1 is None else torch.relu(self.bn1(x))
        return self.conv2(torch.relu(self.bn2(self.conv1(inside)))) + self.shortcut(x)


class ResUNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        first = [Unit(3, 64, leading=False)]
        self.encoder = nn.ModuleList([*first, Unit(64, 128, 2), Unit(128, 256, 2), Unit(256, 512, 2)])
        self.decoder = nn.ModuleList([Unit(128 + 64, 64), Unit(256 + 128, 128), Unit(512 + 256, 256)])
        self.head = nn.Conv2d(64, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for unit in self.encoder:
            x = unit(x)
            kept.append(x)
        for i in (2, 1, 0):
            x = self.decoder[i](torch.cat([interpolate(x, kept[i].shape[2:]), kept[i]], 1))
        return self.head(x)


def test_the_unit_is_that_of_the_paper() -> None:
    check_twin(preact_residual, Unit(8, 6), (8,), 6)
    check_twin(preact_residual(stride=2), Unit(8, 6, 2), (8,), 6)
    check_twin(preact_residual(leading=False), Unit(8, 6, leading=False), (8,), 6)
    cost = nas.cost(applied(preact_residual, (32,), 32, (16, 24)))
    assert (cost.params, cost.macs) == (19_744, 19_456 * 16 * 24)


def test_the_network_is_the_papers() -> None:
    twin = ResUNet().eval()
    for size in ((64, 96), (45, 61)):
        graph = nas.build(published["resunet"], (3, *size))
        module = shaken(graph)
        state = {}
        for name, tensor in module.state_dict().items():
            name = name.replace("encoder.stages", "encoder.").replace("decoder.level", "decoder.")
            state[name.replace(".block.", ".").replace("head.conv", "head")] = tensor
        twin.load_state_dict(state)
        image = torch.randn(1, 3, *size)
        with torch.no_grad():
            assert torch.allclose(module(image), twin(image), atol=1e-4)
    assert nas.cost(graph).params == sum(p.numel() for p in twin.parameters())
