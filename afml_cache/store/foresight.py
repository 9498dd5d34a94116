"""What limits of size and age would remove, and what would go first; nothing is removed.

For limits that a person names it is removed, and the transaction taken back. What goes first is
only read, so that it can be looked at again and again while others store results.
"""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass

from afml_cache.errors import ClearingError
from afml_cache.store import cleared as aside
from afml_cache.store import evict
from afml_cache.store.claims import UnavailableError
from afml_cache.store.cleared import Cleared
from afml_cache.store.rows import total_size
from afml_cache.store.store import Store
from afml_cache.store.upkeep import Freed

_SIZES = "SELECT function, count(*), total(size) FROM claim GROUP BY function"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What limits would remove for good.

    Parameters
    ----------
    expired, evicted : Freed
        Entries that are past their time or were not used for too long; and over the size limit.
    outdated, cleared : tuple of Cleared
        What was cleared and cannot be restored any more; and what could still be, and would have
        to make room.
    """

    expired: Freed
    evicted: Freed
    outdated: tuple[Cleared, ...]
    cleared: tuple[Cleared, ...]

    def __bool__(self) -> bool:
        return bool(self.expired or self.evicted or self.outdated or self.cleared)


class _TakenBackError(Exception):
    """Ends the transaction without writing anything; carries what would have gone."""

    def __init__(self, expired: Freed, evicted: Freed, live: int) -> None:
        super().__init__()
        self.found = expired, evicted, live


def would_free(store: Store, size_limit: int | None, age_limit: float | None) -> Foreseen:
    """What maintenance with these limits would remove; nothing is.

    Parameters
    ----------
    store : Store
    size_limit : int or None
        Bytes.
    age_limit : float or None
        Seconds.

    Raises
    ------
    ClearingError
        The store cannot be written to, so nothing could be removed either.
    """

    def work(cursor: sqlite3.Cursor) -> None:
        now = time.time()
        before = _sizes(cursor)
        while True:
            count = sum(entries for entries, _ in _sizes(cursor).values())
            evict.drop_expired(cursor, now, age_limit)
            after = _sizes(cursor)
            if count == sum(entries for entries, _ in after.values()):
                break
        if size_limit is not None:
            evict.make_room(cursor, size_limit, now)
        left = _sizes(cursor)
        live = sum(size for _, size in left.values())
        raise _TakenBackError(_gone(before, after), _gone(after, left), live)

    store.flush()  # what was used a moment ago is not what goes first
    try:
        store._index.write(work)
    except _TakenBackError as told:
        expired, evicted, live = told.found
    except UnavailableError as down:
        raise ClearingError(f"Nothing can be removed. {down.detail}") from down
    else:
        raise AssertionError("the transaction is always taken back")
    room = None if size_limit is None else size_limit - live
    outdated, cleared = aside.would_go(store.directory, room)
    return Foreseen(expired, evicted, tuple(outdated), tuple(cleared))


def first_to_go(store: Store, size_limit: int | None) -> tuple[Freed, Freed]:
    """What has expired, and what would be evicted after it once the size limit is reached.

    Parameters
    ----------
    store : Store
        It may be read-only.
    size_limit : int or None
        Bytes; where there is none, or it is far, what one eviction would take of a store that is
        full just now.

    Returns
    -------
    expired, evicted : Freed
        Both empty where the index cannot be read.
    """

    def look(cursor: sqlite3.Cursor) -> tuple[Freed, Freed]:
        now = time.time()
        expired = _added_up(
            cursor.execute("SELECT function, size FROM claim WHERE expires <= ?", (now,))
        )
        full = total_size(cursor)
        limit = full if size_limit is None else min(size_limit, full)
        ranked = cursor.execute(
            "SELECT function, size FROM claim WHERE expires IS NULL OR expires > ? "
            "ORDER BY priority",
            (now,),
        )
        return expired, _added_up(ranked, full - expired.bytes - limit * evict.DOWN_TO)

    return store._faults.ask(lambda: store._index.read(look), (Freed(), Freed()))


def unused_for(store: Store, seconds: float) -> Freed:
    """The results that were not used for so long, expired ones not counted.

    Parameters
    ----------
    store : Store
        It may be read-only.
    seconds : float
    """

    def look(cursor: sqlite3.Cursor) -> Freed:
        now = time.time()
        query = (
            "SELECT function, size FROM claim WHERE used < ? AND (expires IS NULL OR expires > ?)"
        )
        return _added_up(cursor.execute(query, (now - seconds, now)))

    return store._faults.ask(lambda: store._index.read(look), Freed())


def _added_up(rows: Iterable[tuple[object, object]], enough: float = math.inf) -> Freed:
    """Rows of function and size, until there are ``enough`` bytes."""
    functions: dict[str, tuple[int, int]] = {}
    taken = 0
    for function, size in rows:
        if taken >= enough:
            break
        bytes_of_one = size if isinstance(size, int) else 0  # damaged numbers count nothing
        count, before = functions.get(str(function), (0, 0))
        functions[str(function)] = count + 1, before + bytes_of_one
        taken += bytes_of_one
    return Freed(sum(count for count, _ in functions.values()), taken, functions)


def _sizes(cursor: sqlite3.Cursor) -> dict[str, tuple[int, int]]:
    return {str(name): (count, int(size)) for name, count, size in cursor.execute(_SIZES)}


def _gone(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> Freed:
    gone = {}
    for name, (count, size) in before.items():
        left = after.get(name, (0, 0))
        if left[0] != count:
            gone[name] = count - left[0], size - left[1]
    return Freed(sum(one[0] for one in gone.values()), sum(one[1] for one in gone.values()), gone)
