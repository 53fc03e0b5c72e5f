"""Files from outside: read up to a size, weights as safetensors only, and nothing executed."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nas.errors import ExportError, GraphError, WeightsError
from nas.graph import Graph

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["read_graph", "read_text", "read_weights"]

_LONGEST_TEXT = 64_000_000  # bytes; the greatest published graph takes 0.3 MB
_TYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64"}


def read_text(path: Path) -> str:
    """Return a text file of an export. Raises ExportError if it is missing, too long or no text."""
    try:
        size = path.stat().st_size
        if size > _LONGEST_TEXT:
            raise ExportError(f"{path}: has {size} bytes, needs at most {_LONGEST_TEXT}; this is no export's file")
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as fault:
        raise ExportError(f"{path}: cannot be read: {fault}; give a folder that `nas export` wrote") from None


def read_graph(path: Path) -> Graph:
    """Return a stored graph. Raises ExportError if it is missing, GraphError if it is damaged."""
    try:
        return Graph.from_json(read_text(path))
    except RecursionError:
        raise GraphError(f"{path}: is nested too deeply for a graph; export again") from None


def read_weights(path: Path, shapes: Mapping[str, tuple[int, ...]], of: str = "the network") -> "dict[str, Tensor]":
    """Return the tensors of a safetensors file, float32 or int64, if names and shapes are these; else read none.

    The header is compared before anything is read, so that memory is taken only for what fits. Raises WeightsError.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
            _check_shapes(path, {name: tuple(part.get_shape()) for name, part in slices.items()}, shapes, of)
            for name, part in slices.items():
                if part.get_dtype() not in _TYPES:
                    raise WeightsError(f"{path}: {name} is {part.get_dtype()}; needs one of {', '.join(_TYPES)}")
            return {name: _plain(file.get_tensor(name)) for name in slices}
    except (SafetensorError, OSError) as fault:
        raise WeightsError(
            f"{path}: cannot be read as safetensors ({fault}); pickled checkpoints (.pt, .pth) are not read: "
            "save the state dict with safetensors.torch.save_file"
        ) from None


def _check_shapes(
    path: Path, found: Mapping[str, tuple[int, ...]], needed: Mapping[str, tuple[int, ...]], of: str
) -> None:
    missing, more = sorted(needed.keys() - found.keys()), sorted(found.keys() - needed.keys())
    if missing or more:
        which = f"lacks {missing[0]!r}" if missing else f"has {more[0]!r}, which is unknown"
        raise WeightsError(f"{path}: does not fit {of}: {len(missing)} tensors missing, {len(more)} too many; {which}")
    for name, shape in needed.items():
        if found[name] != shape:
            raise WeightsError(f"{path}: does not fit {of}: {name} has shape {found[name]}, needs {shape}")


def _plain(tensor: "Tensor") -> "Tensor":
    return tensor.float() if tensor.is_floating_point() else tensor
