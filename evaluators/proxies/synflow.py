"""Synaptic flow: how much signal the magnitudes of all weights let through together.

Source: Tanaka et al., NeurIPS 2020, arXiv:2006.05467, section 5; as a score of architectures Abdelfattah et al., ICLR
2021, arXiv:2101.08134, section 3, whose code leaves BatchNorm out, as here. Differs: the natural logarithm is returned,
which ranks alike; the sum itself grows by powers of ten with depth, and by squares where a network multiplies
maps (AMSUnet), so that even float64 may overflow: not finite then.
"""

import torch
from torch import nn

from evaluators.proxies.outputs import total

__all__ = ["synflow"]


def synflow(module: nn.Module, images: torch.Tensor, masks: torch.Tensor, classes: int) -> float:
    """Return log of the sum over weights of |weight * dR/dweight|, R the summed output for an image of ones.

    All weights are replaced by their magnitudes, in float64; of `images` only the shape counts.
    """
    module.double().eval()
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.reset_parameters()  # mean 0, variance 1, weight 1, bias 0: in evaluation it hands on what it gets
    with torch.no_grad():
        for weight in module.parameters():
            weight.abs_()
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    flow = total(module(torch.ones_like(images[:1], dtype=torch.float64)))
    gradients = torch.autograd.grad(flow, weights, allow_unused=True)
    terms = [(w.detach() * g).abs().sum() for w, g in zip(weights, gradients, strict=True) if g is not None]
    return float(torch.stack(terms).sum().log()) if terms else float("nan")
