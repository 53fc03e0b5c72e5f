"""What `nas dashboard` does, before the packages are loaded that only a live page needs."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from studies.errors import ConfigError

__all__ = ["serve_dashboard"]


def serve_dashboard(directories: Sequence[Path], host: str, port: int) -> None:
    """Show studies until the process is stopped. Raises ConfigError for what keeps it from that."""
    if importlib.util.find_spec("dash") is None:
        raise ConfigError("nas dashboard needs the extra 'dashboard': pip install 'nas-medseg[dashboard]'")
    from studies.dashboard.serving import serve

    serve(directories, host, port)
