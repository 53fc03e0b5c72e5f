"""Scores of an untrained network that are said to foretell how well it will do: columns to look at, never a filter.

Each takes the module as it begins training (a copy: it may spoil it), images float32 (N, C, H, W) as training sees them
and masks uint8 (N, H, W), and returns one number, greater for a network said to be better. How well they do here is
measured in every study that asks for them.
"""

import copy
import math
from collections.abc import Callable, Sequence

import torch
from torch import nn

from evaluators.augment import normalise
from evaluators.data.samples import Samples
from evaluators.faults import out_of_memory
from evaluators.proxies.grad_norm import grad_norm
from evaluators.proxies.jacob_cov import jacob_cov
from evaluators.proxies.naswot import naswot
from evaluators.proxies.synflow import synflow

__all__ = ["PROXIES", "measure"]

Proxy = Callable[[nn.Module, torch.Tensor, torch.Tensor, int], float]
PROXIES: dict[str, Proxy] = {proxy.__name__: proxy for proxy in (synflow, naswot, grad_norm, jacob_cov)}


def measure(
    names: Sequence[str], module: nn.Module, samples: Samples, batch: int, device: torch.device
) -> dict[str, float | None]:
    """Return the proxies of these names on the first `batch` images, in float32 and without augmentation.

    None where one is not finite, not defined for the network, or takes too much memory. Module, device and random
    numbers stay as they are.
    """
    found: dict[str, float | None] = {}
    images, masks = normalise(samples.images[:batch]).to(device), samples.masks[:batch].to(device)
    for name in names:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(0)  # dropout
            found[name] = _score(PROXIES[name], copy.deepcopy(module).to(device), images, masks, samples.classes)
    return found


def _score(proxy: Proxy, module: nn.Module, images: torch.Tensor, masks: torch.Tensor, classes: int) -> float | None:
    try:
        score = proxy(module, images, masks, classes)
    except RuntimeError as error:
        if out_of_memory(error) is None:
            raise
        return None
    return score if math.isfinite(score) else None
