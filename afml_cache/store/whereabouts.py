"""What a store knows of a call: looked up, and nothing is changed by it."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from typing import Any

from afml_cache.store import cleared, rows
from afml_cache.store.claims import Entry, Missing
from afml_cache.store.cleared import INDEX, Cleared
from afml_cache.store.removals import Removal, removal_of
from afml_cache.store.store import Store


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What became of the result of one call, as far as it is known.

    ``entry`` is its own entry, which could not be used; ``others`` when results of the call were
    stored under other secrets, in seconds since the epoch; ``removal`` when it was removed;
    ``cleared`` the folder that it was moved to and can be restored from.
    """

    entry: Entry | None = None
    others: tuple[float, ...] = ()
    removal: Removal | None = None
    cleared: Cleared | None = None


def look(store: Store, digest: bytes) -> Any:
    """As :meth:`Store.get`, but it is no use of the entry."""
    answer = store.get(digest)
    if type(answer) is not Missing:
        slot = digest + store._ready().id
        store._touched[slot] -= 1
        if store._touched[slot] <= 0:
            del store._touched[slot]
    return answer


def whereabouts(store: Store, digest: bytes) -> Whereabouts:
    """Look up what became of a result."""

    def find() -> Whereabouts:
        slot = digest + store._ready().id
        if not (store.directory / INDEX).exists():  # asking would make the store anew
            return Whereabouts(cleared=_cleared(store, digest))

        def work(cursor: sqlite3.Cursor) -> tuple[tuple[float, ...], Removal | None]:
            found = cursor.execute(
                "SELECT created FROM claim WHERE slot BETWEEN ? AND ? AND slot != ?",
                (*rows.range_of(digest), slot),
            ).fetchall()
            times = tuple(when for (when,) in found if isinstance(when, float))
            return times, removal_of(cursor, slot)

        others, removal = store._index.read(work)
        entry = store.entry(digest)
        gone = _cleared(store, digest) if entry is None else None
        return Whereabouts(entry, others, removal, gone)

    return store._faults.ask(find, Whereabouts())


def _cleared(store: Store, digest: bytes) -> Cleared | None:
    """The folder that the result was moved to last."""
    slot = digest + store._ready().id
    for folder in reversed(cleared.folders(store.directory)):
        assert folder.path is not None
        path = folder.path / INDEX
        if not path.exists():
            continue
        # Nobody writes to it any more; one that cannot be read is `restore`'s to tell.
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(
                sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
            ) as index,
        ):
            if index.execute("SELECT 1 FROM entry WHERE slot=?", (slot,)).fetchone():
                return folder
    return None
