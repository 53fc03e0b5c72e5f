"""The network that every measurement is compared with. It never changes, or stored ratios would lose their meaning."""

import torch
from torch import nn

__all__ = ["REFERENCE_SHAPE", "reference_network"]

REFERENCE_SHAPE = (3, 64, 64)


def reference_network() -> nn.Module:
    """Return 3x3, depthwise and 1x1 convolutions at three resolutions and a resize: 19.1 million MACs.

    Shapes: (N, 3, 64, 64) -> (N, 1, 64, 64).
    """
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return nn.Sequential(
            *(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU()),
            *(nn.Conv2d(32, 32, 5, padding=2, groups=32), nn.Conv2d(32, 64, 1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=4, mode="bilinear")),
            nn.Conv2d(64, 1, 1),
        )
