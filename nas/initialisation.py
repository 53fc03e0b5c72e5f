"""Drawing a layer's weights as its operator states it."""

from collections.abc import Mapping

import torch
from torch import nn

from nas.ops import Draw

__all__ = ["draw"]


def draw(layer: nn.Module, draws: Mapping[str, Draw]) -> None:
    """Draw the weights of `layer`, in the order of `draws`, from the default generator of their device.

    For the scheme "torch" this repeats what the layer's constructor does, to the bit.
    """
    with torch.no_grad():
        for name, (kind, scale) in draws.items():
            weight = layer.get_parameter(name)
            if kind == "uniform":
                weight.uniform_(-scale, scale)
            elif kind == "normal":
                weight.normal_(0, scale)
            elif kind == "around_one":
                weight.normal_(1, scale)
            elif kind == "truncated_normal":
                nn.init.trunc_normal_(weight, std=scale, a=-2 * scale, b=2 * scale)
            else:
                weight.fill_(scale)
