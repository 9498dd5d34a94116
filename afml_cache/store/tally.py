"""Counting without writing: numbers pile up in memory and are written as differences.

A hit adds to plain attributes. What has piled up is written together with the next
put, or now and then; processes add up, because each writes only what it counted itself.
Hits that have piled up are counted in the hour of the last writing: the first look-up after a
pause writes them before it is itself counted, so they came within seconds of that.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from enum import Enum
from typing import TypeVar

from afml_cache.outcomes import Outcome, Reason
from afml_cache.store.claims import Counters, UnavailableError
from afml_cache.store.hours import (
    NOT_HOURLY,
    HourCounters,
    by_hour,
    forget_old,
    hour_of,
    select_hours,
    with_hours,
)
from afml_cache.store.index import Index
from afml_cache.store.pending import REASON, Pending, Tally, counts_of
from afml_cache.store.price import Price, Priced, price
from afml_cache.store.rows import LAST, WORTH, add_counter, inflation
from afml_cache.store.worth import Worth

T = TypeVar("T")

#: Seconds between two writings, and the share of all time that they may take.
_EVERY = 2.0
_SHARE = 0.03

#: Prices that are remembered of entries that somebody may clear before their hits are written.
_PRICES = 10_000

_FAULT = "fault:"
#: Faults belong to the store, not to a function.
_NOBODY = ""


#: Counters that are whole numbers, and that are sums of seconds, as `Counters` has them.
_WHOLE = frozenset(
    {
        "hits",
        "adopted",
        "computed",
        "computed_untimed",
        "hits_timed",
        "hits_unpriced",
        "misses_timed",
        "raised",
    }
)
_SECONDS = frozenset(
    {"seconds_computed", "seconds_saved", "hit_seconds", "miss_seconds", "adopt_seconds"}
)


class Written(Enum):
    """What became of pending counters."""

    ALL = "all"
    NOTHING = "nothing"  #: there was none
    LATER = "later"  #: the index cannot be written now
    NEVER = "never"  #: there is no index to write to


class Ledger:
    """All counting of one store in this process.

    Attributes
    ----------
    touched : defaultdict
        Hits by slot since the last writing; the store adds to it on each.
    due : float
        When, by the monotonic clock, what has piled up should be written by the next caller, if
        nobody else has.
    pause : float
        Seconds between two writings at least, so that they take a small share of all time.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self.touched: defaultdict[bytes, int] = defaultdict(int)
        self.due = self.pause = 0.0
        # Held while what is pending is written and taken off: nothing is written twice.
        self._writing = threading.RLock()
        self._guard = threading.Lock()
        self._counts: defaultdict[tuple[str, str], float] = defaultdict(int)
        self._last: dict[str, float] = {}
        self._tallies: dict[str, Tally] = {}
        self._since = time.time()
        self._pruned = 0  #: the hour in which old hours were last forgotten
        self._prices: dict[bytes, Price] = {}
        self.worth = Worth(index.base)

    def tally(self, function: str) -> Tally:
        """The tally of a function; always the same object."""
        return self._tallies.setdefault(function, Tally())

    def count(
        self,
        function: str,
        outcome: Outcome,
        reason: Reason | None,
        seconds: float,
        took: float | None = None,
    ) -> None:
        """Count one call.

        ``seconds`` were spent when it computed, saved otherwise; a hit ``took`` so long.
        """
        now = time.time()
        with self._guard:
            for name, value in with_hours(counts_of(outcome, reason, seconds, took), now):
                self._counts[function, name] += value
            self._last[function] = now
            if outcome is Outcome.HIT and took is not None and seconds:
                self.worth.add(
                    function,
                    hits=1,
                    spent=took,
                    saved=seconds,
                    longest=took,
                    thread=threading.get_ident(),
                )

    def miss(self, function: str, asked: float, computed: float, beside: float) -> None:
        """Count what a miss took: until it was one, computing, and all that is not computing."""
        with self._guard:
            self._counts[function, "misses_timed"] += 1
            self._counts[function, "miss_seconds"] += beside
            self.worth.add(
                function,
                misses=1,
                spent=asked,
                saved=computed,
                longest=asked,
                thread=threading.get_ident(),
            )

    def spend(self, function: str, seconds: float) -> None:
        """Count the time that adopting a result took."""
        with self._guard:
            self._counts[function, "adopt_seconds"] += seconds

    def count_raised(self, function: str) -> None:
        """Count that a computed call, counted by itself, raised."""
        with self._guard:
            self._counts[function, "raised"] += 1

    def fault(self, name: str) -> None:
        """Count one fault of the store."""
        with self._guard:
            self._counts[_NOBODY, _FAULT + name] += 1

    def write_with(self, work: Callable[[sqlite3.Cursor], T], now: float) -> T:
        """Write what is pending in one transaction with ``work``; raises as `Index.write`."""

        def both(cursor: sqlite3.Cursor) -> tuple[Priced, T]:
            return self._write(cursor, pending, now), work(cursor)

        with self._writing:
            pending = self._pending()
            priced, result = self._index.write(both)
            self._settle(pending, priced, now)
        self.tell()
        return result

    def write(self, patience: float | None = None) -> Written:
        """Write what is pending; what cannot be written now stays pending."""
        started, now = time.monotonic(), time.time()
        with self._writing:
            pending = self._pending()
            if not pending:
                self._since, written = now, Written.NOTHING
            # Counting alone does not bring back a store that somebody has removed.
            elif self._index.vanished():
                written = Written.NEVER
            else:
                written = self._try_to_write(pending, now, patience)
        finished = time.monotonic()
        self.pause = (finished - started) / _SHARE
        self.due = finished + max(_EVERY, self.pause)
        return written

    def _try_to_write(self, pending: Pending, now: float, patience: float | None) -> Written:
        try:
            priced = self._index.write(lambda cursor: self._write(cursor, pending, now), patience)
        except (UnavailableError, UnicodeError):
            return Written.LATER if self._index.writable else Written.NEVER
        self._settle(pending, priced, now)
        return Written.ALL

    def counters(self) -> dict[str, Counters]:
        """The counters of every function, with what has not been written yet."""
        result: defaultdict[str, Counters] = defaultdict(Counters)
        for function, name, value in self._all():
            if function == _NOBODY:
                continue
            counters = result[function]
            if name.startswith(REASON):
                reason = name.removeprefix(REASON)
                counters.reasons[reason] = counters.reasons.get(reason, 0) + int(value)
            elif name in _WHOLE:
                setattr(counters, name, getattr(counters, name) + int(value))
            elif name in _SECONDS:
                setattr(counters, name, getattr(counters, name) + float(value))
            elif name == LAST:
                counters.last = max(counters.last or 0.0, float(value))
        return dict(result)

    def hours(self, function: str) -> dict[int, HourCounters]:
        """Hours since the epoch -> the counters of one function, with those not written yet."""
        with self._writing:
            pending = self._pending()
            counts = [(n, value) for f, n, value in pending.counters() if f == function]

            def look(cursor: sqlite3.Cursor) -> list[tuple[str, float]]:
                saved = self._priced(cursor, pending).saved.get(function, 0.0)
                waiting = with_hours([("seconds_saved", saved)] if saved else [], pending.since)
                return [*waiting, *select_hours(cursor, function)]

            if not self._index.absent():
                with contextlib.suppress(UnavailableError, UnicodeError):
                    counts += self._index.read(look)
        return by_hour(counts)

    def faults(self) -> dict[str, int]:
        """The faults of the store, with those not written yet."""
        result: defaultdict[str, int] = defaultdict(int)
        for function, name, value in self._all():
            if function == _NOBODY and name.startswith(_FAULT):
                result[name.removeprefix(_FAULT)] += int(value)
        return dict(result)

    def _all(self) -> list[tuple[str, str, float]]:
        with self._writing:
            pending = self._pending()
            counts = list(pending.counters())
            if not self._index.absent():
                with contextlib.suppress(UnavailableError, UnicodeError):
                    counts += self._index.read(
                        lambda cursor: [
                            *self._priced(cursor, pending).counters(),
                            *_written(cursor),
                        ]
                    )
            return counts

    def _pending(self) -> Pending:
        with self._guard:
            counts, last = dict(self._counts), dict(self._last)
        hits, timed = {}, {}
        for function, tally in list(self._tallies.items()):
            more = tally.hits - tally.written
            if more:
                hits[function] = more
                last[function] = max(last.get(function, 0.0), self._since)
                newly = tally.seconds - tally.seconds_written
                if newly > 0.0:
                    timed[function] = (more, newly)
        return Pending(counts, last, hits, timed, dict(self.touched), self._since)

    def _write(self, cursor: sqlite3.Cursor, pending: Pending, now: float) -> Priced:
        """Write what is pending; returns what its hits were worth."""
        for function, name, value in pending.counters():
            add_counter(cursor, function, name, value)
        hour = hour_of(now)
        if self._pruned != hour:
            forget_old(cursor, now)
            self._pruned = hour
        if not pending.touched:
            return Priced({}, {})
        level, priced = inflation(cursor), self._priced(cursor, pending)
        for function, name, value in priced.counters():
            for hourly, part in with_hours([(name, value)], pending.since):
                add_counter(cursor, function, hourly, part)
        cursor.executemany(
            f"UPDATE claim SET used=?, priority=? + {WORTH} WHERE slot=?",
            [(now, level, slot) for slot in pending.touched],
        )
        return priced

    def _priced(self, cursor: sqlite3.Cursor, pending: Pending) -> Priced:
        """What the pending hits were worth, by the entries that are there and those that were."""
        priced = price(cursor, pending.touched, pending.hits, self._prices)
        if len(self._prices) > _PRICES:
            self._prices.clear()
        return priced

    def _settle(self, written: Pending, priced: Priced, now: float) -> None:
        self._since = now
        with self._guard:
            for function, when in written.last.items():
                if self._last.get(function, now) <= when:
                    self._last.pop(function, None)
            for key, value in written.counts.items():
                self._counts[key] -= value
                if not self._counts[key]:
                    del self._counts[key]
        for function, more in written.hits.items():
            self._tallies[function].written += more
        for function, (_, seconds) in written.timed.items():
            self._tallies[function].seconds_written += seconds
        touched = self.touched
        for slot, times in written.touched.items():
            touched[slot] -= times
            if touched[slot] <= 0:
                del touched[slot]
        with self._guard:
            for function, (hits, seconds) in written.timed.items():
                judged = hits - priced.unpriced.get(function, 0)
                self.worth.add(
                    function,
                    hits=judged,
                    spent=seconds * judged / hits,
                    saved=priced.saved.get(function, 0.0),
                    longest=self._tallies[function].longest,
                )

    def tell(self) -> None:
        """Warn, once each, of functions whose calls cost more than they save."""
        if self.worth.untold:
            self.worth.tell()

    def after_fork(self) -> None:
        """In a child: what has piled up is the parent's to write."""
        self._writing, self._guard = threading.RLock(), threading.Lock()
        self._counts.clear()
        self._last.clear()
        self.touched.clear()
        self._since = time.time()
        for tally in self._tallies.values():
            tally.written = tally.hits
            tally.seconds_written = tally.seconds


def write_call(
    cursor: sqlite3.Cursor, function: str, outcome: Outcome, reason: Reason | None, seconds: float
) -> None:
    """Count one call at once, within the transaction that stores its result."""
    now = time.time()
    for name, value in with_hours(counts_of(outcome, reason, seconds, None), now):
        add_counter(cursor, function, name, value)
    add_counter(cursor, function, LAST, now)


def _written(cursor: sqlite3.Cursor) -> list[tuple[str, str, float]]:
    return [
        (function, name, value)
        for function, name, value in cursor.execute(
            f"SELECT function, name, value FROM counter WHERE {NOT_HOURLY}"
        )
        if isinstance(function, str) and isinstance(name, str) and isinstance(value, int | float)
    ]
