"""Whether a tracking server answers: asked before mlflow is, which tries for minutes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from afml_cache.errors import TrackingError
from afml_cache.tracking.address import fault_of
from afml_cache.tracking.words import without_passwords

_PORTS = {"http": 80, "https": 443}
#: Seconds in which somebody has to take the call, and in which he has to say something.
_TO_CONNECT, _TO_ANSWER = 1.5, 5.0
#: Seconds in which a server that did not answer is not asked again, nor one that did.
_RESPITE, _TRUST = 5.0, 2.0
#: Host and port -> until when, and why.
_silent: dict[tuple[str, int], tuple[float, str]] = {}
#: Host and port -> until when it need say nothing.
_heard: dict[tuple[str, int], float] = {}


class UnreachableError(TrackingError):
    """Nobody answers at an address now; another time somebody may."""


def check_reachable(uri: str) -> None:
    """Raise `UnreachableError` where nobody answers at the address of a server.

    Any answer does: what it says is for mlflow. Where nobody ever can, `TrackingError` is raised.
    """
    fault = fault_of(uri) if uri.startswith(("http:", "https:")) else None
    if fault is not None:  # mlflow would try it for minutes
        raise TrackingError(f"{shown(uri)!r} {fault}")
    parts = urlsplit(uri)
    port = parts.port or _PORTS.get(parts.scheme)
    if parts.scheme not in _PORTS or not parts.hostname or port is None:
        return  # a database, or a place that only mlflow knows
    place = parts.hostname, port
    until, why = _silent.get(place, (0.0, ""))
    if time.monotonic() < until:
        raise UnreachableError(why)
    try:
        _call(parts.scheme, place, parts.path.rstrip("/"))
    except OSError as error:
        _heard.pop(place, None)
        why = f"the tracking server {shown(uri)} does not answer ({error})"
        _silent[place] = time.monotonic() + _RESPITE, why
        raise UnreachableError(why) from error


def _call(scheme: str, place: tuple[str, int], path: str) -> None:
    """Connect; and, unless it has just done so, have the server say a word."""
    import http.client
    import ssl

    if scheme == "https":
        # Nothing is told it, and nothing that it says is believed: mlflow looks at its papers.
        unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
        call: http.client.HTTPConnection = http.client.HTTPSConnection(
            *place, timeout=_TO_CONNECT, context=unchecked
        )
    else:
        call = http.client.HTTPConnection(*place, timeout=_TO_CONNECT)
    try:
        call.connect()
        if time.monotonic() < _heard.get(place, 0.0):
            return
        call.sock.settimeout(_TO_ANSWER)
        call.request("GET", f"{path}/health")
        call.getresponse()
    except ConnectionError:  # a tunnel, say, that ends nowhere
        raise
    except (ssl.SSLError, http.client.HTTPException):
        pass  # somebody is there, and wants to be spoken to otherwise, as mlflow may know
    finally:
        call.close()
    _heard[place] = time.monotonic() + _TRUST


def is_silence(error: BaseException) -> bool:
    """Whether an error says that nobody answers, rather than that somebody has refused."""
    return any(
        isinstance(one, UnreachableError | ConnectionError | TimeoutError)
        or type(one).__module__ == "requests.exceptions"
        or getattr(one, "error_code", "") == "TEMPORARILY_UNAVAILABLE"
        for one in _causes(error)
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def shown(uri: str) -> str:
    """An address without what it holds of a password."""
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
        if not parts.password and not parts.username:
            return without_passwords(uri)
    except ValueError:  # it is none, and may hold one all the same
        return f"{uri.partition('://')[0]}://..."
    named = parts._replace(netloc=f"{host}:{port}" if port else host).geturl()
    return without_passwords(named)
