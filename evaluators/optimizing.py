"""The optimizer of a training, and what is done to gradients before its step."""

import torch
from torch import nn

from evaluators.recipe import Recipe

__all__ = ["clip_gradients", "optimizer_of"]


def optimizer_of(module: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the recipe's optimizer of all weights that learn; torch's, in one launch for all of them."""
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    biases_decay = recipe.weight_decay if recipe.decay_biases else 0.0
    groups = [
        {"params": [weight for weight in weights if weight.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [weight for weight in weights if weight.ndim <= 1], "weight_decay": biases_decay},
    ]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, fused=True)
    kind = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, lr=recipe.learning_rate, fused=True)


def clip_gradients(module: nn.Module, recipe: Recipe) -> None:
    """Cut the numbers of the gradients to `clip_value`, then all of them together to the length `clip_norm`."""
    if recipe.clip_value is not None:
        nn.utils.clip_grad_value_(module.parameters(), recipe.clip_value)
    if recipe.clip_norm is not None:
        nn.utils.clip_grad_norm_(module.parameters(), recipe.clip_norm)
