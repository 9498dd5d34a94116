"""A small server on this machine alone, for a page whose numbers keep up.

It listens on 127.0.0.1, answers GET and HEAD, and only where the request names it as this machine
does: a page elsewhere that has its own name resolved to 127.0.0.1 gets nothing.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any

from afml_cache.dashboard.page import document_of, page_of, policy
from afml_cache.dashboard.shown import Shown
from afml_cache.errors import AfmlCacheError

ADDRESS = "127.0.0.1"
#: Seconds after which a connection that says nothing is closed.
_PATIENCE = 10.0


class DashboardServer(ThreadingHTTPServer):
    """Serves what ``look`` gives.

    Parameters
    ----------
    look : callable
        Gives what there is to show now; asked at each request, by one thread at a time.
    port : int
        0: any that is free.
    rest : float
        After a look that took a second, what it gave is shown for so many seconds: a large cache
        is not looked at all the time, however many pages ask.

    Raises
    ------
    OSError
        The port is taken.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, look: Callable[[], Shown], port: int = 0, rest: float = 9.0) -> None:
        super().__init__((ADDRESS, port), _Request)
        self._look = look
        self._rest = rest
        self._guard = threading.Lock()
        self._shown: Shown | None = None
        self._until = 0.0
        self._document: tuple[Shown, bytes, str] | None = None
        number = self.server_address[1]
        names = (ADDRESS, "localhost")
        self.hosts = {f"{name}:{number}" for name in names} | (
            set(names) if number == 80 else set()
        )

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{ADDRESS}:{self.server_address[1]}/"

    def page(self) -> bytes:
        """The page, with the numbers of now."""
        with self._guard:
            shown = self._now()
        return page_of(shown, datetime.now(UTC), live=True).encode()

    def document(self) -> tuple[bytes, str]:
        """What changes with the numbers, as JSON, and its tag."""
        with self._guard:
            shown = self._now()
            if self._document is None or self._document[0] != shown:
                body = json.dumps(document_of(shown), allow_nan=False).encode()
                self._document = shown, body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            return self._document[1:]

    def _now(self) -> Shown:
        began = monotonic()
        if self._shown is None or began >= self._until:
            self._shown = self._look()
            ended = monotonic()
            self._until = ended + self._rest * (ended - began)
        return self._shown

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that has gone is no error; all others are shown as usual."""
        import sys

        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Request(BaseHTTPRequestHandler):
    server: DashboardServer
    timeout = _PATIENCE

    def do_GET(self) -> None:
        """Answer with the page or the numbers."""
        if self.headers.get_all("Host") not in [[host] for host in self.server.hosts]:
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, "Open the address that was printed")
        elif self.path not in ("/", "/document.json"):
            self.send_error(HTTPStatus.NOT_FOUND, "There is / and /document.json")
        else:
            try:
                is_page = self.path == "/"
                body, tag = (self.server.page(), None) if is_page else self.server.document()
            except (AfmlCacheError, OSError) as error:
                self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR, f"It cannot be read: {error}")
                return
            if tag is not None and self.headers.get("If-None-Match") == tag:
                self._send(HTTPStatus.NOT_MODIFIED, b"", None, tag)
            else:
                kind = "text/html; charset=utf-8" if is_page else "application/json"
                self._send(HTTPStatus.OK, body, kind, tag)

    do_HEAD = do_GET

    def _refuse(self) -> None:
        self.send_error(HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD")

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_TRACE = do_CONNECT = _refuse

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """In plain text, under the same headers as everything else."""
        status = HTTPStatus(code)
        text = f"{status.value} {status.phrase}. {message or explain or ''}\n"
        self._send(status, text.encode("ascii", "replace"), "text/plain; charset=utf-8")

    def _send(
        self, status: HTTPStatus, body: bytes, kind: str | None, tag: str | None = None
    ) -> None:
        self.send_response(status)
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        if kind is not None:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        if tag is not None:
            self.send_header("ETag", tag)
        self.send_header("Cache-Control", "no-cache" if tag else "no-store")
        policies = f"{policy(live=True)}; frame-ancestors 'none'"
        self.send_header("Content-Security-Policy", policies)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("X-Frame-Options", "DENY")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        """Nothing about versions."""
        return "afml-cache"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the command prints where the page is, and that is all."""
