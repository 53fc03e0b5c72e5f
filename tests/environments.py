"""Virtual environments that hold some of the installed packages and what these need, and nothing else; no network."""

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

__all__ = ["environment_with"]


def environment_with(folder: Path, *packages: str) -> Path:
    """Make a virtual environment in `folder` and return its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=120)
    python = folder / "bin" / "python"
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    place = Path(subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True).stdout.strip())
    for package in _with_needs(packages):
        found = distribution(package)
        for top in {Path(file).parts[0] for file in found.files or () if ".." not in Path(file).parts}:
            link = place / top
            if top != "__pycache__" and not link.exists():
                link.symlink_to(Path(str(found.locate_file(top))))
    return python


def _with_needs(packages: tuple[str, ...]) -> set[str]:
    """Return the packages and all that they cannot be installed without."""
    found: set[str] = set()
    waiting = list(packages)
    while waiting:
        package = waiting.pop()
        if package in found:
            continue
        try:
            needs = distribution(package).requires or []
        except PackageNotFoundError:  # of another platform
            continue
        found.add(package)
        waiting += [re.split(r"[^\w.-]", need)[0] for need in needs if "extra ==" not in need]
    return found
