"""What the cache did: the counts of the active store, function by function and all together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypedDict

from afml_cache import settings
from afml_cache.cache_info import off_calls
from afml_cache.joblib_memory.cleared import joblib_sizes, stored_folders_of
from afml_cache.outcomes import Reason
from afml_cache.store import cleared
from afml_cache.store.active import active
from afml_cache.store.claims import Counters
from afml_cache.store.cleared import JOBLIB_FOLDER

__all__ = [
    "CacheMonitor",
    "CacheSummary",
    "FunctionCacheStats",
    "FunctionStats",
    "get_cache_monitor",
    "get_cache_stats",
    "get_cache_summary",
]


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


class CacheSummary(TypedDict):
    """The active store in numbers. Times are in seconds, sizes in bytes.

    ``hit_rate`` is the share of calls that did not run their function, 0.0 where there was none.
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
    directory: str


@dataclass(frozen=True, slots=True)
class FunctionCacheStats:
    """How the calls of one function went, and what is stored of it.

    Parameters
    ----------
    function_name : str
        ``module.qualname``.
    total_calls, cache_hits, cache_misses : int
        Calls; those that did not run the function; those that ran it.
    adopted : int
        Hits that were served from an older cache.
    hit_rate : float or None
        None where there was no call.
    reasons : dict
        Why the misses were computed.
    seconds_computed, seconds_saved : float
        Spent in the function; not spent thanks to the hits.
    entries : int
        Results stored, joblib's among them.
    cache_size_mb : float
        What they take, in millions of bytes.
    """

    function_name: str
    total_calls: int
    cache_hits: int
    adopted: int
    cache_misses: int
    hit_rate: float | None
    reasons: dict[str, int]
    seconds_computed: float
    seconds_saved: float
    entries: int
    cache_size_mb: float


class CacheMonitor:
    """Watches the active store; made by :func:`get_cache_monitor`."""

    def get_all_function_stats(self) -> list[FunctionCacheStats]:
        """Every function that was called or has results stored, the most called first."""
        stats = get_cache_stats()
        stored, by_joblib = _stored()
        found = [
            _function_stats(function, counts, _sizes_of(function, stored, by_joblib))
            for function, counts in stats.items()
        ]
        found += [
            _function_stats(function, _counts(Counters(), 0), _sizes_of(function, stored, {}))
            for function in stored.keys() - stats.keys()
        ]
        claimed = {
            folder for function in stats for folder in stored_folders_of(function, by_joblib)
        }
        found += [
            _function_stats(".".join(folder), _counts(Counters(), 0), [sizes])
            for folder, sizes in by_joblib.items()
            if folder not in claimed
        ]
        return sorted(found, key=lambda one: (-one.total_calls, one.function_name))

    def __repr__(self) -> str:
        return f"<monitor of the cache {active().directory}>"


def get_cache_monitor() -> CacheMonitor:
    """A monitor of the active store."""
    return CacheMonitor()


def get_cache_stats() -> dict[str, FunctionStats]:
    """The counts of every function that the active store knows.

    Returns
    -------
    dict
        Function (``module.qualname``) -> its counts, of all processes that have used the store.
        ``hit_rate`` is None where there was no call.
    """
    store = active()
    counters = {} if _is_off() else store.counters()
    off = off_calls(store)
    return {
        function: _counts(counters.get(function, Counters()), off.get(function, 0))
        for function in sorted({*counters, *off})
    }


def get_cache_summary() -> CacheSummary:
    """The active store in numbers: calls, hits, entries, sizes.

    Returns
    -------
    dict
        ``hit_rate`` (0.0 where there was no call), ``total_calls``, ``functions_tracked``,
        ``hits``, ``adopted``, ``misses``; ``entries`` and ``size_bytes`` of the cache's own
        store, ``joblib_entries`` and ``joblib_size_bytes`` under ``@cacheable``,
        ``cleared_bytes`` that can be restored, ``seconds_saved``, ``directory``.
    """
    stats = get_cache_stats().values()
    hits, adopted, misses = (
        sum(one["hits"] for one in stats),
        sum(one["adopted"] for one in stats),
        sum(one["misses"] for one in stats),
    )
    calls = hits + adopted + misses
    stored, by_joblib = _stored()
    entries, size = _total(stored.values())
    joblib_entries, joblib_size = _total(by_joblib.values())
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
        cleared_bytes=0 if _is_off() else sum(one.bytes for one in cleared.folders(base)),
        seconds_saved=sum((one["seconds_saved"] for one in stats), 0.0),
        directory=str(base),
    )


def _is_off() -> bool:
    return settings.current.mode == "off"


_Sizes = tuple[int, int]  #: results and their bytes


def _stored() -> tuple[dict[str, _Sizes], dict[tuple[str, ...], _Sizes]]:
    """What the store holds by function, and joblib by folder; nothing is read while it is off."""
    if _is_off():
        return {}, {}
    store = active()
    return store.sizes(), joblib_sizes(store.directory / JOBLIB_FOLDER)


def _sizes_of(
    function: str, stored: dict[str, _Sizes], by_joblib: dict[tuple[str, ...], _Sizes]
) -> list[_Sizes]:
    found = [by_joblib[folder] for folder in stored_folders_of(function, by_joblib)]
    return [*found, stored.get(function, (0, 0))]


def _total(sizes: Iterable[_Sizes]) -> _Sizes:
    listed = list(sizes)
    return sum(count for count, _ in listed), sum(size for _, size in listed)


def _counts(counted: Counters, off: int) -> FunctionStats:
    """The counts of the store, and the calls of this process while the cache was off."""
    reasons = {str(reason): times for reason, times in counted.reasons.items()}
    if off:
        reasons[str(Reason.MODE_OFF)] = off
    computed = counted.computed + off
    served = counted.hits + counted.adopted
    calls = served + computed
    return FunctionStats(
        hits=counted.hits,
        adopted=counted.adopted,
        computed=computed,
        misses=computed,
        hit_rate=served / calls if calls else None,
        reasons=reasons,
        seconds_computed=counted.seconds_computed,
        seconds_saved=counted.seconds_saved,
    )


def _function_stats(
    function: str, counts: FunctionStats, sizes: Iterable[_Sizes]
) -> FunctionCacheStats:
    entries, size = _total(sizes)
    served = counts["hits"] + counts["adopted"]
    return FunctionCacheStats(
        function_name=function,
        total_calls=served + counts["misses"],
        cache_hits=served,
        adopted=counts["adopted"],
        cache_misses=counts["misses"],
        hit_rate=counts["hit_rate"],
        reasons=counts["reasons"],
        seconds_computed=counts["seconds_computed"],
        seconds_saved=counts["seconds_saved"],
        entries=entries,
        cache_size_mb=size / 1e6,
    )
