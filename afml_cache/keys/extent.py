"""The stretch of time that a call's arguments cover.

The extent of a time-indexed argument is its first and last index value, in nanoseconds since
1970, UTC where the index knows its zone and naive (wall clock) where it does not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Extent:
    """First and last instant (ns since 1970), ``aware``: UTC, else naive."""

    first: int
    last: int
    aware: bool


def extent_of(values: Iterable[object]) -> Extent | None:
    """The union of the extents of all time-indexed values; None where there is none.

    Aware and naive extents do not mix: where both occur the aware ones count.
    """
    pandas = sys.modules.get("pandas")
    if pandas is None:  # then no argument can be a pandas object
        return None
    extents = [e for value in values if (e := _extent(pandas, value)) is not None]
    if not extents:
        return None
    aware = any(e.aware for e in extents)
    extents = [e for e in extents if e.aware == aware]
    return Extent(min(e.first for e in extents), max(e.last for e in extents), aware)


def _extent(pandas: Any, value: object) -> Extent | None:
    index = value if isinstance(value, pandas.Index) else getattr(value, "index", None)
    if isinstance(index, pandas.MultiIndex):
        for codes, level in zip(index.codes, index.levels, strict=True):
            if isinstance(level, pandas.DatetimeIndex):
                index = level[:].take(codes[codes >= 0])
                break
    if isinstance(index, pandas.Index):
        index = index[:]  # asked itself, it would remember it, and its joblib hash would change
    if isinstance(index, pandas.PeriodIndex):
        if len(index) == 0 or index.min() is pandas.NaT:
            return None
        # Up to the next period's start: end_time is as coarse as its unit.
        first, after = index.min().start_time, (index.max() + 1).start_time
        return Extent(_nanoseconds(first), _nanoseconds(after) - 1, aware=False)
    if isinstance(index, pandas.DatetimeIndex):
        return _span(index.min(), index.max())
    return None


def _span(first: pd.Timestamp, last: pd.Timestamp) -> Extent | None:
    if first != first or last != last:  # NaT: an empty index, or nothing but NaT
        return None
    return Extent(_nanoseconds(first), _nanoseconds(last), first.tzinfo is not None)


def _nanoseconds(stamp: pd.Timestamp) -> int:
    per_unit = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[stamp.unit]
    value = int(stamp.asm8.view("int64")) * per_unit
    # A Timestamp in seconds may lie outside what 64 bits of nanoseconds (and SQLite) can hold.
    return max(-(2**63), min(2**63 - 1, value))
