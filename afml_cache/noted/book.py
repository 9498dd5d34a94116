"""The file that the notes of exact keys are written to, by many processes and threads at once."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from afml_cache import notices
from afml_cache.store import exits, location
from afml_cache.store.claims import UnavailableError
from afml_cache.store.flight import FileLock
from afml_cache.store.pool import Pool
from afml_cache.store.schema import LOCKED, cause_of

FORMAT = 1

_TABLES = (
    # Together the arguments, the code and the environment are the digest; joblib may have
    # several hashes of one exact key. No hash is an empty one.
    "CREATE TABLE IF NOT EXISTS noted (function TEXT, arguments BLOB, digest BLOB, "
    "joblib_hash TEXT, code BLOB, environment BLOB, calls INTEGER, hits INTEGER, "
    "raised INTEGER, barred INTEGER, first REAL, last REAL, "
    "PRIMARY KEY (function, arguments, digest, joblib_hash)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS unkeyable (function TEXT PRIMARY KEY, calls INTEGER, "
    "hits INTEGER, first REAL, last REAL) WITHOUT ROWID",
)
_ADD = "ON CONFLICT DO UPDATE SET calls=calls+excluded.calls, hits=hits+excluded.hits, "
_SPAN = "first=min(first, excluded.first), last=max(last, excluded.last)"
_NOTE = (
    f"INSERT INTO noted VALUES (?,?,?,?,?,?,?,?,?,?,?,?) {_ADD} "
    f"raised=raised+excluded.raised, barred=barred+excluded.barred, {_SPAN}"
)
_NOTE_UNKEYABLE = f"INSERT INTO unkeyable VALUES (?,?,?,?,?) {_ADD} {_SPAN}"

#: How long a call, and the end of the process, wait for other writers, in seconds.
PATIENCE, _LAST_PATIENCE = 0.25, 3.0
#: Seconds before notes that could not be written are tried again.
_RESPITE = 1.0
#: Notes that are held meanwhile; further ones are lost.
_HELD = 10_000

#: What a damaged, locked, full or missing database can raise; a name may not be UTF-8.
FAULTS = (sqlite3.Error, OSError, UnavailableError, UnicodeError)


class NoteBook:
    """The notes of one cache directory, as this process writes them.

    What cannot be written now is held and written together with later notes, so that the
    counts of all processes add up; ``_pool.writing`` guards what is held.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._path = path_in(directory)
        self._pool = Pool()
        self._identity: tuple[int, int] | None = None
        self._held: dict[tuple[Any, ...], list[float]] = {}
        self._due = 0.0

    def add(self, row: tuple[Any, ...], hit: bool, raised: bool, barred: bool) -> None:
        """Add one call to a row: a function alone, or with its keys."""
        now = time.time()
        with self._pool.writing:
            counts = self._held.get(row)
            if counts is None:
                if len(self._held) >= _HELD:
                    return  # they cannot be written, which has been told
                counts = self._held[row] = [0, 0, 0, 0, now, now]
            for i, more in enumerate((1, hit, raised, barred)):
                counts[i] += more
            counts[5] = now
            if time.monotonic() >= self._due:
                self.write(PATIENCE)

    def write(self, patience: float) -> None:
        """Write what is held; what cannot be written stays held."""
        with self._pool.writing:
            if not self._held:
                return
            deadline, pause = time.monotonic() + patience, 0.001
            while True:
                try:
                    self._write()
                except FAULTS as error:
                    if cause_of(error) == LOCKED and time.monotonic() < deadline:
                        time.sleep(pause)
                        pause = min(2 * pause, 0.025)
                        continue
                    self._due = time.monotonic() + _RESPITE
                    self._identity = None
                    tell(self.directory, "written", error)
                else:
                    self._held.clear()
                return

    def _write(self) -> None:
        keyed, keyless = [], []
        for row, (calls, hits, raised, barred, first, last) in self._held.items():
            if len(row) == 1:
                keyless.append((*row, calls, hits, first, last))
            else:
                keyed.append((*row, calls, hits, raised, barred, first, last))
        with self._cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            if keyed:
                cursor.executemany(_NOTE, keyed)
            if keyless:
                cursor.executemany(_NOTE_UNKEYABLE, keyless)
            cursor.execute("COMMIT")

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[sqlite3.Cursor]:
        """A connection that is closed after a fault, and with it an open transaction."""
        identity = _identify(self._path)
        if identity is None or identity != self._identity:
            self._pool.close()
            self._prepare()
        idle = self._pool.idle
        cursor = idle.pop() if idle else self._pool.connect(f"{self._path.as_uri()}?mode=rw")
        try:
            yield cursor
        except BaseException:
            self._pool.discard(cursor)
            raise
        idle.append(cursor)

    def _prepare(self) -> None:
        """Make the database unless another process has."""
        exits.enter(self)
        folder = self._path.parent
        if not folder.is_dir():
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
        with FileLock(folder / "noted_keys.lock").held(PATIENCE):
            cursor = self._pool.connect(f"{self._path.as_uri()}?mode=rwc")
            try:
                (version,) = cursor.execute("PRAGMA user_version").fetchone()
                if version > FORMAT:
                    raise UnavailableError("newer", "a newer version of afml-cache wrote them")
                if version < FORMAT:
                    journal = "delete" if location.is_network(folder) else "wal"
                    cursor.execute(f"PRAGMA journal_mode={journal}")
                    cursor.execute("BEGIN IMMEDIATE")
                    for table in _TABLES:
                        cursor.execute(table)
                    cursor.execute(f"PRAGMA user_version={FORMAT}")
                    cursor.execute("COMMIT")
            finally:
                self._pool.discard(cursor)
        self._identity = _identify(self._path)

    def close(self) -> None:
        """Write what is held, and let go of the file."""
        self.write(_LAST_PATIENCE)
        self._pool.close()
        exits.leave(self)

    def after_fork(self) -> None:
        """In a child: what is held is the parent's to write."""
        self._held.clear()
        self._due = 0.0
        self._identity = None  # enter again among what is closed when a process ends


def path_in(directory: Path) -> Path:
    """The file of the notes of a cache directory."""
    return directory / location.RECORDS / "noted_keys.sqlite"


def _identify(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - at every call
    except OSError:
        return None
    return status.st_dev, status.st_ino


def tell(directory: Path, what: str, error: Exception) -> None:
    """Tell once a cache directory that its notes cannot be read or written."""
    why = error.detail if isinstance(error, UnavailableError) else error
    notices.warn_once(
        ("noted_keys", str(directory)),
        f"the notes of exact keys, {path_in(directory)}, cannot be {what} ({why}); calls go on, "
        "and what they note is held in memory until it can. See that the file can be written to "
        "(move it away if it is damaged), or configure(note_exact_keys=False)",
    )
