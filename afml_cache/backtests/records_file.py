"""The file of the records as such: made, of the right version, sound."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from afml_cache.backtests import tables
from afml_cache.store import location
from afml_cache.store.claims import UnavailableError
from afml_cache.store.header import check_header
from afml_cache.store.pool import Pool
from afml_cache.store.repair import BESIDE
from afml_cache.store.schema import CORRUPT, DamagedIndexError, cause_of


def is_ready(pool: Pool, path: Path) -> bool:
    """Whether the file is there, with its tables."""
    if not path.exists():
        return False
    check_header(path)
    cursor = pool.connect(f"{path.as_uri()}?mode=rw")
    try:
        return _version(cursor, path) == tables.FORMAT
    finally:
        pool.discard(cursor)


def make(pool: Pool, path: Path) -> None:
    """Make the file unless it is there, and its tables unless they are."""
    if not path.exists():
        for suffix in BESIDE:  # what lies beside it belongs to one that is gone
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        # Parameters and metrics of the user's lie there; the folder may be open to others.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    cursor = pool.connect(f"{path.as_uri()}?mode=rw")
    try:
        if _version(cursor, path) == tables.FORMAT:
            return
        journal = "delete" if location.is_network(path.parent) else "wal"
        cursor.execute(f"PRAGMA journal_mode={journal}")
        cursor.execute("BEGIN IMMEDIATE")
        tables.create(cursor)
        cursor.execute("COMMIT")
    finally:
        pool.discard(cursor)


def is_sound(pool: Pool, path: Path) -> bool:
    """Whether the file is as SQLite has written it; also where that cannot be told now."""
    try:
        check_header(path)
        cursor = pool.connect(f"{path.as_uri()}?mode=rw")
        try:
            if _version(cursor, path) == 0:
                return True  # an empty one: it will be filled
            return bool(cursor.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok")
        finally:
            pool.discard(cursor)
    except (sqlite3.Error, UnicodeError) as error:
        return cause_of(error) != CORRUPT


def _version(cursor: sqlite3.Cursor, path: Path) -> int:
    version = int(cursor.execute("PRAGMA user_version").fetchone()[0])
    if version > tables.FORMAT:
        raise UnavailableError(
            "newer",
            f"{path} was written by a newer version of afml-cache: upgrade, or choose another "
            "cache directory",
        )
    if version == 0 and cursor.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        raise DamagedIndexError("its tables are not those of this cache")
    return version
