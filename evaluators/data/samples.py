"""Images with their masks, as tensors in memory."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from evaluators.data.faults import DataError, listed

__all__ = ["DataError", "Samples", "content_hash", "listed"]


def content_hash(pixels: NDArray[np.generic]) -> str:
    """Name an image by what it shows: SHA-256 (hex) of its shape and pixels, shape (H, W, C).

    File name, format and metadata do not count, so a copy under another name has the same hash.
    """
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).tobytes())
    return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Samples:
    """N images and their masks, in one order.

    Attributes:
        images: uint8 (N, C, H, W), 0..255; or float32, 0..1, for images of more than 8 bits.
        masks: uint8 (N, H, W), class indexes 0 (background) .. classes - 1; 255 is reserved for pixels to ignore.
        ids: N different names.
        hashes: N SHA-256 hex digests of the images' content at their original size.
        classes: Number of classes, the background included.

    Raises:
        DataError: a tensor has another type or shape, the numbers differ, or a name comes twice.
    """

    images: Tensor
    masks: Tensor
    ids: tuple[str, ...]
    hashes: tuple[str, ...]
    classes: int = 2

    def __post_init__(self) -> None:
        _check_tensor("images", self.images, "(N, C, H, W)", (torch.uint8, torch.float32))
        _check_tensor("masks", self.masks, "(N, H, W)", (torch.uint8,))
        image_shape, mask_shape = tuple(self.images.shape), tuple(self.masks.shape)
        if (image_shape[0], *image_shape[2:]) != mask_shape:
            raise DataError(f"samples: images {image_shape} and masks {mask_shape} must agree in N, H and W")
        for name, values in (("ids", self.ids), ("hashes", self.hashes)):
            if len(values) != len(self):
                raise DataError(
                    f"samples: {name} must have one entry for each of {len(self)} images, not {len(values)}"
                )
        if len(set(self.ids)) != len(self.ids):
            twice = [name for name, times in Counter(self.ids).items() if times > 1]
            raise DataError(f"samples: ids must differ; more than once: {listed(twice)}")

    def __len__(self) -> int:
        return int(self.images.shape[0])

    def to(self, device: torch.device) -> "Samples":
        """Return the samples on a device."""
        return replace(self, images=self.images.to(device), masks=self.masks.to(device))

    def select(self, indices: Sequence[int]) -> "Samples":
        """Return the samples at `indices` (each in 0..N-1), in that order.

        Raises:
            DataError: an index is outside 0..N-1 or comes twice.
        """
        outside = [index for index in indices if not 0 <= index < len(self)]
        if outside:
            raise DataError(f"samples: index must be in 0..{len(self) - 1}, not {outside[0]}")
        rows = torch.tensor(list(indices), dtype=torch.int64, device=self.images.device)
        return Samples(
            images=self.images[rows],
            masks=self.masks[rows.to(self.masks.device)],
            ids=tuple(self.ids[index] for index in indices),
            hashes=tuple(self.hashes[index] for index in indices),
            classes=self.classes,
        )


def _check_tensor(name: str, tensor: Tensor, axes: str, types: tuple[torch.dtype, ...]) -> None:
    if tensor.dtype not in types or tensor.dim() != len(axes.split(",")):
        wanted = " or ".join(str(kind).removeprefix("torch.") for kind in types)
        raise DataError(f"samples: {name} must be {wanted} {axes}, not {tensor.dtype} {tuple(tensor.shape)}")
