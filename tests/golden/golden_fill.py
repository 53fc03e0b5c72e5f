"""Deterministic contents for any named tensor of a published checkpoint.

The golden files beside this script hold, per system, the ordered (name, shape) list of the published
state dict and a few output values computed by the published code with weights filled by `fill`.
A loader that maps published names to one's own names can therefore be checked numerically without
the published code and without any download.
"""

import math
import zlib

import numpy as np


def fill(name: str, shape: tuple[int, ...], *, norm: bool, seed: int = 0, gain: float = 1.6) -> np.ndarray:
    """Return the float32 contents of the tensor `name`.

    name: the published state-dict key, e.g. "rfb2_1.branch0.0.conv.weight".
    norm: True where the owner is a normalisation layer (`is_norm` in the golden files).
    gain: variance of a weight times its fan-in (`gain` in the golden files; smaller where activations would overflow).
    """
    rng = np.random.default_rng([zlib.crc32(name.encode()), seed])
    leaf = name.rsplit(".", 1)[-1]
    if leaf == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    if leaf == "running_var" or (norm and leaf == "weight"):
        return (0.6 + 0.8 * rng.random(shape)).astype(np.float32)
    if leaf in ("running_mean", "bias") or len(shape) < 2:
        return (0.1 * rng.standard_normal(shape)).astype(np.float32)
    fan_in = math.prod(shape[1:])
    return (rng.standard_normal(shape) * math.sqrt(gain / fan_in)).astype(np.float32)


def golden_input(channels: int, height: int, width: int, batch: int = 1, seed: int = 0) -> np.ndarray:
    """Return the input batch (N, C, H, W), float32, of the golden outputs."""
    rng = np.random.default_rng([20261120, seed])
    return rng.standard_normal((batch, channels, height, width)).astype(np.float32)


def sample_positions(count: int, total: int) -> np.ndarray:
    """Return `count` fixed flat positions into an output of `total` elements."""
    return np.random.default_rng(7).choice(total, size=min(count, total), replace=False)
