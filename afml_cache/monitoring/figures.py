"""The numbers of each function, out of the counters and the entries of the active store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from afml_cache import settings
from afml_cache.cache_info import off_calls
from afml_cache.errors import UnknownFunctionError
from afml_cache.joblib_memory.cleared import joblib_sizes, stored_folders_of
from afml_cache.noted.keys import NotedFunction, noted_functions
from afml_cache.outcomes import Reason
from afml_cache.store.active import active
from afml_cache.store.claims import Counters
from afml_cache.store.cleared import JOBLIB_FOLDER

#: Results, and their bytes.
Sizes = tuple[int, int]


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
        Spent in the function; not spent in it thanks to the hits.
    entries : int
        Results stored, joblib's among them.
    cache_size_mb : float
        What they take, in millions of bytes.
    size_bytes : int
        The same in bytes.
    avg_compute_s, avg_hit_s : float or None
        Mean seconds of a computation, and of a hit (making the key, loading the result); None
        where none was timed.
    saved_s : float or None
        ``seconds_saved`` less what the hits and adopting took; negative where the cache costs more
        than it saves. A hit is worth what its own result had taken; hits of which that is not
        known count neither way. None where nothing is known.
    last_access : datetime or None
        The last call, UTC, to within seconds; None where there was none.
    under_cacheable : bool
        Whether joblib has served it or holds results of it.
    robust_hit_rate : float or None
        The hit rate that exact keys would have had; None where
        ``configure(note_exact_keys=True)`` has noted no call.
    overhead_s : float
        Seconds that misses took beside computing: the key, looking for the result, storing it.
        Neither the first miss in each process nor waiting for others is in it.
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
    size_bytes: int
    avg_compute_s: float | None
    avg_hit_s: float | None
    saved_s: float | None
    last_access: datetime | None
    under_cacheable: bool
    robust_hit_rate: float | None
    overhead_s: float = 0.0


def all_figures() -> list[FunctionCacheStats]:
    """Every function that was called or has results stored, the most called first."""
    counted, off = counts()
    stored, by_joblib = sizes()
    noted = {} if is_off() else noted_functions(active())
    called = sorted({*counted, *off})
    found = [
        _figures(
            name,
            counted.get(name, Counters()),
            off.get(name, 0),
            noted.get(name),
            _sizes_of(name, stored, by_joblib),
        )
        for name in called
    ]
    found += [
        _figures(name, Counters(), 0, noted.get(name), (stored[name], []))
        for name in stored.keys() - set(called)
    ]
    claimed = {folder for name in called for folder in stored_folders_of(name, by_joblib)}
    found += [
        _figures(".".join(folder), Counters(), 0, None, ((0, 0), [by_joblib[folder]]))
        for folder in by_joblib.keys() - claimed
    ]
    return sorted(found, key=lambda one: (-one.total_calls, one.function_name))


def identity_among(function: str | Callable[..., Any], names: Iterable[str]) -> str:
    """The one name that is meant: a decorated function, ``module.qualname``, or its end.

    Raises
    ------
    UnknownFunctionError
        No name is meant, or several are.
    """
    known = sorted(names)
    wanted = function if isinstance(function, str) else getattr(function, "identity", None)
    if wanted is None:
        raise UnknownFunctionError(
            f"{function!r} is no cached function; give one, or its name as module.qualname"
        )
    if wanted in known:
        return str(wanted)
    ends = [name for name in known if name.endswith(f".{wanted}")]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise UnknownFunctionError(
            f"{wanted!r} is the name of {len(ends)} functions; give the whole name of one: "
            + ", ".join(ends)
        )
    raise UnknownFunctionError(
        f"the cache {active().directory} knows no function {wanted!r}: it was not called yet and "
        "nothing is stored of it, or the name is another (get_cache_stats() has all of them)"
    )


def counts() -> tuple[dict[str, Counters], dict[str, int]]:
    """The store's counters, and this process's calls while the cache was off, by function."""
    store = active()
    return ({} if is_off() else store.counters()), off_calls(store)


def sizes() -> tuple[dict[str, Sizes], dict[tuple[str, ...], Sizes]]:
    """What the store holds by function, and joblib by folder; nothing is read while it is off."""
    if is_off():
        return {}, {}
    store = active()
    return store.sizes(), joblib_sizes(store.directory / JOBLIB_FOLDER)


def total(listed: Iterable[Sizes]) -> Sizes:
    """Results and bytes altogether."""
    each = list(listed)
    return sum(count for count, _ in each), sum(size for _, size in each)


def is_off() -> bool:
    """Whether the cache is switched off: then nothing is read, not even to be counted."""
    return settings.current.mode == "off"


def reasons_of(counted: Counters, off: int) -> dict[str, int]:
    """Why calls were computed; ``off`` of them were while the cache was off."""
    reasons = {str(reason): times for reason, times in counted.reasons.items()}
    return {**reasons, str(Reason.MODE_OFF): off} if off else reasons


def avg_compute(counted: Counters) -> float | None:
    """Mean seconds of a computation; None where none was timed."""
    timed = counted.computed - counted.computed_untimed
    return counted.seconds_computed / timed if timed > 0 else None


def avg_hit(counted: Counters) -> float | None:
    """Mean seconds of a hit; None where none was timed."""
    return counted.hit_seconds / counted.hits_timed if counted.hits_timed > 0 else None


def saved(counted: Counters) -> float | None:
    """Seconds saved, less what hits and adopting took; None where nothing of it is known.

    Hits of unknown worth count neither way.
    """
    priced = max(0, counted.hits - counted.hits_unpriced)
    if counted.hits and not priced and not counted.adopted:
        return None
    spent = priced * (avg_hit(counted) or 0.0) + counted.adopt_seconds
    return counted.seconds_saved - spent


def _sizes_of(
    function: str, stored: dict[str, Sizes], by_joblib: dict[tuple[str, ...], Sizes]
) -> tuple[Sizes, list[Sizes]]:
    joblibs = [by_joblib[folder] for folder in stored_folders_of(function, by_joblib)]
    return stored.get(function, (0, 0)), joblibs


def _figures(
    function: str,
    counted: Counters,
    off: int,
    noted: NotedFunction | None,
    held: tuple[Sizes, list[Sizes]],
) -> FunctionCacheStats:
    own, joblibs = held
    entries, size = total([own, *joblibs])
    hits = counted.hits + counted.adopted
    misses = counted.computed + off
    return FunctionCacheStats(
        function_name=function,
        total_calls=hits + misses,
        cache_hits=hits,
        adopted=counted.adopted,
        cache_misses=misses,
        hit_rate=hits / (hits + misses) if hits + misses else None,
        reasons=reasons_of(counted, off),
        seconds_computed=counted.seconds_computed,
        seconds_saved=counted.seconds_saved,
        entries=entries,
        cache_size_mb=size / 1e6,
        size_bytes=size,
        avg_compute_s=avg_compute(counted),
        avg_hit_s=avg_hit(counted),
        saved_s=saved(counted),
        last_access=None if counted.last is None else datetime.fromtimestamp(counted.last, UTC),
        under_cacheable=bool(joblibs) or counted.hits_unpriced > 0,
        robust_hit_rate=None if noted is None else noted.robust_hit_rate,
        overhead_s=counted.miss_seconds,
    )
