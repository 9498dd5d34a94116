"""Beginning the records of accesses anew, with all that was recorded kept in an archive.

Moving the file would not do: what processes have committed lies in its write-ahead log, too, and
those that are running go on writing. So rows move, and the file stays.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from afml_cache.store.repair import set_aside

#: How SQLite says that a file is damaged, or none of its own.
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def move_rows(path: Path, patience: float, tables: Callable[[sqlite3.Connection], None]) -> Path:
    """Move everything to an archive beside the file, which is empty after that.

    Whoever is stopped in between leaves the file as it was, beside a copy.

    Parameters
    ----------
    path : Path
        Of the records, which exist. A damaged file is itself moved, with what lies beside it.
    patience : float
        Seconds to wait for those that write.
    tables : callable
        Makes the empty tables.

    Returns
    -------
    Path
        The archive.

    Raises
    ------
    OSError, sqlite3.Error
        They cannot be moved.
    """
    try:
        with _connected(path, patience) as db, _connected(path, patience) as reader:
            db.execute("BEGIN IMMEDIATE")  # nobody writes until all is over
            archive = _archived(reader, path)
            names = "SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%'"
            for (name,) in db.execute(names).fetchall():
                db.execute('DROP TABLE "{}"'.format(name.replace('"', '""')))
            tables(db)
            db.execute("COMMIT")
            return archive
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
            raise
        return set_aside(path)


def set_orphans_aside(path: Path) -> list[Path]:
    """Rename the log of a file that was moved away without it; SQLite would throw it away."""
    stamp, moved = time.strftime("%Y%m%dT%H%M%S"), []
    for suffix in ("-wal", "-shm"):
        orphan = path.with_name(f"{path.name}{suffix}")
        if orphan.exists():
            aside = _free(path.with_name(f"{path.name}.left-{stamp}{suffix}"))
            orphan.rename(aside)
            moved.append(aside)
    return [one for one in moved if one.stat().st_size and one.name.endswith("-wal")]


def _archived(reader: sqlite3.Connection, path: Path) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%S")
    archive = _free(path.with_name(f"{path.stem}.until-{stamp}{path.suffix}"))
    os.close(os.open(archive, os.O_CREAT | os.O_RDWR, 0o600))
    try:
        with _connected(archive, 0.0) as copy:
            reader.backup(copy)
            copy.execute("PRAGMA journal_mode=delete")  # one file, that can be moved
    except BaseException:
        archive.unlink()
        raise
    return archive


def _free(path: Path) -> Path:
    free, number = path, 1
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


@contextlib.contextmanager
def _connected(path: Path, patience: float) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path, timeout=patience, isolation_level=None)) as db:
        yield db
