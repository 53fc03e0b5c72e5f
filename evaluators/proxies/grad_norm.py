"""Gradient norm: how strongly the training loss pulls at the layers at the start.

Source: Abdelfattah et al., ICLR 2021, arXiv:2101.08134, section 3: the sum over layers of the Euclidean norm of the
gradient after one batch.
"""

import torch
from torch import nn

from evaluators.loss import SegmentationLoss

__all__ = ["grad_norm"]


def grad_norm(module: nn.Module, images: torch.Tensor, masks: torch.Tensor, classes: int) -> float:
    """Return the sum of the norms of the gradients of all weights with two axes or more (neither biases nor norms)."""
    module.train()
    weights = [weight for weight in module.parameters() if weight.requires_grad and weight.ndim > 1]
    loss = SegmentationLoss(classes=classes)(module(images), masks)
    gradients = torch.autograd.grad(loss, weights, allow_unused=True)
    return sum(float(gradient.norm()) for gradient in gradients if gradient is not None)
