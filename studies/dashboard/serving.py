"""What `nas dashboard` does."""

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text
from werkzeug.serving import WSGIRequestHandler, make_server

from studies.dashboard.app import app_of
from studies.dashboard.guarding import checked_token
from studies.dashboard.watching import Watched
from studies.errors import ConfigError

__all__ = ["serve"]


class _Quiet(WSGIRequestHandler):
    """Says nothing of requests that went well."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        if str(code).startswith("5"):
            super().log_request(code, size)


def serve(directories: Sequence[Path], host: str, port: int, ready: Callable[[str], None] | None = None) -> None:
    """Show studies until the process is stopped; `ready` is told the address.

    Raises ConfigError if there is no study, a token is needed, or nothing can listen there.
    """
    token = checked_token(host, os.environ.get("NAS_DASHBOARD_TOKEN", ""))
    watched = [Watched(directory) for directory in directories]
    server_app = app_of(watched, host, token)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    try:
        server = make_server(host, port, server_app, threaded=True, request_handler=_Quiet)
    except (OSError, SystemExit) as fault:
        raise ConfigError(f"--port {port}: nothing can listen there ({fault}); give another --port") from None
    name = f"[{host}]" if ":" in host else host
    address = f"http://{name}:{server.server_port}/" + (f"?token={token}" if token else "")
    (ready or _say)(address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
        for one in watched:
            one.close()


def _say(address: str) -> None:
    Console().print(
        Text(f"{address}  open it in a browser; Ctrl-C ends it. The studies are only read."), soft_wrap=True
    )
