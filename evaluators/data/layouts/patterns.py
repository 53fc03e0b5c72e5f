"""Files below a folder by id: all of one folder, or those that match a pattern with `{id}`."""

import re
from pathlib import Path

from evaluators.data.pictures import SUFFIXES
from evaluators.data.samples import DataError, listed
from evaluators.data.volumes import MEDICAL_SUFFIXES

__all__ = ["READABLE", "bare_name", "files_by_id"]

READABLE = tuple(sorted((*SUFFIXES, *MEDICAL_SUFFIXES)))


def bare_name(path: Path) -> str:
    """Return a file's name without its suffix, of which `.nii.gz` is one."""
    name = path.name
    return name[: -len(".nii.gz")] if name.lower().endswith(".nii.gz") else path.stem


def files_by_id(root: Path, where: str) -> dict[str, list[Path]]:
    """Return the readable files in the folder `where`, or those that match the pattern `where`, sorted, by id.

    Raises:
        DataError: There is no such folder.
    """
    found: dict[str, list[Path]] = {}
    matched = _matching(root, where) if "{id}" in where else _inside(root, where)
    for name, path in matched:
        if path.name.lower().endswith(READABLE) and not path.name.startswith(".") and path.is_file():
            found.setdefault(name, []).append(path)
    return found


def _inside(root: Path, where: str) -> list[tuple[str, Path]]:
    folder = root / where
    if not folder.is_dir():
        folders = sorted(path.name for path in root.iterdir() if path.is_dir())
        raise DataError(
            f"{folder}: no such folder; needed {root}/images/ID.* and {root}/masks/ID.*, "
            f"got folders {listed(folders) if folders else '(none)'}; rename or move them, "
            "or state data.layout, data.images and data.masks"
        )
    return [(bare_name(path), path) for path in sorted(folder.iterdir())]


def _matching(root: Path, pattern: str) -> list[tuple[str, Path]]:
    form = re.compile(_regex(pattern))
    paths = sorted(root.glob(pattern.replace("{id}", "*")))
    matches = ((form.fullmatch(path.relative_to(root).as_posix()), path) for path in paths)
    return [(match["id"], path) for match, path in matches if match]


def _regex(pattern: str) -> str:
    """The id has no slash, is the same wherever it stands, and is matched as short as possible."""
    first, *rest = pattern.split("{id}")
    return _literal(first) + "(?P<id>[^/]+?)" + "(?P=id)".join(map(_literal, rest))


def _literal(text: str) -> str:
    return re.escape(text).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
