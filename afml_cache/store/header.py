"""The first bytes of an index, read beside SQLite, and only while nobody here has it open.

A POSIX process loses *all* its locks on a file when it closes any descriptor of it. SQLite takes
care of its own; a look at the header with ``open`` would take the locks of every connection away,
and another process would tidy their log away, with what they had written.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import Counter
from pathlib import Path

from afml_cache.store.schema import DamagedIndexError

#: Which file it is, whatever it is called by now: device and inode.
Place = tuple[int, int]

_open: Counter[Place] = Counter()
_guard = threading.Lock()


def check_header(path: Path) -> None:
    """Raise `DamagedIndexError` for a header that makes SQLite take a damaged file for another.

    A flipped byte can turn an index into one that SQLite believes read-only for ever. An index
    that this process has open was looked at when it was opened.
    """
    with _guard:
        try:
            if _open[_place(path)]:
                return
            with path.open("rb") as file:
                header = file.read(24)
        except FileNotFoundError:
            return
    plain = header[:16] == b"SQLite format 3\0" and header[21:24] == b"\x40\x20\x20"
    if header and not (plain and header[18:20] in (b"\1\1", b"\2\2") and header[20] == 0):
        raise DamagedIndexError("its header is damaged")


def connect(address: str) -> tuple[sqlite3.Connection, Place | None]:
    """A new connection, for any thread; to be ended with :func:`disconnect`."""
    with _guard:
        connection = sqlite3.connect(
            address,
            uri=True,
            timeout=0,  # the index waits itself, and knows for how long
            isolation_level=None,
            check_same_thread=False,  # a connection serves one thread after another
        )
        try:
            place = _place(Path(connection.execute("PRAGMA database_list").fetchone()[2]))
        except OSError:  # removed this very moment: nobody else can find it either
            return connection, None
        except BaseException:  # an interrupt, too, must not leave a connection nobody counts
            connection.close()
            raise
        _open[place] += 1
        return connection, place


def disconnect(connection: sqlite3.Connection, place: Place | None) -> None:
    """Close a connection, and with it an open transaction."""
    try:
        connection.close()
    except sqlite3.Error:  # a damaged log cannot be checkpointed; it stays for the next
        pass
    if place is not None:
        with _guard:
            _open[place] -= 1
            if not _open[place]:
                del _open[place]


def _place(path: Path) -> Place:
    status = path.stat()
    return status.st_dev, status.st_ino


def _in_child() -> None:
    global _guard
    _guard = threading.Lock()
    _open.clear()  # a child inherits no locks


os.register_at_fork(after_in_child=_in_child)
