"""The two gates of Attention U-Net, against second implementations from their code's description."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

import nas
from search_spaces.skips.attention_gate import attention_gate
from search_spaces.skips.grid_gate import grid_gate
from tests.twins import applied, check_twin


def conv_norm(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, 1), nn.BatchNorm2d(width))


class AttentionGate(nn.Module):
    def __init__(self, skip: int, gate: int):
        super().__init__()
        self.W_x, self.W_g, self.psi = conv_norm(skip, skip // 2), conv_norm(gate, skip // 2), conv_norm(skip // 2, 1)

    def forward(self, x: Tensor, g: Tensor) -> Tensor:
        return x * torch.sigmoid(self.psi(torch.relu(self.W_g(g) + self.W_x(x))))


class GridGate(nn.Module):
    """The gate arrives at the skip's size; phi, then the resize, is the published order."""

    def __init__(self, skip: int, gate: int):
        super().__init__()
        self.theta = nn.Conv2d(skip, skip // 2, 2, stride=2, bias=False)
        self.phi, self.psi = nn.Conv2d(gate, skip // 2, 1), nn.Conv2d(skip // 2, 1, 1)
        self.W = conv_norm(skip, skip)

    def forward(self, x: Tensor, g: Tensor) -> Tensor:
        theta = self.theta(x)
        phi = interpolate(self.phi(g), theta.shape[2:], mode="bilinear")
        q = torch.sigmoid(self.psi(torch.relu(theta + phi)))
        return self.W(interpolate(q, x.shape[2:], mode="bilinear") * x)


def test_the_gates_are_those_of_their_codes() -> None:
    check_twin(attention_gate, AttentionGate(8, 6), (8, 6))
    check_twin(grid_gate, GridGate(8, 6), (8, 6))


def test_the_gates_cost_what_they_say() -> None:
    common, grid = (nas.cost(applied(rule, (64, 64), 0, (16, 24))) for rule in (attention_gate, grid_gate))
    assert (common.params, common.macs) == (4_323, 4_128 * 16 * 24)
    assert (grid.params, grid.macs) == (14_593, 6_664 * 16 * 24)
