"""Counting without writing: numbers pile up in memory and are written as differences.

A hit adds one to a plain attribute. What has piled up is written together with the next
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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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
from afml_cache.store.rows import LAST, WORTH, add_counter, inflation
from afml_cache.store.worth import Worth

T = TypeVar("T")

#: Seconds between two writings, and the share of all time that they may take.
_EVERY = 2.0
_SHARE = 0.03

_NAMES = {Outcome.HIT: "hits", Outcome.ADOPTED: "adopted", Outcome.COMPUTED: "computed"}
#: Seconds; a hit that took longer was slow. After a slow one, each is timed until one is quick.
SLOW_HIT = 1e-4
_REASON = "reason:"
_FAULT = "fault:"
#: Faults belong to the store, not to a function.
_NOBODY = ""


#: Counters that are whole numbers, and that are sums of seconds, as `Counters` has them.
_WHOLE = frozenset(
    {"hits", "adopted", "computed", "computed_untimed", "hits_timed", "hits_unpriced", "raised"}
)
_SECONDS = frozenset({"seconds_computed", "seconds_saved", "hit_seconds", "adopt_seconds"})


class Tally:
    """The hits of one function in this process; the caller adds to ``hits`` itself.

    Attributes
    ----------
    hits, timed : int
        All hits; those that ``seconds`` tells of.
    seconds : float
        What the timed hits took, and what those between them are taken to have taken.
    """

    __slots__ = (
        "_quick",
        "hits",
        "seconds",
        "seconds_written",
        "timed",
        "timed_written",
        "written",
    )

    def __init__(self) -> None:
        self.hits = self.written = 0
        self.timed = self.timed_written = 0
        self.seconds = self.seconds_written = 0.0
        self._quick = 0.0  #: what the last quick one took

    def time(self, seconds: float) -> None:
        """Have a hit that was counted just now stand for all since the one timed before it.

        A slow one stands for itself alone: had those before it been slow, each had been timed.
        """
        hits = self.hits
        if seconds <= SLOW_HIT:
            self._quick = seconds
        self.seconds += seconds + self._quick * max(0, hits - self.timed - 1)
        self.timed = hits


@dataclass(frozen=True, slots=True)
class Pending:
    """What had piled up at one moment."""

    counts: Mapping[tuple[str, str], float]
    last: Mapping[str, float]
    hits: Mapping[str, int]
    timed: Mapping[str, tuple[int, float]]
    touched: Mapping[bytes, int]
    since: float  #: when the hits came, to within the seconds between two writings

    def __bool__(self) -> bool:
        return bool(self.counts or self.hits or self.touched or self.timed)

    def counters(self) -> Iterator[tuple[str, str, float]]:
        """Function, name and value of what is counted here, but for the seconds saved by hits."""
        for (function, name), value in self.counts.items():
            yield function, name, value
        for function, when in self.last.items():
            yield function, LAST, when
        for function, more in self.hits.items():
            for name, value in with_hours([("hits", more)], self.since):
                yield function, name, value
        for function, (hits, seconds) in self.timed.items():
            yield function, "hits_timed", hits
            yield function, "hit_seconds", seconds


class Ledger:
    """All counting of one store in this process.

    Attributes
    ----------
    touched : defaultdict
        Hits by slot since the last writing; the store adds to it on each.
    due : float
        When, by the monotonic clock, what has piled up should be written.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self.touched: defaultdict[bytes, int] = defaultdict(int)
        self.due = 0.0
        # Held while what is pending is written and taken off: nothing is written twice.
        self._writing = threading.RLock()
        self._guard = threading.Lock()
        self._counts: defaultdict[tuple[str, str], float] = defaultdict(int)
        self._last: dict[str, float] = {}
        self._tallies: dict[str, Tally] = {}
        self._since = time.time()
        self._pruned = 0  #: the hour in which old hours were last forgotten
        self._worth = Worth(index.base)

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
            for name, value in with_hours(_counts_of(outcome, reason, seconds, took), now):
                self._counts[function, name] += value
            self._last[function] = now

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

        saved: dict[str, float] = {}

        def both(cursor: sqlite3.Cursor) -> T:
            saved.update(self._write(cursor, pending, now))
            return work(cursor)

        with self._writing:
            pending = self._pending()
            result = self._index.write(both)
            self._settle(pending, saved, now)
            return result

    def write(self, patience: float | None = None) -> None:
        """Write what is pending; what cannot be written now stays pending."""
        started, now = time.monotonic(), time.time()
        with self._writing:
            pending = self._pending()
            # Counting alone does not bring back a store that somebody has removed.
            if pending and not self._index.vanished():
                with contextlib.suppress(UnavailableError, UnicodeError):
                    saved = self._index.write(
                        lambda cursor: self._write(cursor, pending, now), patience
                    )
                    self._settle(pending, saved, now)
            elif not pending:
                self._since = now
        finished = time.monotonic()
        self.due = finished + max(_EVERY, (finished - started) / _SHARE)

    def counters(self) -> dict[str, Counters]:
        """The counters of every function, with what has not been written yet."""
        result: defaultdict[str, Counters] = defaultdict(Counters)
        for function, name, value in self._all():
            if function == _NOBODY:
                continue
            counters = result[function]
            if name.startswith(_REASON):
                reason = name.removeprefix(_REASON)
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
                saved = _saved(cursor, pending).get(function, 0.0)
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
                    counts += self._index.read(lambda cursor: _written(cursor, pending))
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
            newly = tally.timed - tally.timed_written
            if newly:
                timed[function] = (newly, tally.seconds - tally.seconds_written)
        return Pending(counts, last, hits, timed, dict(self.touched), self._since)

    def _write(self, cursor: sqlite3.Cursor, pending: Pending, now: float) -> dict[str, float]:
        """Write what is pending; returns the seconds that its hits saved, by function."""
        for function, name, value in pending.counters():
            add_counter(cursor, function, name, value)
        hour = hour_of(now)
        if self._pruned != hour:
            forget_old(cursor, now)
            self._pruned = hour
        if not pending.touched:
            return {}
        level, saved = inflation(cursor), _saved(cursor, pending)
        for function, seconds in saved.items():
            for name, value in with_hours([("seconds_saved", seconds)], pending.since):
                add_counter(cursor, function, name, value)
        cursor.executemany(
            f"UPDATE claim SET used=?, priority=? + {WORTH} WHERE slot=?",
            [(now, level, slot) for slot in pending.touched],
        )
        return saved

    def _settle(self, written: Pending, saved: Mapping[str, float], now: float) -> None:
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
        for function, (hits, seconds) in written.timed.items():
            self._tallies[function].timed_written += hits
            self._tallies[function].seconds_written += seconds
        touched = self.touched
        for slot, times in written.touched.items():
            touched[slot] -= times
            if touched[slot] <= 0:
                del touched[slot]
        self._worth.add(written.timed, saved)

    def after_fork(self) -> None:
        """In a child: what has piled up is the parent's to write."""
        self._writing, self._guard = threading.RLock(), threading.Lock()
        self._counts.clear()
        self._last.clear()
        self.touched.clear()
        self._since = time.time()
        for tally in self._tallies.values():
            tally.written = tally.timed = tally.timed_written = tally.hits
            tally.seconds_written = tally.seconds


