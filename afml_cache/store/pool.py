"""Connections to the index: lent to one thread at a time, closed before a fork.

A connection is opened once and lent again and again, whatever the thread. SQLite's locks
do not survive a fork, so every connection of the process is closed before one.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref

from afml_cache.store import header

#: A fork does not wait longer than this for the connections that are in use.
_FORK_PATIENCE = 6.0


class Pool:
    """The connections of one index in this process.

    Attributes
    ----------
    idle : list
        Cursors that nobody uses. Appending and popping are atomic, so a look-up takes no
        lock; it gives the cursor back to the very list that it took it from.
    opening : threading.RLock
        Held while connections are opened or closed.
    writing : threading.RLock
        Held by the one thread that writes: SQLite lets waiting writers poll, threads need not.
    """

    def __init__(self, *, durable: bool = True) -> None:
        self._synchronous = "NORMAL" if durable else "OFF"
        self.idle: list[sqlite3.Cursor] = []
        self.opening = threading.RLock()
        self.writing = threading.RLock()
        self._all: dict[sqlite3.Connection, header.Place | None] = {}
        self._retired: list[list[sqlite3.Cursor]] = []
        _live.add(self)

    def connect(self, address: str) -> sqlite3.Cursor:
        """A new connection, not yet in the pool."""
        connection, place = header.connect(address)
        self._all[connection] = place
        # Damaged text must not raise where it is read; it is checked where it is used.
        connection.text_factory = _text
        cursor = connection.cursor()
        try:
            cursor.execute(f"PRAGMA synchronous={self._synchronous}")
            cursor.execute("PRAGMA cache_size=-16384")
            cursor.execute("PRAGMA cell_size_check=ON")
            cursor.execute("PRAGMA trusted_schema=OFF")
        except BaseException:
            self.discard(cursor)
            raise
        return cursor

    def discard(self, cursor: sqlite3.Cursor) -> None:
        """Close a connection, and with it an open transaction."""
        connection = cursor.connection
        if connection in self._all:  # else it was discarded before
            header.disconnect(connection, self._all.pop(connection))

    def close(self) -> None:
        """Close the connections that are not in use; those that are will not be used again."""
        with self.opening:
            self._retired.append(self.idle)
            self.idle = []
            self._close_retired()
            if not self._all:
                self._retired.clear()

    def _close_retired(self) -> None:
        for idle in self._retired:
            while idle:
                self.discard(idle.pop())

    def before_fork(self) -> None:
        """Close every connection, also those that come back only now."""
        self.writing.acquire()
        self.opening.acquire()  # from here on nobody opens one
        deadline = time.monotonic() + _FORK_PATIENCE
        self.close()
        while self._all and time.monotonic() < deadline:
            time.sleep(0.0005)
            self._close_retired()

    def after_fork(self, *, child: bool) -> None:
        """Open for use again."""
        if not child:
            self.opening.release()
            self.writing.release()
            return
        _inherited.extend(self._all)  # left over after all: never closed, never used
        self._all, self.idle, self._retired = {}, [], []
        self.opening, self.writing = threading.RLock(), threading.RLock()


_live: weakref.WeakSet[Pool] = weakref.WeakSet()
_inherited: list[sqlite3.Connection] = []
_forking: list[Pool] = []


def _before_fork() -> None:
    _forking[:] = list(_live)
    for pool in _forking:
        pool.before_fork()


def _after_fork(*, child: bool) -> None:
    for pool in reversed(_forking):
        pool.after_fork(child=child)
    _forking.clear()


os.register_at_fork(
    before=_before_fork,
    after_in_parent=lambda: _after_fork(child=False),
    after_in_child=lambda: _after_fork(child=True),
)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
