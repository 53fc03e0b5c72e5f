"""Half-precision gradients of every kind of convolution are those of float32, up to rounding."""

import copy

import pytest
import torch
from torch import nn

from evaluators.layout import lay_out

CONVS = {
    "dilated": lambda c: nn.Conv2d(c, c, 3, padding=2, dilation=2),
    "dilated depthwise": lambda c: nn.Conv2d(c, c, 3, padding=3, dilation=3, groups=c),
    "plain": lambda c: nn.Conv2d(c, c, 3, padding=1),
    "depthwise strip": lambda c: nn.Conv2d(c, c, (1, 11), padding=(0, 5), groups=c),
    "strided": lambda c: nn.Conv2d(c, c, 2, stride=2),
    "transposed": lambda c: nn.ConvTranspose2d(c, c, 2, stride=2),
}


@pytest.mark.parametrize("kind", CONVS)
@pytest.mark.parametrize("channels", [8, 24, 64])
def test_gradients_in_bf16_agree_with_float32(kind: str, channels: int) -> None:
    torch.manual_seed(0)
    for side in (8, 16, 32):
        exact = nn.Sequential(CONVS[kind](channels))
        laid = copy.deepcopy(exact)
        lay_out(laid, torch.device("cpu"), torch.bfloat16, channels_last=True)
        laid = copy.deepcopy(laid)  # as the average of the weights is made
        images = torch.randn(8, channels, side, side)
        with torch.autocast("cpu", torch.bfloat16):
            output = laid(images.to(memory_format=torch.channels_last))
        toward = torch.randn(output.shape)
        (output.float() * toward).sum().backward()
        (exact(images) * toward).sum().backward()
        for ours, wanted in zip(laid.parameters(), exact.parameters(), strict=True):
            assert ours.grad is not None
            assert wanted.grad is not None
            assert (ours.grad - wanted.grad).abs().max() <= 0.05 * wanted.grad.abs().max()
