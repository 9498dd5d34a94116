"""Whether a tracking server can be reached: asked before mlflow is, which tries for minutes."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

from afml_cache.errors import TrackingError

_PORTS = {"http": 80, "https": 443}
_PATIENCE = 1.5
#: Seconds in which a server that did not answer is not asked again.
_RESPITE = 5.0
#: Host and port -> until when, and why.
_silent: dict[tuple[str, int], tuple[float, str]] = {}


def check_reachable(uri: str) -> None:
    """Raise `TrackingError` where nobody listens at the address of a server."""
    parts = urlsplit(uri)
    port = parts.port or _PORTS.get(parts.scheme)
    if parts.scheme not in _PORTS or not parts.hostname or port is None:
        return  # a database, or a place that only mlflow knows
    place = parts.hostname, port
    until, why = _silent.get(place, (0.0, ""))
    if time.monotonic() < until:
        raise TrackingError(why)
    try:
        socket.create_connection(place, timeout=_PATIENCE).close()
    except OSError as error:
        why = f"the tracking server {shown(uri)} does not answer ({error})"
        _silent[place] = time.monotonic() + _RESPITE, why
        raise TrackingError(why) from error


def shown(uri: str) -> str:
    """An address without what it holds of a password."""
    parts = urlsplit(uri)
    if not parts.password and not parts.username:
        return uri
    host = parts.hostname or ""
    return parts._replace(netloc=f"{host}:{parts.port}" if parts.port else host).geturl()
