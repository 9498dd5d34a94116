"""What the numbers of functions have in common: which miss often, cost much, are stale. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypedDict

from afml_cache.monitoring.figures import FunctionCacheStats
from afml_cache.outcomes import Reason
from afml_cache.store.worth import LOSING_CALLS, LOSS

#: A function misses often with at least so many calls and at most this hit rate; the codemods
#: select by the same.
CALLS, HIT_RATE = 10, 0.5
#: Results that were not used for so long are called stale.
STALE = timedelta(days=30)
_MOST = 10


class FunctionPattern(TypedDict):
    """One function in a list of patterns. ``hit_rate`` is 0.0 where there was no call."""

    function: str
    calls: int
    hits: int
    misses: int
    hit_rate: float
    reasons: dict[str, int]
    avg_compute_s: float | None
    avg_hit_s: float | None
    saved_s: float | None
    robust_hit_rate: float | None
    size_bytes: int


class CachePatterns(TypedDict):
    """What :func:`afml_cache.analyze_cache_patterns` returns."""

    high_miss_rate_functions: list[FunctionPattern]
    costly_hit_functions: list[FunctionPattern]
    code_change_functions: list[FunctionPattern]
    never_stored_functions: list[FunctionPattern]
    most_saving_functions: list[FunctionPattern]
    largest_functions: list[FunctionPattern]
    stale_functions: list[FunctionPattern]
    miss_reasons: dict[str, int]


def patterns_of(stats: Sequence[FunctionCacheStats], now: datetime) -> CachePatterns:
    """Find what is worth a look; lists of functions begin with the one that matters most."""
    reasons: Counter[str] = Counter()
    for one in stats:
        reasons.update(one.reasons)
    return CachePatterns(
        high_miss_rate_functions=_listed(stats, misses_often, lambda one: _lost(one)),
        costly_hit_functions=_listed(
            stats, costs_more, lambda one: one.overhead_s - (one.saved_s or 0.0)
        ),
        code_change_functions=_listed(
            stats,
            lambda one: one.reasons.get(Reason.CODE, 0) > 0,
            lambda one: one.reasons[Reason.CODE],
        ),
        never_stored_functions=_listed(
            stats, lambda one: unstored(one) > 0, lambda one: unstored(one)
        ),
        most_saving_functions=_listed(
            stats, lambda one: (one.saved_s or 0.0) > 0.0, lambda one: one.saved_s or 0.0, _MOST
        ),
        largest_functions=_listed(
            stats, lambda one: one.size_bytes > 0, lambda one: one.size_bytes, _MOST
        ),
        stale_functions=_listed(
            stats,
            lambda one: one.entries > 0 and _was_used(one) < now - STALE,
            lambda one: one.size_bytes,
        ),
        miss_reasons=dict(reasons.most_common()),
    )


def misses_often(one: FunctionCacheStats) -> bool:
    """Whether a function is called often and served seldom."""
    return asked(one) >= CALLS and one.cache_hits <= HIT_RATE * asked(one)


def asked(one: FunctionCacheStats) -> int:
    """Calls that asked the cache: those while it was switched off say nothing about it."""
    return one.total_calls - one.reasons.get(Reason.MODE_OFF, 0)


def costs_more(one: FunctionCacheStats) -> bool:
    """Whether caching a function took longer than computing would have, at hits or at misses."""
    return hits_cost_more(one) or misses_cost_more(one)


def hits_cost_more(one: FunctionCacheStats) -> bool:
    """Whether the hits of a function took longer than computing would have."""
    return one.cache_hits >= LOSING_CALLS and one.saved_s is not None and one.saved_s <= -LOSS


def misses_cost_more(one: FunctionCacheStats) -> bool:
    """Whether keys and storing took longer than computing, and no hits made up for it."""
    lost = one.overhead_s - one.seconds_computed
    return one.cache_misses >= LOSING_CALLS and lost >= max(LOSS, one.saved_s or 0.0)


#: Why a computed result was not stored although nothing was wrong with the cache.
UNSTORED = (Reason.UNKEYABLE, Reason.RESULT_UNPICKLABLE, Reason.ARGUMENT_MUTATED)


def unstored(one: FunctionCacheStats) -> int:
    """Calls that no cache could keep, as the function is now."""
    return sum(one.reasons.get(reason, 0) for reason in UNSTORED)


def _was_used(one: FunctionCacheStats) -> datetime:
    """When what is stored was last used: by a call that was counted or, before that, by any."""
    known = [when for when in (one.last_access, one.last_used) if when is not None]
    return max(known, default=datetime.max.replace(tzinfo=UTC))


def _lost(one: FunctionCacheStats) -> float:
    """Seconds that the misses took; where that is not known, one each."""
    return one.cache_misses * (1.0 if one.avg_compute_s is None else one.avg_compute_s)


def _listed(
    stats: Sequence[FunctionCacheStats],
    belongs: Callable[[FunctionCacheStats], bool],
    weight: Callable[[FunctionCacheStats], float],
    most: int | None = None,
) -> list[FunctionPattern]:
    found = sorted(filter(belongs, stats), key=weight, reverse=True)
    return [
        FunctionPattern(
            function=one.function_name,
            calls=one.total_calls,
            hits=one.cache_hits,
            misses=one.cache_misses,
            hit_rate=one.hit_rate or 0.0,
            reasons=dict(one.reasons),
            avg_compute_s=one.avg_compute_s,
            avg_hit_s=one.avg_hit_s,
            saved_s=one.saved_s,
            robust_hit_rate=one.robust_hit_rate,
            size_bytes=one.size_bytes,
        )
        for one in found[:most]
    ]
