"""How training or measuring one network can end badly: one class for each outcome. Importing this loads no torch."""

import re

from nas.errors import NasError

__all__ = [
    "CheckpointError",
    "DeviceError",
    "Diverged",
    "Interrupted",
    "OutOfMemory",
    "RecipeError",
    "TimedOut",
    "out_of_memory",
    "require",
]


class DeviceError(NasError):
    """A device or a precision is unknown, or this machine has none."""


class RecipeError(NasError):
    """A training recipe has a value that no training can follow, or data that it cannot train on."""


class CheckpointError(NasError):
    """A checkpoint is damaged, holds more than tensors and numbers, or is of another run."""


class Diverged(NasError):
    """The loss, the weights or the logits became infinite or not a number."""


class OutOfMemory(NasError):
    """The device has too little memory for the network, one image at a time.

    Attributes:
        asked_bytes: What was asked for when it ended; None where the allocator did not say.
    """

    def __init__(self, text: str, asked_bytes: int | None = None) -> None:
        super().__init__(text)
        self.asked_bytes = asked_bytes


class TimedOut(NasError):
    """The time allowed for the training has passed."""


class Interrupted(NasError):
    """The caller asked the training to stop; its last finished epoch is in the checkpoint."""


def require(name: str, value: object, wanted: str, holds: bool) -> None:
    """Raise RecipeError unless the value of that name `holds`."""
    if not holds:
        raise RecipeError(f"{name} must be {wanted}, not {value}")


# What allocators say in a plain RuntimeError: torch's on the CPU (Linux; elsewhere), then cuDNN's and cuBLAS's.
_CAUSES = ("can't allocate memory", "not enough memory", "STATUS_ALLOC_FAILED")
_ASKED = re.compile(r"tried to allocate ([0-9.]+) (bytes|KiB|MiB|GiB|TiB)", re.IGNORECASE)
_UNITS = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def out_of_memory(error: RuntimeError) -> OutOfMemory | None:
    """Return the fault if `error` says that memory ran out, else None.

    Raise what comes back after the `except` block has ended: while the first error is held, so are the frames below it
    and with them the tensors that filled the memory.
    """
    import torch  # whoever can run out of memory has loaded it

    text = str(error)
    if isinstance(error, torch.OutOfMemoryError) or any(cause in text for cause in _CAUSES):
        return OutOfMemory(text.splitlines()[0], _asked_bytes(text))
    return None


def _asked_bytes(text: str) -> int | None:
    """Read 'tried to allocate 4096 bytes' of torch's CPU allocator, '2.50 GiB' of its CUDA allocator."""
    found = _ASKED.search(text)
    return None if found is None else int(float(found[1]) * _UNITS[found[2]])
