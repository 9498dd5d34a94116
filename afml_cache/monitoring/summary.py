"""The counts of functions and of the whole store, without a frame of pandas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

from afml_cache.monitoring import figures
from afml_cache.store import cleared
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
    avg_compute_s: float | None
    avg_hit_s: float | None
    saved_s: float | None
    overhead_s: float


class CacheSummary(TypedDict):
    """The active store in numbers. Times are in seconds, sizes in bytes.

    ``hit_rate`` is the share of calls that did not run their function, 0.0 where there was none.
    ``seconds_saved`` is what the hits would have taken to compute, ``saved_s`` that less what
    they took themselves.
    """

    hit_rate: float
    total_calls: int
    functions_tracked: int
    hits: int
    adopted: int
    misses: int
    entries: int
    size_bytes: int
    joblib_entries: int
    joblib_size_bytes: int
    cleared_bytes: int
    seconds_saved: float
    saved_s: float
    directory: str


def get_cache_stats() -> dict[str, FunctionStats]:
    """The counts of every function that the active store knows.

    Returns
    -------
    dict
        Function (``module.qualname``) -> its counts, of all processes that have used the store.
        ``hit_rate`` is None where there was no call, ``avg_compute_s``, ``avg_hit_s`` and
        ``saved_s`` are where they are not known.
    """
    counted, off = figures.counts()
    return {
        function: _counts(counted.get(function, Counters()), off.get(function, 0))
        for function in sorted({*counted, *off})
    }


def get_cache_hit_rate(function: str | Callable[..., Any] | None = None) -> float:
    """The share of calls that did not run their function, 0.0 where there was no call.

    Parameters
    ----------
    function : str or callable, optional
        As for :meth:`afml_cache.CacheMonitor.get_function_stats`; None: all functions.

    Raises
    ------
    UnknownFunctionError
        The store knows no such function, or several.
    """
    stats = get_cache_stats()
    names = [figures.identity_among(function, stats)] if function is not None else list(stats)
    served = sum(stats[name]["hits"] + stats[name]["adopted"] for name in names)
    calls = served + sum(stats[name]["misses"] for name in names)
    return served / calls if calls else 0.0


def get_cache_summary() -> CacheSummary:
    """The active store in numbers: calls, hits, entries, sizes.

    Returns
    -------
    dict
        ``hit_rate`` (0.0 where there was no call), ``total_calls``, ``functions_tracked``,
        ``hits``, ``adopted``, ``misses``; ``entries`` and ``size_bytes`` of the cache's own
        store, ``joblib_entries`` and ``joblib_size_bytes`` under ``@cacheable``,
        ``cleared_bytes`` that can be restored, ``seconds_saved``, ``saved_s``, ``directory``.
    """
    stats = get_cache_stats().values()
    hits, adopted, misses = (
        sum(one["hits"] for one in stats),
        sum(one["adopted"] for one in stats),
        sum(one["misses"] for one in stats),
    )
    calls = hits + adopted + misses
    stored, by_joblib = figures.sizes()
    entries, size = figures.total(stored.values())
    joblib_entries, joblib_size = figures.total(by_joblib.values())
    base = active().directory
    return CacheSummary(
        hit_rate=(hits + adopted) / calls if calls else 0.0,
        total_calls=calls,
        functions_tracked=len(stats),
        hits=hits,
        adopted=adopted,
        misses=misses,
        entries=entries,
        size_bytes=size,
        joblib_entries=joblib_entries,
        joblib_size_bytes=joblib_size,
        cleared_bytes=0 if figures.is_off() else sum(o.bytes for o in cleared.folders(base)),
        seconds_saved=sum((one["seconds_saved"] for one in stats), 0.0),
        saved_s=sum((one["saved_s"] or 0.0 for one in stats), 0.0),
        directory=str(base),
    )


def _counts(counted: Counters, off: int) -> FunctionStats:
    """The counts of the store, and the calls of this process while the cache was off."""
    computed = counted.computed + off
    served = counted.hits + counted.adopted
    calls = served + computed
    return FunctionStats(
        hits=counted.hits,
        adopted=counted.adopted,
        computed=computed,
        misses=computed,
        hit_rate=served / calls if calls else None,
        reasons=figures.reasons_of(counted, off),
        seconds_computed=counted.seconds_computed,
        seconds_saved=counted.seconds_saved,
        avg_compute_s=figures.avg_compute(counted),
        avg_hit_s=figures.avg_hit(counted),
        saved_s=figures.saved(counted),
        overhead_s=counted.miss_seconds,
    )
