"""The tables of the index, and what an error of SQLite means for it."""

from __future__ import annotations

import re
import sqlite3

from afml_cache.store.claims import UnavailableError

FORMAT = 1

#: What the rest of the store asks for. ``slot`` is a digest followed by the id of a sealer,
#: so that the entries of two secrets lie side by side.
SELECT_BODY = "SELECT body FROM entry WHERE slot=?"

_TABLES = (
    # A look-up touches this table alone; descriptions and claims do not widen its pages.
    "CREATE TABLE entry (slot BLOB PRIMARY KEY, body NOT NULL) WITHOUT ROWID",
    "CREATE TABLE claim (slot BLOB PRIMARY KEY, function TEXT, code BLOB, environment BLOB, "
    "arguments BLOB, first INTEGER, last INTEGER, aware INTEGER, seconds REAL, size INTEGER, "
    "created REAL, used REAL, expires REAL, priority REAL) WITHOUT ROWID",
    "CREATE INDEX claim_by_call ON claim (function, arguments)",
    "CREATE INDEX claim_by_priority ON claim (priority)",
    "CREATE TABLE description (slot BLOB PRIMARY KEY, packed BLOB) WITHOUT ROWID",
    "CREATE TABLE tombstone (id INTEGER PRIMARY KEY AUTOINCREMENT, slot BLOB UNIQUE, reason TEXT)",
    "CREATE TABLE counter (function TEXT, name TEXT, value NUMERIC, "
    "PRIMARY KEY (function, name)) WITHOUT ROWID",
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
)

LOCKED, CORRUPT, GONE = "locked", "corrupt", "gone"

_CODES = {
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_PROTOCOL: LOCKED,
    sqlite3.SQLITE_CORRUPT: CORRUPT,
    sqlite3.SQLITE_NOTADB: CORRUPT,
    sqlite3.SQLITE_FORMAT: CORRUPT,
    sqlite3.SQLITE_MISMATCH: CORRUPT,
    sqlite3.SQLITE_CONSTRAINT: CORRUPT,
    sqlite3.SQLITE_ERROR: CORRUPT,  # "no such table": a damaged schema
    sqlite3.SQLITE_CANTOPEN: GONE,
    sqlite3.SQLITE_IOERR: GONE,
    sqlite3.SQLITE_READONLY: GONE,
    sqlite3.SQLITE_FULL: "full",
}


#: What reading a damaged index may raise: a message that quotes damaged text is no UTF-8.
ERRORS = (sqlite3.Error, UnicodeDecodeError)


class NewerIndexError(Exception):
    """The index was made by a version of the cache that came after this one."""


class DamagedIndexError(sqlite3.DatabaseError):
    """The schema is not what any version of the cache has written."""


class MovedIndexError(Exception):
    """The index was moved away, or replaced, between opening it and beginning to write."""


def create(cursor: sqlite3.Cursor) -> None:
    """Make the tables of an empty index."""
    for statement in _TABLES:
        cursor.execute(statement)
    cursor.executemany(
        "INSERT INTO meta VALUES (?, ?)",
        [("format", f"afml-cache index {FORMAT}"), ("total", 0), ("inflation", 0.0)],
    )


def is_current(cursor: sqlite3.Cursor) -> bool:
    """Whether the index is ours; False when it is empty.

    Raises
    ------
    NewerIndexError, DamagedIndexError
        It is of a later version; it is nothing that we know.
    """
    found = {sql for (sql,) in cursor.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL")}
    found.discard("CREATE TABLE sqlite_sequence(name,seq)")
    if not found:
        return False
    try:
        row = cursor.execute("SELECT value FROM meta WHERE name='format'").fetchone()
    except ERRORS as error:
        if cause_of(error) == LOCKED:
            raise
        row = None
    known = re.fullmatch(r"afml-cache index ([1-9][0-9]{0,3})", str(row[0]) if row else "")
    if known and int(known[1]) > FORMAT:
        raise NewerIndexError(f"its index has format {known[1]}, known here is {FORMAT}")
    if not known or found != set(_TABLES):
        raise DamagedIndexError("its tables are not those of this cache")
    return True


def cause_of(error: BaseException) -> str | None:
    """One word for a fault of the store; None for anything else."""
    if isinstance(error, UnavailableError):
        return error.cause
    if isinstance(error, DamagedIndexError | UnicodeDecodeError):
        return CORRUPT
    if isinstance(error, MovedIndexError | sqlite3.ProgrammingError):
        return GONE  # or the connection was closed by another thread
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        return "sqlite" if code is None else _CODES.get(code & 0xFF, "sqlite")
    if isinstance(error, OSError):
        return "directory"
    return None
