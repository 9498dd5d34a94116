"""Reading what the dashboard shows out of a cache, without writing a byte there.

The cache is opened read-only, anew for every look. Where its index has no log beside it, SQLite
then reads the file without locks; a look during which the file changed is taken again.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from afml_cache import settings
from afml_cache.cache_monitoring import get_cache_monitor, get_comprehensive_cache_status
from afml_cache.dashboard.advice import Commands
from afml_cache.dashboard.shown import Hour, Shown, shown_of
from afml_cache.errors import CacheWarning
from afml_cache.store.active import use_store
from afml_cache.store.foresight import first_to_go, unused_for
from afml_cache.store.hours import KEPT
from afml_cache.store.store import Store

INDEX = "index.sqlite"
#: Looks that are taken at most, one after the other, while the index changes under them.
_TRIES = 3
#: Hours that are shown: the first of these that all calls lie in.
SPANS = (24, 7 * 24, KEPT)
#: As long as a function has to go without a call to be called stale.
_LONG = 30 * 86_400.0

#: The store in use is one for the whole process, so one thread looks at a time.
_one_at_a_time = threading.Lock()


def look(directory: Path) -> Shown:
    """What there is to show of the cache in a directory, now."""
    with _one_at_a_time:
        for _ in range(_TRIES):
            before = _stamp(directory)
            shown = _look(directory)
            if _stamp(directory) == before:
                break
        return shown


def _look(directory: Path) -> Shown:
    current = settings.current
    with (
        _nothing_said_of_a_missing_index(directory),
        Store(
            directory,
            secret=current.secret,
            size_limit=current.size_limit,
            age_limit=current.age_limit,
            read_only=True,
        ) as store,
        use_store(store),
    ):
        status = get_comprehensive_cache_status()
        hours = _hours()
        expired, going = first_to_go(store, store.size_limit)
        unused = unused_for(store, _LONG)
        stored = {name: entries for name, (entries, _) in store.sizes().items()}
    commands = Commands(str(directory))
    return shown_of(status, hours, expired, going, unused, stored=stored, commands=commands)


@contextmanager
def _nothing_said_of_a_missing_index(directory: Path) -> Iterator[None]:
    """Where joblib alone has results, nothing is wrong: the store has not been used yet."""
    with warnings.catch_warnings():
        if not (directory / INDEX).exists():
            warnings.simplefilter("ignore", CacheWarning)
        yield


def _hours() -> list[Hour]:
    frame = get_cache_monitor().get_time_series_analysis(None, KEPT)
    busy = frame["calls"].to_numpy().nonzero()[0]
    needed = KEPT - int(busy[0]) if len(busy) else 0
    if not needed:
        return []
    span = next(span for span in SPANS if span >= needed)
    shown = frame.tail(span)
    columns = (shown[name].tolist() for name in ("calls", "hits", "misses", "hit_rate"))
    return [
        Hour(start.isoformat(), calls, hits, misses, rate if calls else None)
        for start, calls, hits, misses, rate in zip(shown.index, *columns, strict=True)
    ]


def _stamp(directory: Path) -> tuple[int, int, int] | None:
    try:
        status = (directory / INDEX).stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
