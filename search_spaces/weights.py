"""Weights of published checkpoints, found by the names their code gave them.

A map of names is data beside its network (`search_spaces/networks/`): pairs of a pattern and its replacement, applied
in order to our dotted names, give the published ones. The insides of blocks are named as the published code names
them, so that a map is little more than prefixes.
"""

import pickle
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nas.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["Renames", "Report", "check_names", "fitting", "load_file", "load_published", "names_of", "published_name"]
__all__ += ["tensors_in"]

# What reading makes of damaged bytes, found by damaging files at random.
_DAMAGE: tuple[type[Exception], ...] = (
    *(OSError, EOFError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError),
    *(AssertionError, struct.error, pickle.UnpicklingError),
)

Renames = tuple[tuple[str, str], ...]
"""(regular expression, replacement) pairs, applied in order with `re.sub` to our name."""


class Report(NamedTuple):
    """Published names, by what became of them.

    used: loaded. unused: tensors that our forward pass never needs. skipped: no tensors, or counters of batches.
    """

    used: tuple[str, ...]
    unused: tuple[str, ...]
    skipped: tuple[str, ...]


def load_published(module: "nn.Module", key: str, state_dict: Mapping[str, Any]) -> Report:
    """Load a published checkpoint into `module`, all of it or, where something does not fit, nothing.

    key: of `search_spaces.published_names`. A module that is only part of that network (its encoder) takes its part.
    state_dict: as the file holds it, also below "state_dict" or "model" and with names that start with "module.".
    Raises WeightsError for a tensor of ours that the file lacks or has in another shape.
    """
    renames = names_of(key)
    tensors, skipped = tensors_in(state_dict)
    ours = {name: tensor for name, tensor in module.state_dict().items() if not _counts_batches(name)}
    names = {name: published_name(name, renames) for name in ours}
    check_names(key, names, tensors)
    found = {name: fitting(name, names[name], tensors[names[name]], mine.shape) for name, mine in ours.items()}
    module.load_state_dict(found, strict=False)
    used = set(names.values())
    unused = tuple(name for name in tensors if name not in used)
    return Report(tuple(name for name in tensors if name in used), unused, skipped)


def names_of(key: str) -> Renames:
    """Return the map of names of a published network. Raises WeightsError for a key without one."""
    from search_spaces import published_names  # the package imports this file for the maps' type

    if key not in published_names:
        known = ", ".join(published_names)
        raise WeightsError(f"no published names for '{key}'; known: {known}")
    return published_names[key]


def published_name(name: str, renames: Renames) -> str:
    """Return the published name of our parameter or buffer `name`."""
    for pattern, replacement in renames:
        name = re.sub(pattern, replacement, name)
    return name


def load_file(path: Path) -> Mapping[str, Any]:
    """Read a checkpoint (.safetensors, or what torch.save wrote) without running code in it.

    Raises WeightsError where it cannot be read or holds more than tensors and plain values.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file as load_safetensors

    damage: tuple[type[Exception], ...] = (*_DAMAGE, SafetensorError)
    try:
        safe = path.suffix == ".safetensors"
        found = load_safetensors(path) if safe else torch.load(path, map_location="cpu", weights_only=True)
    except damage as fault:
        reason = str(fault).splitlines()[0] if str(fault) else type(fault).__name__
        raise WeightsError(f"{path} cannot be read as a checkpoint: {reason}") from None
    if not isinstance(found, Mapping):
        raise WeightsError(f"{path} holds a {type(found).__name__}, no state dict; save module.state_dict()")
    return found


def tensors_in(state_dict: Mapping[str, Any]) -> tuple[dict[str, "Tensor"], tuple[str, ...]]:
    """Return the tensors by published name, and the names of everything else."""
    import torch

    for wrapper in ("state_dict", "model"):
        if isinstance(state_dict.get(wrapper), Mapping):
            return tensors_in(state_dict[wrapper])
    plain = {str(name).removeprefix("module."): value for name, value in state_dict.items()}
    tensors = {n: v for n, v in plain.items() if isinstance(v, torch.Tensor) and not _counts_batches(n)}
    return tensors, tuple(name for name in plain if name not in tensors)


def _counts_batches(name: str) -> bool:
    return name.endswith("num_batches_tracked")


def check_names(key: str, names: Mapping[str, str], tensors: Mapping[str, Any]) -> None:
    """Check that each of `names`, published by ours, is among `tensors`, once. Raises WeightsError if not."""
    lacking = [name for name, published in names.items() if published not in tensors]
    if lacking:
        first = f"{lacking[0]}, published as {names[lacking[0]]}"
        raise WeightsError(f"the file is no {key}: it lacks {len(lacking)} of {len(names)} tensors (first: {first})")
    taken: dict[str, str] = {}
    for name, published in names.items():
        if taken.setdefault(published, name) != name:
            raise WeightsError(
                f"{key}: {taken[published]} and {name} would both load {published}; mend the map of names"
            )


def fitting(name: str, published: str, theirs: "Tensor", shape: tuple[int, ...]) -> "Tensor":
    """Return their tensor in our shape: (out, in) of a linear layer fits a 1x1 convolution.

    Raises WeightsError where it has another shape.
    """
    came, wanted = tuple(theirs.shape), tuple(shape)
    if wanted == (*came, 1, 1) and len(came) == 2:
        return theirs[:, :, None, None]
    if came != wanted:
        raise WeightsError(
            f"{name} is {wanted}, {published} in the file is {came}; build the network as the file's was"
        )
    return theirs
