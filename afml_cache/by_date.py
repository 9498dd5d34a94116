"""Entries by date: drop, or list, those of a time-aware function that touch a stretch of time.

Corrected prices of last March make the results that used them wrong, and no others. What each
entry covers was noted when it was stored, argument by argument; nothing is opened here.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from afml_cache.errors import ConfigurationError, UnkeyableArgumentError
from afml_cache.keys.code import Fingerprint
from afml_cache.keys.dates import DAY, HIGHEST, LOWEST, Dated, clamped, is_missing, read_date
from afml_cache.keys.extent import Extent, Period
from afml_cache.memo import CachedFunction
from afml_cache.outcomes import Reason
from afml_cache.store.active import active
from afml_cache.store.store import Entry, Store

if TYPE_CHECKING:
    import pandas as pd

#: What entries of a version that only stored one extent for all arguments go by.
ALL_ARGUMENTS = "(arguments)"

#: So many wrappers around a decorated function are looked through.
_LAYERS = 100


@dataclass(frozen=True, slots=True)
class DateSpan:
    """From the first to the last instant that an argument covers; None: open on that side.

    Both are aware in UTC where the time zone was known, else naive. As a text, the last nanosecond
    of a day is that day.
    """

    first: pd.Timestamp | None
    last: pd.Timestamp | None

    def __str__(self) -> str:
        zone = (
            " UTC" if any(side is not None and side.tz for side in (self.first, self.last)) else ""
        )
        if self.first is None:
            return "all dates" if self.last is None else f"up to {_text(self.last)}{zone}"
        if self.last is None:
            return f"from {_text(self.first)}{zone}"
        return f"{_text(self.first)} to {_text(self.last)}{zone}"


@dataclass(frozen=True, slots=True, repr=False)
class DatedEntry:
    """One entry of a time-aware function, as :func:`list_entries` gives it.

    Parameters
    ----------
    key : str
        32 hex digits, as ``f.cache_key(...)`` gives them.
    extents : mapping of str to DateSpan
        What each argument covers, by its name; ``start/end`` for a range. Empty: no argument
        has dates.
    size : int
        Bytes in the store.
    seconds : float
        What it took to compute.
    created : datetime
        In UTC.
    is_current : bool or None
        Whether the function's code is what it was then; None where that cannot be told.
    """

    key: str
    extents: Mapping[str, DateSpan]
    size: int
    seconds: float
    created: dt.datetime
    is_current: bool | None

    def __str__(self) -> str:
        covered = ", ".join(f"{name} {span}" for name, span in self.extents.items())
        older = ", of other code" if self.is_current is False else ""
        return (
            f"{self.key[:8]}: {covered or 'no dates'}; {self.size:,} bytes, {self.seconds:.3g} s, "
            f"stored {self.created:%Y-%m-%d %H:%M} UTC{older}"
        )

    def __repr__(self) -> str:
        return f"<{self}>"


def invalidate(function: object, *, since: object = None, until: object = None) -> int:
    """Drop the entries of a time-aware function that touch a stretch of time.

    An entry goes when what any one of its arguments covers overlaps ``[since, until]``, both
    included. Entries of every version of the function's code are covered; entries without dates
    stay. The next such call is computed, with the reason ``cleared``; what ``@cacheable`` has
    stored of such calls is not adopted any more.

    Parameters
    ----------
    function : callable
        Under :func:`~afml_cache.time_aware_cacheable`; a function or a method.
    since, until : str, date, datetime, Timestamp, datetime64 or Period, optional
        ``"2024-03"`` is all of March: its beginning as ``since``, its end as ``until``. None is
        open. A naive bound is read as UTC where an argument's time zone is known; an aware bound
        is held by its own wall clock against arguments whose time zone is not known.

    Returns
    -------
    int
        How many entries there were.

    Raises
    ------
    ConfigurationError
        The function is not time-aware, neither bound was given, or one is no date.

    Examples
    --------
    >>> from afml_cache import invalidate, time_aware_cacheable, use_store
    >>> @time_aware_cacheable
    ... def load(symbol, start, end):
    ...     return [symbol, start, end]
    >>> with use_store(tmp_path / "invalidate"):
    ...     _ = load("A", "2024-01", "2024-02"), load("A", "2024-03", "2024-04")
    ...     invalidate(load, since="2024-03-15")
    1
    """
    cached = _time_aware(function)
    period = period_between(since, until)
    if period is None:
        raise ConfigurationError(
            f"invalidate() of {_name_of(cached)}() needs since= or until=, or both; to drop all "
            f"of its entries, call {_name_of(cached)}.cache_clear()"
        )
    store = active()
    cached.bar_adoption(period)
    found = [entry.digest for entry, extents, _ in _dated(store, cached) if period.meets(extents)]
    return store.delete(found, Reason.CLEARED) if found else 0


def list_entries(
    function: object, *, since: object = None, until: object = None
) -> list[DatedEntry]:
    """List the entries of a time-aware function by date.

    Parameters
    ----------
    function, since, until
        As :func:`invalidate` takes them: with a bound, the entries that it would drop. Without
        any, all entries; those without dates come last.

    Returns
    -------
    list of DatedEntry
        By the earliest date that an argument covers, then the latest.

    Raises
    ------
    ConfigurationError
        The function is not time-aware, or a bound is no date.

    Examples
    --------
    >>> from afml_cache import list_entries, time_aware_cacheable, use_store
    >>> @time_aware_cacheable
    ... def load(symbol, start, end=None):
    ...     return [symbol, start, end]
    >>> with use_store(tmp_path / "list_entries"):
    ...     _ = load("A", "2024-03"), load("A", "2024-01", "2024-02")
    ...     for entry in list_entries(load):
    ...         print(entry.extents["start/end"])
    2024-01-01 to 2024-02-29
    from 2024-03-01
    """
    cached = _time_aware(function)
    period = period_between(since, until)
    found = [
        (entry, extents, description)
        for entry, extents, description in _dated(active(), cached)
        if period is None or period.meets(extents)
    ]
    found.sort(key=lambda item: _place(item[0], item[1]))
    try:
        fingerprint = cached._code.current()
    except UnkeyableArgumentError:
        fingerprint = None
    return [
        DatedEntry(
            key=entry.digest.hex(),
            extents={name: span_of(extent) for name, extent in extents.items()},
            size=entry.size,
            seconds=entry.seconds,
            created=dt.datetime.fromtimestamp(entry.created, dt.UTC),
            is_current=_is_current(entry, description, fingerprint),
        )
        for entry, extents, description in found
    ]


def period_between(since: object, until: object) -> Period | None:
    """The stretch between two bounds; None where both are open."""
    first, last = _bound("since", since), _bound("until", until)
    if first is None and last is None:
        return None
    if first is not None and last is not None and first.first > last.last:
        raise ConfigurationError(f"since={since!r} is after until={until!r}; swap them")

    def bounds(*, naive: bool) -> tuple[int, int]:
        return (
            LOWEST if first is None else clamped(first.first + _ahead(first, naive)),
            HIGHEST if last is None else clamped(last.last + _ahead(last, naive)),
        )

    return Period(bounds(naive=False), bounds(naive=True))


def _bound(name: str, value: object) -> Dated | None:
    if is_missing(value):
        return None
    date = read_date(value)
    if date is None:
        raise ConfigurationError(
            f"{name}={value!r} is no date; give an ISO text ('2024-03-31', '2024-03', '2024Q1'), "
            "a date, a datetime or a Timestamp"
        )
    return date


def _ahead(date: Dated, naive: bool) -> int:
    """What leads from a bound to what naive extents are held against: its own wall clock."""
    return (date.offset or 0) if naive else 0


def _time_aware(function: object) -> CachedFunction[..., Any]:
    """The decorated function behind a method, a classmethod, a partial or another wrapper."""
    found: Any = function
    is_cached = False
    for _ in range(_LAYERS):  # an object that answers to every name would lead nowhere for ever
        if found is None or isinstance(found, CachedFunction):
            break
        is_cached = is_cached or hasattr(found, "cache_clear")
        if isinstance(found, functools.partial):
            found = found.func
        else:
            found = getattr(found, "__func__", None) or getattr(found, "__wrapped__", None)
    if isinstance(found, CachedFunction) and found._options.dates is not None:
        return found
    name = _name_of(function)
    if isinstance(found, CachedFunction):
        raise ConfigurationError(
            f"the entries of {name}() bear no dates, since it is under @robust_cacheable. Put "
            "@time_aware_cacheable in its place: what is stored from then on can be found by "
            f"date, and what is stored already still hits. {name}.cache_clear() drops all"
        )
    if is_cached:
        raise ConfigurationError(
            f"the entries of {name}() bear no dates. Put @time_aware_cacheable in place of its "
            "decorator: what is stored from then on can be found by date. "
            f"{name}.cache_clear() drops all"
        )
    raise ConfigurationError(f"{name} is not cached; give a function under @time_aware_cacheable")


def _name_of(function: object) -> str:
    return str(
        getattr(function, "__qualname__", None) or getattr(function, "__name__", repr(function))
    )


def _dated(
    store: Store, function: CachedFunction[..., Any]
) -> Iterator[tuple[Entry, dict[str, Extent], Mapping[str, Any]]]:
    """The entries of a function, with what each argument covers and the whole description."""
    for entry in store.entries(function._identity):
        description = store.description(entry.digest)
        yield entry, extents_of_entry(entry, description), description


def extents_of_entry(entry: Entry, description: Mapping[str, Any]) -> dict[str, Extent]:
    """What each argument of an entry covers; empty where none has dates."""
    stored = description.get("extents") or {}
    extents = {name: Extent(*extent) for name, extent in stored.items()}
    if not extents and entry.extent is not None:
        extents[ALL_ARGUMENTS] = Extent(*entry.extent)
    return extents


def _place(entry: Entry, extents: Mapping[str, Extent]) -> tuple[Any, ...]:
    if not extents:
        return (True, 0, 0, entry.created)
    firsts = [extent.first for extent in extents.values()]
    lasts = [extent.last for extent in extents.values()]
    return (False, min(firsts), max(lasts), entry.created)


def _is_current(
    entry: Entry, description: Mapping[str, Any], fingerprint: Fingerprint | None
) -> bool | None:
    if fingerprint is None:
        return None
    if entry.code == fingerprint.code:
        return True
    # Arguments may have brought code of their own; the function's share is among the parts.
    parts = description.get("parts", {})
    return bool(parts) and fingerprint.parts.items() <= parts.items()


def span_of(extent: Extent) -> DateSpan:
    return DateSpan(
        None if extent.first == LOWEST else _stamp(extent.first, extent.aware),
        None if extent.last == HIGHEST else _stamp(extent.last, extent.aware),
    )


def _stamp(instant: int, aware: bool) -> pd.Timestamp:
    import pandas as pd

    # The lowest number but some is a date; pandas keeps a few of them for itself.
    instant = max(instant, pd.Timestamp.min.value)
    return pd.Timestamp(instant, unit="ns").tz_localize("UTC" if aware else None)


def _text(stamp: pd.Timestamp) -> str:
    """A Timestamp in short; the first and the last nanosecond of a day are that day."""
    wall = stamp.tz_localize(None)
    is_day = wall.value % DAY in (0, DAY - 1)
    return f"{wall:%Y-%m-%d}" if is_day else str(wall)
