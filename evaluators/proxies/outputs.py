"""What the proxies share: the one number that a network with one output or several is reduced to."""

from collections.abc import Sequence

import torch

__all__ = ["total"]


def total(outputs: torch.Tensor | Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the sum of all logits of all outputs."""
    several = (outputs,) if isinstance(outputs, torch.Tensor) else outputs
    return torch.stack([logits.sum() for logits in several]).sum()
