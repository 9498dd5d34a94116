"""What the hits of a while were worth: the computations that their entries had taken."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

#: A function, and the seconds that one entry of it had taken to compute.
Price = tuple[str, float]


@dataclass(frozen=True, slots=True)
class Priced:
    """Seconds of computation that hits made unnecessary, and hits of unknown worth, by function."""

    saved: Mapping[str, float]
    unpriced: Mapping[str, int]

    def counters(self) -> Iterator[tuple[str, str, float]]:
        """Function, name and value of each counter."""
        for function, seconds in self.saved.items():
            yield function, "seconds_saved", seconds
        for function, times in self.unpriced.items():
            yield function, "hits_unpriced", times


def price(
    cursor: sqlite3.Cursor,
    touched: Mapping[bytes, int],
    hits: Mapping[str, int],
    known: dict[bytes, Price],
) -> Priced:
    """Price hits by their entries.

    Parameters
    ----------
    touched : mapping
        Hits by slot.
    hits : mapping
        The same hits by function, but for some that other threads are just counting.
    known : dict
        Prices by slot from before, for entries that somebody else has cleared meanwhile; added to.
    """
    saved: defaultdict[str, float] = defaultdict(float)
    priced: defaultdict[str, int] = defaultdict(int)
    gone = 0
    for slot, times in touched.items():
        row = cursor.execute("SELECT function, seconds FROM claim WHERE slot=?", (slot,)).fetchone()
        if row and isinstance(row[0], str) and isinstance(row[1], int | float):
            known[slot] = row
        if slot not in known:
            gone += times
            continue
        function, seconds = known[slot]
        saved[function] += seconds * times
        priced[function] += times
    # The row that is gone told the function, too; but only so many hits have no price yet.
    unpriced: dict[str, int] = {}
    for function, times in hits.items():
        here = min(gone, times - priced[function])
        if here > 0:
            unpriced[function] = here
            gone -= here
    return Priced(saved, unpriced)
