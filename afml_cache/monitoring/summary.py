"""The counts of functions and of the whole store, without a frame of pandas."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypedDict

from afml_cache.monitoring import figures
from afml_cache.store import cleared
from afml_cache.store.active import active
from afml_cache.store.claims import Counters
from afml_cache.store.location import is_cache


class FunctionStats(TypedDict):
    """The counts of one function; times are in seconds.

    ``misses`` are the computed calls, and ``raised`` those of them that raised.
    """

    hits: int
    adopted: int
    computed: int
    misses: int
    raised: int
    hit_rate: float | None
    reasons: dict[str, int]
    seconds_computed: float
    seconds_saved: float | None
    avg_compute_s: float | None
    avg_hit_s: float | None
    saved_s: float | None
    overhead_s: float


class CacheSummary(TypedDict):
    """The active store in numbers. Times are in seconds, sizes in bytes.

    ``hit_rate`` is the share of calls that did not run their function, 0.0 where there was none.
    ``seconds_saved`` is what the hits would have taken to compute, ``saved_s`` that less what
    they took themselves. Functions of which it is not known are left out of both, and there are
    ``saved_unknown`` of them; both are None where nothing else was saved.
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
    seconds_saved: float | None
    saved_s: float | None
    saved_unknown: int
    directory: str
    exists: bool


def get_cache_stats() -> dict[str, FunctionStats]:
    """The counts of every function that the active store knows, called or only stored.

    Returns
    -------
    dict
        Function (``module.qualname``) -> its counts, of all processes that have used the store.
        ``hit_rate`` is None where there was no call, ``avg_compute_s``, ``avg_hit_s``,
        ``seconds_saved`` and ``saved_s`` are where they are not known.
    """
    return _stats(*figures.sizes())


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
    stats = _stats({}, {}) if function is None else get_cache_stats()
    asked = list(stats.values())
    if function is not None:
        name = figures.identity_among(function, stats)
        asked = [stats[name]] if name in stats else []  # else decorated, and not called yet
    served = sum(one["hits"] + one["adopted"] for one in asked)
    calls = served + sum(one["misses"] for one in asked)
    return served / calls if calls else 0.0


def get_cache_summary() -> CacheSummary:
    """The active store in numbers: calls, hits, entries, sizes.

    Returns
    -------
    dict
        ``hit_rate`` (0.0 where there was no call), ``total_calls``, ``functions_tracked``,
        ``hits``, ``adopted``, ``misses``; ``entries`` and ``size_bytes`` of the cache's own
        store, ``joblib_entries`` and ``joblib_size_bytes`` under ``@cacheable``,
        ``cleared_bytes`` that can be restored, ``directory`` and whether a cache ``exists`` there
        (looking makes none); ``seconds_saved``, ``saved_s`` less
        what the hits took, both without ``saved_unknown`` functions of which it is not known
        (None where nothing else was saved).
    """
    stored, by_joblib = figures.sizes()
    stats = _stats(stored, by_joblib).values()
    hits, adopted, misses = (
        sum(one["hits"] for one in stats),
        sum(one["adopted"] for one in stats),
        sum(one["misses"] for one in stats),
    )
    calls = hits + adopted + misses
    entries, size = figures.total(stored.values())
    joblibs = ((held.entries, held.bytes) for held in by_joblib.values())
    joblib_entries, joblib_size = figures.total(joblibs)
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
        seconds_saved=figures.known_total(one["seconds_saved"] for one in stats),
        saved_s=figures.known_total(one["saved_s"] for one in stats),
        saved_unknown=sum(one["saved_s"] is None for one in stats),
        directory=str(base),
        exists=is_cache(base),
    )


def _stats(
    stored: Collection[str], by_joblib: Collection[tuple[str, ...]]
) -> dict[str, FunctionStats]:
    """The counts of the functions that were called, and of those that are stored."""
    counted, off = figures.counts()
    return {
        function: _counts(counted.get(function, Counters()), off.get(function, 0))
        for function in sorted(figures.joblib_folders(counted, off, stored, by_joblib))
    }


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
        raised=counted.raised,
        hit_rate=served / calls if calls else None,
        reasons=figures.reasons_of(counted, off),
        seconds_computed=counted.seconds_computed,
        seconds_saved=figures.seconds_saved(counted),
        avg_compute_s=figures.avg_compute(counted),
        avg_hit_s=figures.avg_hit(counted),
        saved_s=figures.saved(counted),
        overhead_s=counted.miss_seconds,
    )
