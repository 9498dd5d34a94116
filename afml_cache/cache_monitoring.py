"""What the cache did: the counts of the active store, function by function."""

from __future__ import annotations

from typing import TypedDict

from afml_cache import settings
from afml_cache.cache_info import off_calls
from afml_cache.outcomes import Reason
from afml_cache.store.active import active
from afml_cache.store.claims import Counters


class FunctionStats(TypedDict):
    """The counts of one function. ``misses`` are the computed calls; times are in seconds."""

    hits: int
    adopted: int
    computed: int
    misses: int
    hit_rate: float | None
    reasons: dict[str, int]
    seconds_computed: float
    seconds_saved: float


def get_cache_stats() -> dict[str, FunctionStats]:
    """The counts of every function that the active store knows.

    Returns
    -------
    dict
        Function (``module.qualname``) -> its counts, of all processes that have used the store.
        ``hit_rate`` is None where there was no call.
    """
    stats: dict[str, FunctionStats] = {}
    counters = {} if settings.current.mode == "off" else active().counters()
    for function in sorted({*counters, *off_calls}):
        counted = counters.get(function, Counters())
        reasons = {str(reason): times for reason, times in counted.reasons.items()}
        off = off_calls.get(function, 0)
        if off:
            reasons[str(Reason.MODE_OFF)] = off
        computed = counted.computed + off
        served = counted.hits + counted.adopted
        calls = served + computed
        stats[function] = FunctionStats(
            hits=counted.hits,
            adopted=counted.adopted,
            computed=computed,
            misses=computed,
            hit_rate=served / calls if calls else None,
            reasons=reasons,
            seconds_computed=counted.seconds_computed,
            seconds_saved=counted.seconds_saved,
        )
    return stats
