"""Counters by the hour, kept in the table of all counters under names that tell the hour.

The table holds any name, and an older version of the cache passes over those it does not know:
no index has to be made anew for them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

HOUR = 3600  #: seconds
#: How long an hour's counters are kept, in hours.
KEPT = 31 * 24

_PREFIX = "hour:"
#: What of a call is also counted by the hour.
COUNTED = frozenset({"hits", "adopted", "computed", "seconds_computed", "seconds_saved"})

#: A condition of SQL for the counters that are not of an hour.
NOT_HOURLY = "NOT (name >= 'hour:' AND name < 'hour;')"


@dataclass(slots=True)
class HourCounters:
    """How the calls of one function went within one hour."""

    hits: int = 0
    adopted: int = 0
    computed: int = 0
    seconds_computed: float = 0.0
    seconds_saved: float = 0.0

    @property
    def calls(self) -> int:
        """All calls."""
        return self.hits + self.adopted + self.computed

    @property
    def hit_rate(self) -> float | None:
        """Share of calls that did not run the function; None when there was no call."""
        return (self.hits + self.adopted) / self.calls if self.calls else None

    def add(self, more: HourCounters) -> None:
        """Add the counters of another function."""
        for name in COUNTED:
            setattr(self, name, getattr(self, name) + getattr(more, name))


def hour_of(when: float) -> int:
    """The hours since the epoch at a time, in seconds since the epoch."""
    return int(when // HOUR)


def with_hours(counts: Iterable[tuple[str, float]], when: float) -> Iterator[tuple[str, float]]:
    """Counts, and those of them that are also counted by the hour."""
    hour = hour_of(when)
    for name, value in counts:
        yield name, value
        if name in COUNTED:
            yield hour_name(hour, name), value


def hour_name(hour: int, name: str) -> str:
    """What a counter of an hour is called; names sort as their hours do."""
    return f"{_PREFIX}{hour:08d}:{name}"


def by_hour(counts: Iterable[tuple[str, float]]) -> dict[int, HourCounters]:
    """Hour -> its counters; other names are passed over, and so are damaged ones."""
    found: dict[int, HourCounters] = {}
    for name, value in counts:
        hour, _, what = name.removeprefix(_PREFIX).partition(":")
        if name.startswith(_PREFIX) and what in COUNTED and hour.isascii() and hour.isdigit():
            counters = found.setdefault(int(hour), HourCounters())
            more = float(value) if what.startswith("seconds") else int(value)
            setattr(counters, what, getattr(counters, what) + more)
    return found


def select_hours(cursor: sqlite3.Cursor, function: str) -> list[tuple[str, float]]:
    """The counters of one function's hours."""
    query = (
        "SELECT name, value FROM counter WHERE function=? AND name >= 'hour:' AND name < 'hour;'"
    )
    return [
        (name, value)
        for name, value in cursor.execute(query, (function,))
        if isinstance(name, str) and isinstance(value, int | float)
    ]


def forget_old(cursor: sqlite3.Cursor, now: float) -> None:
    """Remove the counters of hours that are no longer kept."""
    oldest = hour_name(hour_of(now) - KEPT, "")
    cursor.execute("DELETE FROM counter WHERE name >= 'hour:' AND name < ?", (oldest,))
