"""The stretches of time that a call's arguments cover, each by itself.

The extent of a time-indexed argument is its first and last index value; that of a pair of range
parameters goes from the beginning of the first to the end of the second. Both are nanoseconds
since 1970, UTC where the time zone is known and naive (wall clock) where it is not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from afml_cache.keys.dates import HIGHEST, LOWEST, Dated, clamped, is_missing, read_date
from afml_cache.keys.ranges import DateParameters


@dataclass(frozen=True, slots=True)
class Extent:
    """First and last instant (ns since 1970), ``aware``: UTC, else naive.

    What lies beyond 64 bits is cut off; a side that is open reaches as far as they do.
    """

    first: int
    last: int
    aware: bool


@dataclass(frozen=True, slots=True)
class Period:
    """Two bounds, both included, as they meet aware and as they meet naive extents."""

    aware: tuple[int, int]
    naive: tuple[int, int]

    def meets(self, extents: Mapping[str, Extent]) -> bool:
        """Whether any one extent overlaps."""
        for extent in extents.values():
            since, until = self.aware if extent.aware else self.naive
            if extent.first <= until and extent.last >= since:
                return True
        return False


def extents_of(values: Mapping[str, Any], dates: DateParameters) -> dict[str, Extent]:
    """The extent of every argument that has one.

    Parameters
    ----------
    values : mapping
        The bound arguments.
    dates : DateParameters
        Of the function.

    Returns
    -------
    dict of str to Extent
        By the name of the parameter (``close``, ``args[0]``, ``prices['AAPL']``), and by both
        names for a range (``start/end``).
    """
    found = dict(_ranges(values, dates))
    pandas = sys.modules.get("pandas")
    if pandas is not None:  # else no argument can be a pandas object
        found |= _all_indexed(pandas, values, dates)
    # A range that was left out is bounded by the arguments that have dates, if there are any.
    bounded = {n: e for n, e in found.items() if (e.first, e.last) != (LOWEST, HIGHEST)}
    return bounded or found


def _all_indexed(
    pandas: Any, values: Mapping[str, Any], dates: DateParameters
) -> dict[str, Extent]:
    found: dict[str, Extent] = {}
    for name, value in values.items():
        if name == dates.var_keyword:
            for keyword, item in value.items():
                # f(close, /, **others) can be called with another close.
                label = f"{name}[{keyword!r}]" if keyword in values else keyword
                found |= _indexed(pandas, label, item)
        elif name == dates.var_positional:
            for number, item in enumerate(value):
                found |= _indexed(pandas, f"{name}[{number}]", item)
        else:
            found |= _indexed(pandas, name, value)
    return found


def union(extents: Iterable[Extent]) -> Extent | None:
    """One extent around all; None where there is none.

    Aware and naive extents do not mix: where both occur the aware ones count.
    """
    extents = of_one_kind(extents)
    if not extents:
        return None
    first, last = min(e.first for e in extents), max(e.last for e in extents)
    return Extent(first, last, extents[0].aware)


def of_one_kind(extents: Iterable[Extent]) -> list[Extent]:
    """Where aware and naive extents both occur, the aware ones; else all."""
    extents = list(extents)
    aware = any(e.aware for e in extents)
    return [e for e in extents if e.aware == aware]


# -- range parameters --------------------------------------------------------------------


def _ranges(values: Mapping[str, Any], dates: DateParameters) -> Iterator[tuple[str, Extent]]:
    others = values.get(dates.var_keyword, {}) if dates.var_keyword else {}
    for pair in dates.pairs:
        given = {
            name: values[name] if name in values else others[name]
            for name in dict.fromkeys(pair)
            if name in values or name in others
        }
        extent = _between(given.get(pair[0]), given.get(pair[1])) if given else None
        if extent is not None:
            yield "/".join(given), extent


def _between(start: object, end: object) -> Extent | None:
    """From one date to another; a side that cannot be read is open."""
    first, last = read_date(start), read_date(end)
    if first is None and last is None and not (_is_open(start) and _is_open(end)):
        return None  # a count of rows, say, on one side at least, and a date on none
    aware = any(date is not None and date.aware for date in (first, last))
    if first is not None and last is not None and first.first > last.last:
        first, last = _around(first, last), _around(first, last)  # given the wrong way round
    return Extent(
        LOWEST if first is None else clamped(first.first),
        HIGHEST if last is None else clamped(last.last),
        aware,
    )


def _around(one: Dated, other: Dated) -> Dated:
    return Dated(min(one.first, other.first), max(one.last, other.last))


def _is_open(value: object) -> bool:
    return isinstance(value, str) or is_missing(value)


# -- time-indexed arguments --------------------------------------------------------------


def _indexed(pandas: Any, name: str, value: object) -> dict[str, Extent]:
    if isinstance(value, dict | list | tuple):
        extents: dict[Extent, str] = {}
        for label, item in _frames(pandas, name, value):
            extent = extent_of(pandas, item)
            if extent is not None:  # thousands of frames usually cover a few stretches
                extents.setdefault(extent, label)
        return {label: extent for extent, label in extents.items()}
    extent = extent_of(pandas, value)
    return {} if extent is None else {name: extent}


def _frames(pandas: Any, name: str, container: Any) -> Iterator[tuple[str, object]]:
    """What has an index among the items of a container, each with its place."""
    kinds = (pandas.Index, pandas.Series, pandas.DataFrame)
    if isinstance(container, dict):
        for number, (key, item) in enumerate(container.items()):
            if isinstance(item, kinds):
                place = repr(key) if type(key) in (str, int) else f"#{number}"
                yield f"{name}[{place}]", item
    else:
        for number, item in enumerate(container):
            if isinstance(item, kinds):
                yield f"{name}[{number}]", item


def extent_of(pandas: Any, value: object) -> Extent | None:
    """That of an index, or of what has one; None where it holds no dates."""
    try:
        index = dated_index(pandas, value)
        if index is None:
            return None
        if isinstance(index, pandas.IntervalIndex):
            return _hull(index.left.min(), index.right.max())
        return _hull(index.min(), index.max())
    except Exception:  # noqa: BLE001 - dates that do not compare, an attribute that raises: no extent
        return None


def dated_index(pandas: Any, value: object) -> Any:
    """The dates of an index, or of what has one, in a new object; None where it holds none."""
    index = value if isinstance(value, pandas.Index) else getattr(value, "index", None)
    if isinstance(index, pandas.MultiIndex):
        index = _dates_of(pandas, index)
    if not isinstance(index, pandas.Index) or not _holds_dates(pandas, index):
        return None
    return index[:]  # asked itself, it would remember it, and its joblib hash would change


def _dates_of(pandas: Any, index: Any) -> Any:
    """The first level of a MultiIndex that holds dates, as far as its rows use it."""
    for number, level in enumerate(index.levels):
        if _holds_dates(pandas, level):
            codes = index.codes[number]
            return level[:].take(codes[codes >= 0])
    return None


def _holds_dates(pandas: Any, index: Any) -> bool:
    if isinstance(index, pandas.IntervalIndex):
        return isinstance(index.left, pandas.DatetimeIndex)
    if isinstance(index, pandas.DatetimeIndex | pandas.PeriodIndex):
        return True
    # An index of objects or of Arrow's types may hold dates, too.
    return index.inferred_type in ("date", "datetime", "datetime64")


def _hull(least: object, greatest: object) -> Extent | None:
    first, last = read_date(least), read_date(greatest)
    if first is None or last is None:  # NaT: an empty index, or nothing but NaT
        return None
    return Extent(clamped(first.first), clamped(last.last), first.aware)
