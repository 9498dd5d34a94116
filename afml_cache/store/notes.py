"""Notes: what the descriptions of many entries refer to by a digest, kept once.

A description names each part of the code by the digest of that part; the note of the digest says
what the part looked like. Notes lie in the table of descriptions, under keys that no slot has, so
that an older version of the cache goes on working beside them. One row a code says which notes
belong to it: while any entry is of that code, they stay.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from afml_cache.store.claims import Notes
from afml_cache.store.valuefile import pack_record

_NOTE = b"note"
_CODE = b"code"
_SIZE = 16

_FIND = "SELECT packed FROM description WHERE slot=?"
_KEEP = "INSERT OR IGNORE INTO description VALUES (?, ?)"
_REPLACE = "INSERT OR REPLACE INTO description VALUES (?, ?)"
_OF_KIND = "SELECT slot, packed FROM description WHERE slot BETWEEN ? AND ? AND length(slot) = 20"


def lacking(cursor: sqlite3.Cursor, code: bytes, notes: Notes) -> list[bytes]:
    """The notes that are not kept yet as those of a code."""
    row = cursor.execute(_FIND, (_CODE + code,)).fetchone()
    if row and row[0] == notes.joined:
        return []
    known = set(_cut(row[0])) if row else set()
    return [digest for digest in notes.made if digest not in known]


def packed(notes: Notes, wanted: Iterable[bytes]) -> dict[bytes, bytes]:
    """Some notes as they are kept."""
    return {digest: pack_record(dict(notes.made[digest]())) for digest in wanted}


def keep(cursor: sqlite3.Cursor, code: bytes, notes: Notes, made: dict[bytes, bytes]) -> None:
    """Keep the notes of a code; ``made`` are those that were lacking a moment ago."""
    absent = lacking(cursor, code, notes)
    if absent:
        # Somebody may have removed notes since; that is seldom, and made up for in here.
        made |= packed(notes, [digest for digest in absent if digest not in made])
        _write(cursor, code, {digest: made[digest] for digest in absent})


def _write(cursor: sqlite3.Cursor, code: bytes, made: Mapping[bytes, bytes]) -> None:
    if not made or len(code) != _SIZE:
        return
    cursor.executemany(_KEEP, [(_NOTE + digest, note) for digest, note in made.items()])
    together = _notes_of(cursor, code) | made.keys()
    cursor.execute(_REPLACE, (_CODE + code, b"".join(sorted(together))))


def find(cursor: sqlite3.Cursor, digest: bytes) -> bytes | None:
    """One note, packed; None where it is not kept."""
    row = cursor.execute(_FIND, (_NOTE + digest,)).fetchone()
    return row[0] if row and isinstance(row[0], bytes) else None


def copy(source: sqlite3.Cursor, target: sqlite3.Cursor, codes: Iterable[bytes]) -> None:
    """Keep the notes of some codes in another index, too."""
    for code in set(codes):
        made = {}
        for digest in _notes_of(source, code):
            note = find(source, digest)
            if note is not None:
                made[digest] = note
        _write(target, code, made)


def codes(cursor: sqlite3.Cursor) -> list[bytes]:
    """The codes that an index has notes of."""
    return [code for code, _ in _rows(cursor, _CODE)]


def sweep(cursor: sqlite3.Cursor) -> int:
    """Remove the notes of code that no entry is of any more; returns how many."""
    kept = list(_rows(cursor, _CODE))
    if not kept:
        return 0
    live = {code for (code,) in cursor.execute("SELECT DISTINCT code FROM claim")}
    gone = [code for code, _ in kept if code not in live]
    if not gone:
        return 0
    needed = {digest for code, parts in kept if code in live for digest in _cut(parts)}
    unneeded = {digest for code, parts in kept if code not in live for digest in _cut(parts)}
    unneeded -= needed
    remove = "DELETE FROM description WHERE slot=?"
    cursor.executemany(remove, [(_CODE + code,) for code in gone])
    cursor.executemany(remove, [(_NOTE + digest,) for digest in unneeded])
    return len(unneeded)


def _notes_of(cursor: sqlite3.Cursor, code: bytes) -> set[bytes]:
    row = cursor.execute(_FIND, (_CODE + code,)).fetchone()
    return set(_cut(row[0])) if row else set()


def _rows(cursor: sqlite3.Cursor, kind: bytes) -> Iterator[tuple[bytes, Any]]:
    bounds = kind, kind + b"\xff" * (_SIZE + 1)
    # A slot may happen to begin so, but it is longer.
    for key, value in cursor.execute(_OF_KIND, bounds).fetchall():
        yield key[len(kind) :], value


def _cut(parts: Any) -> Iterator[bytes]:
    """The digests that a row of a code consists of; none where it is damaged."""
    if isinstance(parts, bytes):
        for start in range(0, len(parts) - _SIZE + 1, _SIZE):
            yield parts[start : start + _SIZE]
