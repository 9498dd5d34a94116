"""The numbers of each function, out of the counters and the entries of the active store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from afml_cache import settings
from afml_cache.cache_info import off_calls
from afml_cache.cacheable_functions import decorated_functions, is_decorated
from afml_cache.errors import UnknownFunctionError
from afml_cache.joblib_memory.cleared import JoblibHeld, joblib_held, stored_folders_of
from afml_cache.memo import CachedFunction
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
    seconds_computed : float
        Spent in the function.
    seconds_saved : float or None
        Not spent in it thanks to the hits. joblib does not say what a result had taken, so a hit
        under ``@cacheable`` counts for ``avg_compute_s``; None where that is not known.
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
        Whether ``@cacheable`` is its decorator as this process has loaded it; where it has not,
        whether joblib holds results of it and no newer decorator has stored or adopted any.
    robust_hit_rate : float or None
        The hit rate that exact keys would have had; None where
        ``configure(note_exact_keys=True)`` has noted no call, and under a newer decorator.
    noted_hit_rate : float or None
        The hit rate that joblib had in the calls that ``robust_hit_rate`` is of.
    last_used : datetime or None
        When a result was last used or stored, UTC, calls that nobody counted among these (under
        ``@cacheable`` as the file system tells it); None where nothing is stored.
    raised : int
        Misses that raised, so that nothing was stored; since when versions count them.
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
    seconds_saved: float | None
    entries: int
    cache_size_mb: float
    size_bytes: int
    avg_compute_s: float | None
    avg_hit_s: float | None
    saved_s: float | None
    last_access: datetime | None
    under_cacheable: bool
    robust_hit_rate: float | None
    noted_hit_rate: float | None = None
    last_used: datetime | None = None
    raised: int = 0
    overhead_s: float = 0.0


def all_figures() -> list[FunctionCacheStats]:
    """Every function that was called or has results stored, the most called first."""
    counted, off = counts()
    stored, by_joblib = sizes()
    used = {} if is_off() else active().last_used()
    noted = {} if is_off() else noted_functions(active())
    newer = _loaded_under_a_newer_decorator()
    found = [
        _figures(
            name,
            counted.get(name, Counters()),
            off.get(name, 0),
            noted.get(name),
            (stored.get(name, (0, 0)), [by_joblib[folder] for folder in folders]),
            used.get(name),
            newer.get(name),
        )
        for name, folders in joblib_folders(counted, off, stored, by_joblib).items()
    ]
    return sorted(found, key=lambda one: (-one.total_calls, one.function_name))


def joblib_folders(
    counted: Collection[str],
    off: Collection[str],
    stored: Collection[str],
    by_joblib: Collection[tuple[str, ...]],
) -> dict[str, list[tuple[str, ...]]]:
    """Every function there is, called or stored, and joblib's folders of it among ``by_joblib``."""
    found = {name: stored_folders_of(name, by_joblib) for name in sorted({*counted, *off, *stored})}
    claimed = {folder for folders in found.values() for folder in folders}
    return found | {".".join(folder): [folder] for folder in sorted({*by_joblib} - claimed)}


def figures_of(function: str | Callable[..., Any]) -> FunctionCacheStats:
    """The numbers of one function; zeros for one that was decorated and not called yet.

    Raises
    ------
    UnknownFunctionError
        As :func:`identity_among`.
    """
    found = {one.function_name: one for one in all_figures()}
    name = identity_among(function, found)
    if name in found:
        return found[name]
    newer = _loaded_under_a_newer_decorator().get(name)
    return _figures(name, Counters(), 0, None, ((0, 0), []), None, newer)


def identity_among(function: str | Callable[..., Any], names: Iterable[str]) -> str:
    """The one name that is meant: of a decorated function, ``module.qualname``, or its end.

    A decorated function has its name whether or not it is among ``names``.

    Raises
    ------
    UnknownFunctionError
        No name is meant, or several are.
    """
    if not isinstance(function, str):
        return _identity_of(function)
    known, wanted = sorted(names), function
    if wanted in known:
        return wanted
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


def _identity_of(function: object) -> str:
    """The name of a decorated function, also of one that is bound, partly applied or wrapped."""
    found: Any = function
    for _ in range(100):  # whatever leads back to itself ends, too
        if is_decorated(found):
            return str(found.identity)
        for name in ("func", "fget", "__func__", "__wrapped__"):
            inner = getattr(found, name, None)
            if inner is not None:
                found = inner
                break
        else:
            break
    raise UnknownFunctionError(
        f"{function!r} is no cached function; give one, or its name as module.qualname"
    )


def counts() -> tuple[dict[str, Counters], dict[str, int]]:
    """The store's counters, and this process's calls while the cache was off, by function."""
    store = active()
    return ({} if is_off() else store.counters()), off_calls(store)


def sizes() -> tuple[dict[str, Sizes], dict[tuple[str, ...], JoblibHeld]]:
    """What the store holds by function, and joblib by folder; nothing is read while it is off."""
    if is_off():
        return {}, {}
    store = active()
    return store.sizes(), joblib_held(store.directory / JOBLIB_FOLDER)


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


def seconds_saved(counted: Counters) -> float | None:
    """Seconds of computing that hits made unnecessary; None where nothing of it is known.

    Hits of unknown worth count neither way.
    """
    known = _priced(counted) > 0 or counted.adopted > 0 or counted.hits == 0
    return counted.seconds_saved if known else None


def _priced(counted: Counters) -> int:
    return max(0, counted.hits - counted.hits_unpriced)


def saved(counted: Counters) -> float | None:
    """Seconds saved, less what hits and adopting took; None where it is not known."""
    computing = seconds_saved(counted)
    if computing is None:
        return None
    return computing - (_priced(counted) * (avg_hit(counted) or 0.0) + counted.adopt_seconds)


def known_total(each: Iterable[float | None]) -> float | None:
    """What is known added up; None where something is not known and all the rest is nothing."""
    listed = list(each)
    known = [seconds for seconds in listed if seconds]
    return sum(known) if known or None not in listed else None


def _loaded_under_a_newer_decorator() -> dict[str, bool]:
    """The decorated functions of this process; of two of one name, the one decorated last."""
    return {one.identity: isinstance(one, CachedFunction) for one in decorated_functions()}


def _figures(
    function: str,
    counted: Counters,
    off: int,
    noted: NotedFunction | None,
    held: tuple[Sizes, list[JoblibHeld]],
    used: float | None,
    is_newer: bool | None,
) -> FunctionCacheStats:
    own, joblibs = held
    if is_newer is None:  # not loaded here
        is_newer = own[0] > 0 or counted.adopted > 0
        under_cacheable = not is_newer and bool(joblibs)
    else:
        under_cacheable = not is_newer
    if is_newer:
        noted = None  # what was noted is of calls under @cacheable, from before
    entries, size = total([own, *((one.entries, one.bytes) for one in joblibs)])
    used = max([*([] if used is None else [used]), *(one.used for one in joblibs)], default=None)
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
        seconds_saved=seconds_saved(counted),
        entries=entries,
        cache_size_mb=size / 1e6,
        size_bytes=size,
        avg_compute_s=avg_compute(counted),
        avg_hit_s=avg_hit(counted),
        saved_s=saved(counted),
        last_access=_when(counted.last),
        last_used=_when(used),
        raised=counted.raised,
        under_cacheable=under_cacheable,
        robust_hit_rate=None if noted is None else noted.robust_hit_rate,
        noted_hit_rate=None if noted is None else noted.joblib_hit_rate,
        overhead_s=counted.miss_seconds,
    )


def _when(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
