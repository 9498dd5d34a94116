"""Making room: which entries go when the store is over its limits.

The order is GreedyDual-Size (Cao and Irani, "Cost-Aware WWW Proxy Caching Algorithms",
USITS 1997): an entry ranks ``H = L + seconds / megabytes``; the lowest goes first, and
``L`` rises to the rank of what went. An entry gets a new rank when it is used, so one
that is dear to recompute but long unused is overtaken by cheaper ones in use.
"""

from __future__ import annotations

import sqlite3

from afml_cache.outcomes import Reason
from afml_cache.store import notes
from afml_cache.store.rows import inflation, remove, total_size

#: Eviction goes on down to this part of the limit, so that not every put has to evict.
DOWN_TO = 0.9
_AT_ONCE = 64
#: Seconds between two looks for what has expired, which reads every row; with an age limit, a
#: tenth of it at most.
_EXPIRED_DROPPED_EVERY = 3600.0
#: A put does not wait for more; the rest are misses all the same, and go with the next one.
_EXPIRED_AT_ONCE = 2_000


def make_room(cursor: sqlite3.Cursor, limit: int, now: float) -> list[str]:
    """Evict until the entries fit; returns the files that are no longer needed.

    Parameters
    ----------
    limit : int
        Bytes. Nothing happens below it.
    now : float
        Seconds since the epoch; entries that have expired go before any other.
    """
    total = total_size(cursor)
    if total <= limit:
        return []
    files = drop_expired(cursor, now, None)
    level = inflation(cursor)
    while (total := total_size(cursor)) > limit * DOWN_TO:
        lowest = cursor.execute(
            "SELECT slot, size, priority FROM claim ORDER BY priority LIMIT ?", (_AT_ONCE,)
        ).fetchall()
        if not lowest:
            cursor.execute("UPDATE meta SET value=0 WHERE name='total'")
            break
        going = []
        for slot, size, priority in lowest:
            if total <= limit * DOWN_TO:
                break
            going.append(slot)
            # Damaged numbers must not keep the rest from being evicted.
            total -= size if isinstance(size, int) else 0
            level = max(level, priority) if isinstance(priority, float) else level
        files += remove(cursor, going, Reason.EVICTED, limit)
    cursor.execute("UPDATE meta SET value=? WHERE name='inflation'", (level,))
    return files


def drop_expired_now_and_then(
    cursor: sqlite3.Cursor, now: float, age_limit: float | None
) -> list[str]:
    """Remove what has expired, and notes of no use, unless some process did it a while ago."""
    every = _EXPIRED_DROPPED_EVERY
    if age_limit is not None:
        every = min(every, age_limit / 10)
    row = cursor.execute("SELECT value FROM meta WHERE name='expired_dropped'").fetchone()
    if row and isinstance(row[0], float) and now - every < row[0] <= now:
        return []
    expired = _expired(cursor, now, age_limit)
    if len(expired) < _EXPIRED_AT_ONCE:
        cursor.execute("INSERT OR REPLACE INTO meta VALUES ('expired_dropped', ?)", (now,))
    files = remove(cursor, expired, Reason.EXPIRED)
    notes.sweep(cursor)
    return files


def drop_expired(cursor: sqlite3.Cursor, now: float, age_limit: float | None) -> list[str]:
    """Remove some of what is past its time or was not used for ``age_limit`` seconds."""
    return remove(cursor, _expired(cursor, now, age_limit), Reason.EXPIRED)


def _expired(cursor: sqlite3.Cursor, now: float, age_limit: float | None) -> list[bytes]:
    oldest = float("-inf") if age_limit is None else now - age_limit
    found = cursor.execute(
        "SELECT slot FROM claim WHERE expires <= ? OR used < ? LIMIT ?",
        (now, oldest, _EXPIRED_AT_ONCE),
    )
    return [slot for (slot,) in found.fetchall()]