def write_call(
    cursor: sqlite3.Cursor, function: str, outcome: Outcome, reason: Reason | None, seconds: float
) -> None:
    """Count one call at once, within the transaction that stores its result."""
    now = time.time()
    for name, value in with_hours(_counts_of(outcome, reason, seconds, None), now):
        add_counter(cursor, function, name, value)
    add_counter(cursor, function, LAST, now)


def _counts_of(
    outcome: Outcome, reason: Reason | None, seconds: float, took: float | None
) -> Iterator[tuple[str, float]]:
    yield _NAMES[outcome], 1
    if reason is not None:
        yield _REASON + reason, 1
    if seconds:
        yield "seconds_computed" if outcome is Outcome.COMPUTED else "seconds_saved", seconds
    elif outcome is Outcome.COMPUTED:
        yield "computed_untimed", 1
    elif outcome is Outcome.HIT:
        yield "hits_unpriced", 1
    if took is not None:
        yield "hits_timed", 1
        yield "hit_seconds", took


def _saved(cursor: sqlite3.Cursor, pending: Pending) -> dict[str, float]:
    """Seconds of computation that the pending hits made unnecessary, by function."""
    total: defaultdict[str, float] = defaultdict(float)
    for slot, times in pending.touched.items():
        row = cursor.execute("SELECT function, seconds FROM claim WHERE slot=?", (slot,)).fetchone()
        if row and isinstance(row[0], str) and isinstance(row[1], int | float):
            total[row[0]] += row[1] * times
    return total


def _written(cursor: sqlite3.Cursor, pending: Pending) -> list[tuple[str, str, float]]:
    counts = [(f, "seconds_saved", seconds) for f, seconds in _saved(cursor, pending).items()]
    for function, name, value in cursor.execute(
        f"SELECT function, name, value FROM counter WHERE {NOT_HOURLY}"
    ):
        if isinstance(function, str) and isinstance(name, str) and isinstance(value, int | float):
            counts.append((function, name, value))
    return counts
