"""Who may ask: this machine under its own names, others with a token; and what a browser may do with the answers.

A page of another site can make a browser ask this server, under a name that the other site owns ("DNS rebinding"): a
request must name this machine, or an address of digits, which no site owns.
"""

import hmac
import ipaddress
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from flask import Flask, Response, abort, redirect, request
from werkzeug.wrappers import Response as Answer

from studies.errors import ConfigError

__all__ = ["checked_token", "guard", "is_loopback"]

LEAST_TOKEN, COOKIE = 16, "nas_dashboard"
HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a server that listens there."""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def checked_token(host: str, token: str) -> str:
    """Return the token. Raises ConfigError where one is needed and missing, or where it can be guessed."""
    if not token and not is_loopback(host):
        raise ConfigError(
            f"--host {host}: whoever reaches this machine could look; set NAS_DASHBOARD_TOKEN to a secret of at least "
            f"{LEAST_TOKEN} characters, or leave --host out and use a tunnel (ssh -L)"
        )
    if token and (len(token) < LEAST_TOKEN or not token.isascii() or not token.isalnum()):
        raise ConfigError(f"NAS_DASHBOARD_TOKEN: needs at least {LEAST_TOKEN} ASCII letters and digits, no others")
    return token


def guard(server: Flask, host: str, token: str, scripts: Sequence[str]) -> None:
    """Check every request and add what every answer carries.

    scripts: Hashes of the inline scripts that may run.
    """
    known = {"localhost", host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}
    headers = HEADERS | {"Content-Security-Policy": _policy(scripts)}

    @server.before_request
    def check() -> Answer | None:
        name = _hostname(request.headers.get("Host", ""))
        if name is None or (name not in known and not _is_allowed_address(name, host)):
            abort(400, "This server does not answer to that name.")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.headers.get("Host"):
            abort(403, "Another site asked.")
        return _known(token) if token else None

    @server.after_request
    def add(response: Response) -> Response:
        response.headers.update(headers)
        if "/_dash-component-suites/" not in request.path:
            response.headers["Cache-Control"] = "no-store"
        return response


def _known(token: str) -> Answer | None:
    """Let in who knows the token: from the address once, from then on from a cookie that scripts cannot read."""
    if hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), token.encode()):
        return None
    given = request.args.get("token", "")
    if not hmac.compare_digest(given.encode(), token.encode()):
        abort(401, "A token is needed: open the address that the server printed.")
    rest = "&".join(p for p in request.query_string.decode("latin-1").split("&") if not p.startswith("token="))
    answer = redirect("/?" + rest)
    answer.set_cookie(COOKIE, token, httponly=True, samesite="Strict")
    return answer


def _policy(scripts: Sequence[str]) -> str:
    """Return what a browser may do: nothing but with this server. WebGL figures of plotly compile functions."""
    return (
        f"default-src 'none'; script-src 'self' {' '.join(scripts)} 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hostname(header: str) -> str | None:
    """Return the name in a Host header, in small letters; None of one that names nothing."""
    try:
        return urlsplit(f"//{header}").hostname
    except ValueError:
        return None


def _is_allowed_address(name: str, host: str) -> bool:
    """Return whether the name is an address of digits under which this server can be reached."""
    address = _address(name)
    return address is not None and (address.is_loopback or not is_loopback(host))


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
