"""pandas' own scalars: stamps, spans, periods, intervals, missing values, offsets, time zones."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from afml_cache.keys.atoms import NONE, gather, integer, text
from afml_cache.keys.objects import attributes, mapping
from afml_cache.keys.resolve import NAMED_FAMILIES, class_name
from afml_cache.keys.stream import Node, Rule, Stream, compose, reference, tag

# pandas keeps the common base of its offsets private; a public one leads to it.
_BaseOffset: Any = next(base for base in pd.offsets.Day.__mro__ if base.__name__ == "BaseOffset")


def timestamp(value: pd.Timestamp) -> Stream:
    head = tag("Timestamp") + text(value.unit) + integer(_count(value)) + integer(value.fold)
    return compose(head, (zone(value.tz),), lambda _: ".tz")


def timedelta(value: pd.Timedelta) -> Stream:
    return tag("Timedelta") + text(value.unit) + integer(_count(value))


def _count(value: Any) -> int:
    """Units since 1970, or of the span."""
    return int(value.asm8.view(np.int64))


def zone(value: Any) -> Stream:
    """A time zone as pandas compares them: by name, whichever library it is from."""
    if value is None:
        return NONE
    name = getattr(value, "key", None) or getattr(value, "zone", None)  # zoneinfo, pytz
    if name is None and value.utcoffset(None) is not None:
        offset = value.utcoffset(None)
        name = "UTC" if not offset else None
        if name is None:
            return tag("fixed zone") + integer(round(offset.total_seconds()))
    if isinstance(name, str):
        return tag("zone") + text(name)
    return gather(tag("tzinfo"), (value,), label=lambda _: "")


def frequency(value: Any) -> bytes | Node:
    """An offset, or None, as a part."""
    if value is None:
        return NONE
    if value._attributes != _NO_PARAMETERS:
        return reference(offset(value))
    plain = (type(value), value.n, value.normalize)
    part: bytes | Node | None = _frequencies.get(plain)
    if part is None:
        part = reference(offset(value))
        if isinstance(part, bytes) and len(_frequencies) < 1024:
            _frequencies[plain] = part
    return part


_NO_PARAMETERS = ("n", "normalize")
_frequencies: dict[Any, bytes] = {}


def offset(value: Any) -> Stream:
    """An offset: its class, how many, and its parameters (such as holidays)."""
    cls = type(value)
    head = b"".join(
        (
            tag("offset"),
            text(class_name(cls)),
            integer(value.n),
            integer(int(value.normalize)),
        )
    )
    parameters = dict(value.kwds)
    own = {}
    if cls.__module__.partition(".")[0] != "pandas":
        own = {k: v for k, v in attributes(value).items() if k not in _KEPT_BY_PANDAS}
    return compose(head, (mapping(parameters), mapping(own)), lambda _: "")


_KEPT_BY_PANDAS = frozenset({"_offset", "_use_relativedelta", "_cache"})


def _period(value: pd.Period) -> Stream:
    return compose(tag("Period") + integer(value.ordinal), (offset(value.freq),))


def _interval(value: pd.Interval) -> Stream:
    return gather(
        tag("Interval") + text(value.closed),
        (value.left, value.right),
        label=lambda i: (".left", ".right")[i],
    )


def _calendar(value: Any) -> Stream:
    """A holiday calendar: its rules and its attributes, without what it has worked out."""
    rules = {"rules": value.rules, **attributes(value)}
    return compose(
        tag("calendar") + text(class_name(type(value))), (mapping(rules),), lambda _: ".rules"
    )


NAMED_FAMILIES["pandas.tseries.holiday.AbstractHolidayCalendar"] = _calendar

EXACT: Final[dict[type, Rule]] = {
    pd.Timestamp: timestamp,
    pd.Timedelta: timedelta,
    pd.Period: _period,
    pd.Interval: _interval,
    type(pd.NaT): lambda _: tag("NaT"),
    type(pd.NA): lambda _: tag("NA"),
}
FAMILY: Final[dict[type, Rule]] = {_BaseOffset: offset}
