"""What the cache did: the counts of the active store, function by function."""

from __future__ import annotations

from typing import TypedDict

from afml_cache.store.active import active


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
    for function, counted in sorted(active().counters().items()):
        served = counted.hits + counted.adopted
        calls = served + counted.computed
        stats[function] = FunctionStats(
            hits=counted.hits,
            adopted=counted.adopted,
            computed=counted.computed,
            misses=counted.computed,
            hit_rate=served / calls if calls else None,
            reasons={str(reason): n for reason, n in counted.reasons.items()},
            seconds_computed=counted.seconds_computed,
            seconds_saved=counted.seconds_saved,
        )
    return stats
