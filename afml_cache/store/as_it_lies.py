"""Read an SQLite file that others write, also where nothing can be written beside it.

SQLite opens a file in an unwritable folder only if it is told that nobody changes it
(``immutable``), and then leaves out the write-ahead log, with whatever was committed by processes
that are still running or were killed. So a log that holds something is read with its shared
memory, or, where that is gone, from a copy of both files.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

_ATTEMPTS = 5

#: How SQLite says that it can make no file beside the database.
_OUT_OF_REACH = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


@contextlib.contextmanager
def reading(path: Path, patience: float) -> Iterator[sqlite3.Connection]:
    """A connection that sees all that was committed, and makes no file where it cannot.

    Parameters
    ----------
    path : Path
        Of the database, which exists.
    patience : float
        Seconds to wait for those that write.

    Raises
    ------
    OSError, sqlite3.Error
        It cannot be read.
    """
    if _opens(path, patience):
        with _opened(path, "mode=ro", patience) as db:
            yield db
    elif not _is_filled(_log_of(path)):
        with _opened(path, "mode=ro&immutable=1", patience) as db:
            yield db
    else:
        with tempfile.TemporaryDirectory(prefix="afml-") as folder:
            copy = _copied(path, Path(folder))
            with _opened(copy, "mode=rw", patience) as db:
                yield db


@contextlib.contextmanager
def _opened(path: Path, how: str, patience: float) -> Iterator[sqlite3.Connection]:
    uri = f"{path.absolute().as_uri()}?{how}"
    with contextlib.closing(
        sqlite3.connect(uri, uri=True, timeout=patience, isolation_level=None)
    ) as db:
        yield db


def _opens(path: Path, patience: float) -> bool:
    """Whether it can be read with its log: the shared memory is there, or can be made."""
    try:
        with _opened(path, "mode=ro", patience) as db:
            db.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _OUT_OF_REACH:
            raise
        return False
    return True


def _copied(path: Path, folder: Path) -> Path:
    """A copy of the database and of its log, as they were at one moment."""
    log = _log_of(path)
    for _ in range(_ATTEMPTS):
        before = _state(path), _state(log)
        for file in (path, log):
            if file.exists():
                shutil.copyfile(file, folder / file.name)
        if (_state(path), _state(log)) == before:
            return folder / path.name
    raise sqlite3.OperationalError("it is written to all the time, and its folder is read-only")


def _state(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except FileNotFoundError:
        return (0, 0, 0)
    return status.st_ino, status.st_size, status.st_mtime_ns


def _is_filled(log: Path) -> bool:
    try:
        return log.stat().st_size > 0
    except FileNotFoundError:
        return False


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")
