"""When entries were removed, and by which limit: a short log of the last removals.

A tombstone says why one entry is gone. Tombstones are numbered, and what is removed at once has
numbers that follow each other; so a line for each removal tells the time of all its entries.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from typing import Any

from afml_cache.store.claims import BadEntryError
from afml_cache.store.valuefile import pack_record, unpack_record

#: Among the descriptions, under a key that no slot has.
_KEY = b"removals"
#: So many removals are remembered.
REMEMBERED = 300
#: Removals for one reason so soon after each other are one line.
_TOGETHER = 1.0


@dataclass(frozen=True, slots=True)
class Removal:
    """When an entry was removed (seconds since the epoch), and for which size limit (bytes)."""

    when: float
    limit: int | None = None


def log(
    cursor: sqlite3.Cursor, first: int, last: int, reason: str, limit: int | None = None
) -> None:
    """Remember that the tombstones from ``first`` to ``last`` were put up just now."""
    lines = _lines(cursor)
    now = time.time()
    previous = lines[-1] if lines else None
    if (
        previous is not None
        and previous[1] + 1 == first
        and previous[3:] == [reason, limit]
        and 0 <= now - previous[2] < _TOGETHER
    ):
        previous[1] = last
    else:
        lines.append([first, last, now, reason, limit])
    cursor.execute(
        "INSERT OR REPLACE INTO description VALUES (?, ?)",
        (_KEY, pack_record({"removals": lines[-REMEMBERED:]})),
    )


def removal_of(cursor: sqlite3.Cursor, slot: bytes) -> Removal | None:
    """When the entry of a slot was removed; None where that is not known (any more)."""
    row = cursor.execute("SELECT id, reason FROM tombstone WHERE slot=?", (slot,)).fetchone()
    if row is None:
        return None
    for first, last, when, reason, limit in reversed(_lines(cursor)):
        if first <= row[0] <= last and reason == row[1]:
            return Removal(float(when), None if limit is None else int(limit))
    return None


def _lines(cursor: sqlite3.Cursor) -> list[list[Any]]:
    row = cursor.execute("SELECT packed FROM description WHERE slot=?", (_KEY,)).fetchone()
    if row is None:
        return []
    try:
        lines = unpack_record(row[0])["removals"]
    except (BadEntryError, KeyError, TypeError):  # damaged: begun anew
        return []
    return [line for line in lines if isinstance(line, list) and len(line) == 5]
