"""NASWOT: how differently a batch's images switch the activations on and off.

Source: Mellor et al., Neural Architecture Search without Training, ICML 2021, arXiv:2006.04647v3, section 3: the
logarithm of the determinant of the kernel whose entries are the numbers of activations that two images agree in.
Differs: leaky and smooth rectifiers count as on where their input is positive, as ReLU does.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

__all__ = ["naswot"]

_RECTIFIERS = {functional.relu, functional.relu6, functional.leaky_relu, functional.gelu, torch.relu}


def naswot(module: nn.Module, images: torch.Tensor, masks: torch.Tensor, classes: int) -> float:
    """Return log |det K|, K[i, j] the number of activations on which images i and j agree; nan without rectifiers."""
    module.train()
    with torch.no_grad(), _Agreement() as seen:
        module(images)
    return float("nan") if seen.kernel is None else float(torch.linalg.slogdet(seen.kernel)[1])


class _Agreement(TorchFunctionMode):
    """Watches the calls of rectifiers and counts for each pair of images the activations in the same state."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel: torch.Tensor | None = None  # float64 (N, N)

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if function in _RECTIFIERS:
            on = (args[0] > 0).flatten(1).double()
            agree = on @ on.T + (1 - on) @ (1 - on).T
            self.kernel = agree if self.kernel is None else self.kernel + agree
        return function(*args, **(kwargs or {}))
