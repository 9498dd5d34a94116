"""What is done to a store now and then: limits enforced, leftovers removed, the index compacted."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from afml_cache.errors import ClearingError
from afml_cache.store import evict, notes
from afml_cache.store.claims import UnavailableError
from afml_cache.store.store import Store
from afml_cache.store.sweep import Sweeper


@dataclass(frozen=True, slots=True)
class Freed:
    """What was removed for good.

    Parameters
    ----------
    entries, bytes : int
    functions : dict of str to (int, int)
        Entries and bytes, by function.
    """

    entries: int = 0
    bytes: int = 0
    functions: dict[str, tuple[int, int]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.entries > 0

    def __str__(self) -> str:
        return f"{self.entries:,} entries ({self.bytes / 1e6:,.1f} MB)"


def drop_expired(store: Store, age_limit: float | None) -> Freed:
    """Remove everything past its time or not used for ``age_limit`` seconds.

    Raises
    ------
    ClearingError
        The store cannot be written to.
    """

    def work(cursor: sqlite3.Cursor) -> list[str]:
        files: list[str] = []
        now = time.time()
        while True:
            before = cursor.execute("SELECT count(*) FROM claim").fetchone()
            files += evict.drop_expired(cursor, now, age_limit)
            if cursor.execute("SELECT count(*) FROM claim").fetchone() == before:
                return files

    return _freed_by(store, work)


def make_room(store: Store, size_limit: int) -> Freed:
    """Evict what is cheapest to compute again a megabyte, until the entries fit.

    What was cleared and can be restored gets the room that is left; the oldest goes first.

    Parameters
    ----------
    size_limit : int
        Bytes.

    Raises
    ------
    ClearingError
        The store cannot be written to.
    """
    freed = _freed_by(store, lambda cursor: evict.make_room(cursor, size_limit, time.time()))
    live = sum(size for _, size in store.sizes().values())
    store._intake.make_room_beside(size_limit - live)
    return freed


def remove_leftovers(store: Store) -> Freed:
    """Remove what killed processes left behind: half-written files, files without a row.

    Files younger than an hour are left alone: somebody may be about to name them.
    """
    _refuse_read_only(store)
    sizes: list[int] = []
    sweeper = Sweeper(store._flights)
    if store._vault.directory.is_dir():
        for folder in sorted(store._vault.directory.iterdir()):
            if folder.is_dir():
                sweeper.sweep(folder, store._index, sizes.append)
    return Freed(len(sizes), sum(sizes))


def compact(store: Store) -> int:
    """Give the room of removed rows back to the disk; returns the bytes that were freed.

    Raises
    ------
    ClearingError
        The store cannot be written to.
    """
    _refuse_read_only(store)
    index = store._index
    if not index.path.exists():
        return 0

    def work(cursor: sqlite3.Cursor) -> tuple[int, int]:
        index._refuse_unless_writable()
        pages = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        before = cursor.execute(pages).fetchone()[0]
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        return before, cursor.execute(pages).fetchone()[0]

    try:
        before, after = index.read(work)
    except UnavailableError as down:
        raise ClearingError(f"The index was not compacted. {down.detail}") from down
    return max(int(before) - int(after), 0)


_SIZES = "SELECT function, count(*), total(size) FROM claim GROUP BY function"


def _freed_by(store: Store, removal: Callable[[sqlite3.Cursor], list[str]]) -> Freed:
    _refuse_read_only(store)
    if not store._index.path.exists():
        return Freed()
    store.flush()  # what was used a moment ago is not what goes first

    def work(cursor: sqlite3.Cursor) -> tuple[list[str], dict[str, tuple[int, int]]]:
        before = {name: (count, size) for name, count, size in cursor.execute(_SIZES)}
        files = removal(cursor)
        notes.sweep(cursor)
        after = {name: (count, size) for name, count, size in cursor.execute(_SIZES)}
        gone = {}
        for name, (count, size) in before.items():
            left = after.get(name, (0, 0))
            if left[0] != count:
                gone[str(name)] = count - left[0], int(size - left[1])
        return files, gone

    try:
        files, gone = store._index.write(work)
    except UnavailableError as down:
        raise ClearingError(f"Nothing was removed. {down.detail}") from down
    store._vault.discard(files)
    return Freed(
        sum(count for count, _ in gone.values()), sum(size for _, size in gone.values()), gone
    )


def _refuse_read_only(store: Store) -> None:
    if store.read_only:
        raise ClearingError(
            f"nothing is removed from the cache {store.directory} in mode 'readonly'; "
            "configure(mode='on') first"
        )
