"""Where measurements are kept between runs."""

import os
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """Return `$NAS_CACHE`, else `nas-medseg` below `$XDG_CACHE_HOME` or `~/.cache` (XDG Base Directory, 0.8)."""
    own = os.environ.get("NAS_CACHE")
    if own:
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "nas-medseg"
