"""Statistics as frames of pandas, every column of one type whatever the numbers are."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from afml_cache.monitoring.figures import FunctionCacheStats
from afml_cache.monitoring.words import as_text
from afml_cache.outcomes import Reason
from afml_cache.store.hours import HOUR, KEPT, HourCounters, hour_of

if TYPE_CHECKING:
    import pandas as pd

#: Begins the name of the column that counts the misses of one reason.
MISSES = "misses_"

_TIME = "datetime64[us, UTC]"
_TYPES = {
    "function": "str",
    "calls": "int64",
    "hits": "int64",
    "misses": "int64",
    "hit_rate": "float64",
    "avg_compute_s": "float64",
    "avg_hit_s": "float64",
    "saved_s": "float64",
    "size_bytes": "int64",
    "entries": "int64",
    "adopted": "int64",
    "raised": "int64",
    "robust_hit_rate": "float64",
    "overhead_s": "float64",
    "last_access": _TIME,
}


def efficiency_frame(stats: Sequence[FunctionCacheStats]) -> pd.DataFrame:
    """A row a function, as :func:`afml_cache.get_cache_efficiency_report` describes it."""
    import pandas as pd

    rows = [efficiency_row(one) for one in stats]
    columns: dict[str, Any] = {}
    for name in columns_of_a_row():
        values = [row[name] for row in rows]
        kind = _TYPES.get(name, "int64")
        if name == "function":
            # The type of text differs between versions of pandas, and not with what is in it.
            columns[name] = pd.Series(values, dtype=pd.Series(["text"]).dtype)
        elif kind == _TIME:
            columns[name] = pd.Series(pd.to_datetime(values, utc=True)).dt.as_unit("us")
        else:
            columns[name] = pd.Series(values, dtype=kind)
    return pd.DataFrame(columns)


def columns_of_a_row() -> list[str]:
    """The names of what :func:`efficiency_row` gives, in its order."""
    return [*_TYPES, *(MISSES + reason for reason in Reason)]


def efficiency_row(one: FunctionCacheStats) -> dict[str, Any]:
    """The values of one function, None where there is none."""
    return {
        "function": as_text(one.function_name),
        "calls": one.total_calls,
        "hits": one.cache_hits,
        "misses": one.cache_misses,
        "hit_rate": one.hit_rate,
        "avg_compute_s": one.avg_compute_s,
        "avg_hit_s": one.avg_hit_s,
        "saved_s": one.saved_s,
        "size_bytes": one.size_bytes,
        "entries": one.entries,
        "adopted": one.adopted,
        "raised": one.raised,
        "robust_hit_rate": one.robust_hit_rate,
        "overhead_s": one.overhead_s,
        "last_access": one.last_access,
        **{MISSES + reason: one.reasons.get(reason, 0) for reason in Reason},
    }


def check_hours(hours: int) -> int:
    """How many hours are asked for; raises ValueError for what is not kept."""
    if isinstance(hours, bool) or not isinstance(hours, int) or not 1 <= hours <= KEPT:
        raise ValueError(f"hours is {hours!r}; it can be a whole number from 1 to {KEPT}")
    return hours


def hourly_frame(each: Iterable[Mapping[int, HourCounters]], hours: int) -> pd.DataFrame:
    """A row an hour up to the present one, the counters of several functions added up."""
    import pandas as pd

    last = hour_of(time.time())
    wanted = range(last - hours + 1, last + 1)
    rows = {hour: HourCounters() for hour in wanted}
    for counted in each:
        for hour in counted.keys() & rows.keys():
            rows[hour].add(counted[hour])
    columns: dict[str, list[Any]] = {
        "calls": [row.calls for row in rows.values()],
        "hits": [row.hits + row.adopted for row in rows.values()],
        "misses": [row.computed for row in rows.values()],
        "hit_rate": [row.hit_rate for row in rows.values()],
        "adopted": [row.adopted for row in rows.values()],
        "seconds_computed": [row.seconds_computed for row in rows.values()],
        "seconds_saved": [row.seconds_saved for row in rows.values()],
    }
    index = pd.DatetimeIndex(
        pd.to_datetime([hour * HOUR for hour in wanted], unit="s", utc=True), name="hour"
    ).as_unit("us")
    frame = pd.DataFrame(columns, index=index)
    return frame.astype({"hit_rate": "float64"})
