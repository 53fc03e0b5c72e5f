"""NIfTI volumes and DICOM files as 2-D slices, through MONAI's readers (the optional extra `monai`)."""

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators.data.faults import DataError

__all__ = ["MEDICAL_SUFFIXES", "Slice", "is_medical", "is_volume", "read_slice", "slice_count"]

MEDICAL_SUFFIXES = (".dcm", ".nii", ".nii.gz")
_NEEDED = ("monai", "nibabel", "pydicom")


@dataclass(frozen=True)
class Slice:
    """One slice of a volume: at `index` of `axis` (0, 1 or 2)."""

    axis: int
    index: int


def is_medical(path: Path) -> bool:
    """Return whether a file is read through MONAI."""
    return path.name.lower().endswith(MEDICAL_SUFFIXES)


def is_volume(path: Path) -> bool:
    """Return whether a file holds a stack of slices, each of which is a sample."""
    return path.name.lower().endswith((".nii", ".nii.gz"))


def slice_count(path: Path, axis: int) -> int:
    """Return the number of slices along an axis; only the header is read.

    Raises:
        DataError: The file cannot be read, has no such axis, or the extra is not installed.
    """
    shape = _open(path)[1].shape
    if len(shape) < 2 or any(length != 1 for length in shape[3:]):
        raise DataError(f"{path}: needed a volume of three axes, got shape {tuple(shape)}; save one volume per file")
    return int((*shape, 1)[axis])


def read_slice(path: Path, slice_: Slice | None) -> NDArray[np.generic]:
    """Return a slice (H, W): what is left of the axes (x, y, z), the later one as rows; a DICOM file is one slice.

    Raises:
        DataError: The file cannot be read, is no grey image, has no such slice, or the extra is not installed.
    """
    values = _values(path, path.stat().st_mtime_ns)
    if not is_volume(path):
        single = values.squeeze()
        if single.ndim != 2:
            raise DataError(f"{path}: needed one grey slice, got shape {values.shape}; save each slice as its own file")
        return single.T
    volume = values.reshape((*values.shape, 1)[:3])
    chosen = slice_ or Slice(2, 0)
    if chosen.index >= volume.shape[chosen.axis]:
        raise DataError(f"{path}: no slice {chosen.index} along axis {chosen.axis} of shape {volume.shape}")
    plane: NDArray[np.generic] = volume.take(chosen.index, chosen.axis).T
    return plane


@lru_cache(maxsize=2)  # the image and the mask whose slices are being read
def _values(path: Path, changed_ns: int) -> NDArray[np.generic]:
    reader, opened = _open(path)
    try:
        values, _ = reader.get_data(opened)
    except (OSError, EOFError, ValueError, AttributeError, KeyError, NotImplementedError) as error:
        raise _unreadable(path, error) from error
    return np.asarray(values)


def _open(path: Path) -> tuple[Any, Any]:  # MONAI's readers are untyped, and keep what `read` saw
    reader = _reader(path)
    from nibabel.filebasedimages import ImageFileError
    from pydicom.errors import InvalidDicomError

    if path.exists() and path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty (0 bytes); copy it again or remove the pair", "empty files")
    try:
        return reader, reader.read(path)
    except (OSError, EOFError, ValueError, ImageFileError, InvalidDicomError) as error:
        raise _unreadable(path, error) from error


def _reader(path: Path) -> Any:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise DataError(f"{path}: reading it needs {', '.join(missing)}; pip install 'nas-medseg[monai]'")
    from monai.data.image_reader import NibabelReader, PydicomReader

    return NibabelReader() if is_volume(path) else PydicomReader()


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(
        f"{path}: cannot be read as a medical image ({error}); copy it again, or remove the pair", "unreadable"
    )
