"""A training step as one CUDA graph: replayed by one launch instead of the thousands that small networks wait for.

Source of the pattern (warm up, capture on a side stream, refill fixed inputs): PyTorch's notes on CUDA graphs,
"Whole-network capture". The warm-up steps here are steps of the training, so that nothing has to be undone. What
cannot be captured (an operator waits for the host, the graph's own pool finds too little memory) goes on as it began.
No GPU has run the capture yet; what surrounds it is tested on the CPU with a stand-in.
"""

import warnings
from collections.abc import Callable

import torch

__all__ = ["CudaStep", "set_rate"]

Run = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Capture = Callable[[Run, torch.Tensor, torch.Tensor], Run]

WARM_UP = 3  # steps in which cuDNN, cuBLAS and the optimizer set up what must not be set up while capturing


class CudaStep:
    """Runs a step as it is at first, then as a CUDA graph.

    Attributes:
        captured: Whether steps are replayed now.
    """

    def __init__(
        self,
        eager: Run,
        bare: Run,
        optimizer: torch.optim.Optimizer,
        device: torch.device,
        capture: Capture | None = None,
    ) -> None:
        """Prepare the optimizer for capture: its rates become tensors on the device.

        Args:
            eager: The step that copes with too little memory; gives the loss of images (N, C, H, W) and masks.
            bare: The same step without what must not be captured.
            optimizer: Its update is part of both.
            device: The CUDA device.
            capture: Stands in for the capture where there is no CUDA device.
        """
        self._eager = eager
        self._bare = bare
        self._optimizer = optimizer
        self._capture = capture or _Recorder(device)
        self._left = WARM_UP
        self._replay: Run | None = None
        self._shape: torch.Size | None = None
        for group in optimizer.param_groups:
            group["capturable"] = True
            group["lr"] = torch.as_tensor(group["lr"], dtype=torch.float32, device=device)

    @property
    def captured(self) -> bool:
        """Whether steps are replayed now."""
        return self._replay is not None

    def __call__(self, images: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        """Take one step and return its loss."""
        if self._left == 0:
            self._left = -1
            self._record(images, masks)
        self._left -= self._left > 0
        if self._replay is None or images.shape != self._shape:
            return self._eager(images, masks)
        return self._replay(images, masks)

    def _record(self, images: torch.Tensor, masks: torch.Tensor) -> None:
        self._optimizer.zero_grad()  # gradients of captured steps live in the graph's own memory
        try:
            self._replay, self._shape = self._capture(self._bare, images, masks), images.shape
        except RuntimeError as error:
            self._optimizer.zero_grad()
            reason = str(error).splitlines()[0]
            warnings.warn(f"training: no CUDA graph, operators are launched one by one: {reason}", stacklevel=2)


class _Recorder:
    """Captures on a stream of its own."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def __call__(self, run: Run, images: torch.Tensor, masks: torch.Tensor) -> Run:
        fixed = images.clone(), masks.clone()
        with torch.cuda.device(self._device):
            graph, stream = torch.cuda.CUDAGraph(), torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch's
        with torch.cuda.graph(graph, stream=stream):  # a stream of this device; the default one is the first device's
            loss = run(*fixed)

        def replay(images: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
            fixed[0].copy_(images)
            fixed[1].copy_(masks)
            graph.replay()
            return loss.clone()

        return replay


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give all weights this learning rate; where the rate is a tensor, a captured step reads it there."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate
