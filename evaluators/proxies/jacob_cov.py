"""Jacobian covariance: how little the network's responses to different images resemble one another.

Source: Mellor et al., arXiv:2006.04647v1 (the first version), section 3, as in the comparison of Abdelfattah et al.,
ICLR 2021, arXiv:2101.08134: the score of the eigenvalues of the correlations between the images' Jacobians.
"""

import torch
from torch import nn

from evaluators.proxies.outputs import total

__all__ = ["jacob_cov"]

_K = 1e-5  # the source's, against the logarithm of 0


def jacob_cov(module: nn.Module, images: torch.Tensor, masks: torch.Tensor, classes: int) -> float:
    """Return -sum(log(v + k) + 1 / (v + k)) over the eigenvalues v of the correlations of the images' Jacobians.

    A Jacobian is the gradient of the summed logits with respect to one image.
    """
    module.train()
    images = images.clone().requires_grad_()
    (jacobians,) = torch.autograd.grad(total(module(images)), images)
    rows = jacobians.flatten(1).double()
    if not rows.isfinite().all() or (rows.std(1) == 0).any():
        return float("nan")
    values = torch.linalg.eigvalsh(torch.corrcoef(rows)) + _K
    return float(-(values.log() + 1 / values).sum())
