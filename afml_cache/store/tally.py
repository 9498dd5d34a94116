"""Counting without writing: numbers pile up in memory and are written as differences.

A hit adds one to a plain attribute. What has piled up is written together with the next
put, or now and then; processes add up, because each writes only what it counted itself.
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
from afml_cache.store.index import Index
from afml_cache.store.rows import WORTH, add_counter, inflation

T = TypeVar("T")

#: Seconds between two writings, and the share of all time that they may take.
_EVERY = 2.0
_SHARE = 0.03

_NAMES = {Outcome.HIT: "hits", Outcome.ADOPTED: "adopted", Outcome.COMPUTED: "computed"}
_REASON = "reason:"
_FAULT = "fault:"
#: Faults belong to the store, not to a function.
_NOBODY = ""


class Tally:
    """The hits of one function in this process; the caller adds to ``hits`` itself."""

    __slots__ = ("hits", "written")

    def __init__(self) -> None:
        self.hits = 0
        self.written = 0


@dataclass(frozen=True, slots=True)
class Pending:
    """What had piled up at one moment."""

    counts: Mapping[tuple[str, str], float]
    hits: Mapping[str, int]
    touched: Mapping[bytes, int]

    def __bool__(self) -> bool:
        return bool(self.counts or self.hits or self.touched)


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
        self._tallies: dict[str, Tally] = {}

    def tally(self, function: str) -> Tally:
        """The tally of a function; always the same object."""
        return self._tallies.setdefault(function, Tally())

    def count(self, function: str, outcome: Outcome, reason: Reason | None, seconds: float) -> None:
        """Count one call; ``seconds`` were spent when it computed, saved otherwise."""
        with self._guard:
            for name, value in _counts_of(outcome, reason, seconds):
                self._counts[function, name] += value

    def fault(self, name: str) -> None:
        """Count one fault of the store."""
        with self._guard:
            self._counts[_NOBODY, _FAULT + name] += 1

    def write_with(self, work: Callable[[sqlite3.Cursor], T], now: float) -> T:
        """Write what is pending in one transaction with ``work``; raises as `Index.write`."""

        def both(cursor: sqlite3.Cursor) -> T:
            _write(cursor, pending, now)
            return work(cursor)

        with self._writing:
            pending = self._pending()
            result = self._index.write(both)
            self._settle(pending)
            return result

    def write(self, patience: float | None = None) -> None:
        """Write what is pending; what cannot be written now stays pending."""
        started, now = time.monotonic(), time.time()
        with self._writing:
            pending = self._pending()
            # Counting alone does not bring back a store that somebody has removed.
            if pending and not self._index.vanished():
                with contextlib.suppress(UnavailableError, UnicodeError):
                    self._index.write(lambda cursor: _write(cursor, pending, now), patience)
                    self._settle(pending)
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
            elif name in ("hits", "adopted", "computed"):
                setattr(counters, name, getattr(counters, name) + int(value))
            elif name in ("seconds_computed", "seconds_saved"):
                setattr(counters, name, getattr(counters, name) + float(value))
        return dict(result)

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
            counts = [(function, name, value) for (function, name), value in pending.counts.items()]
            counts += [(function, "hits", more) for function, more in pending.hits.items()]
            with contextlib.suppress(UnavailableError, UnicodeError):
                counts += self._index.read(lambda cursor: _written(cursor, pending))
            return counts

    def _pending(self) -> Pending:
        with self._guard:
            counts = dict(self._counts)
        hits = {}
        for function, tally in list(self._tallies.items()):
            more = tally.hits - tally.written
            if more:
                hits[function] = more
        return Pending(counts, hits, dict(self.touched))

    def _settle(self, written: Pending) -> None:
        with self._guard:
            for key, value in written.counts.items():
                self._counts[key] -= value
                if not self._counts[key]:
                    del self._counts[key]
        for function, more in written.hits.items():
            self._tallies[function].written += more
        touched = self.touched
        for slot, times in written.touched.items():
            touched[slot] -= times
            if touched[slot] <= 0:
                del touched[slot]

    def after_fork(self) -> None:
        """In a child: what has piled up is the parent's to write."""
        self._writing, self._guard = threading.RLock(), threading.Lock()
        self._counts.clear()
        self.touched.clear()
        for tally in self._tallies.values():
            tally.written = tally.hits


def write_call(
    cursor: sqlite3.Cursor, function: str, outcome: Outcome, reason: Reason | None, seconds: float
) -> None:
    """Count one call at once, within the transaction that stores its result."""
    for name, value in _counts_of(outcome, reason, seconds):
        add_counter(cursor, function, name, value)


def _counts_of(
    outcome: Outcome, reason: Reason | None, seconds: float
) -> Iterator[tuple[str, float]]:
    yield _NAMES[outcome], 1
    if reason is not None:
        yield _REASON + reason, 1
    if seconds:
        yield "seconds_computed" if outcome is Outcome.COMPUTED else "seconds_saved", seconds


def _write(cursor: sqlite3.Cursor, pending: Pending, now: float) -> None:
    for (function, name), value in pending.counts.items():
        add_counter(cursor, function, name, value)
    for function, more in pending.hits.items():
        add_counter(cursor, function, "hits", more)
    if not pending.touched:
        return
    level = inflation(cursor)
    for function, seconds in _saved(cursor, pending).items():
        add_counter(cursor, function, "seconds_saved", seconds)
    cursor.executemany(
        f"UPDATE claim SET used=?, priority=? + {WORTH} WHERE slot=?",
        [(now, level, slot) for slot in pending.touched],
    )


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
    for function, name, value in cursor.execute("SELECT function, name, value FROM counter"):
        if isinstance(function, str) and isinstance(name, str) and isinstance(value, int | float):
            counts.append((function, name, value))
    return counts
