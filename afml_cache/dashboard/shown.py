"""What the dashboard shows, as a value: every number on the page is one of these. Pure.

No figure is computed here: numbers are the monitor's, and this chooses, sorts and names them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from afml_cache.cache_monitoring import CacheStatus
from afml_cache.dashboard.advice import Command, Commands, Recommendation
from afml_cache.monitoring.health import HealthReport
from afml_cache.monitoring.words import bytes_in_words, one_line
from afml_cache.outcomes import Reason
from afml_cache.store.upkeep import Freed

#: Functions in a plot; the rest are in the table of all.
TOP = 12
#: Functions in that table, and in that of stale ones; the command has all.
LISTED = 1_000

#: What each reason of a miss means.
MEANING: dict[str, str] = {
    Reason.FIRST_CALL: "nothing of the function was stored yet",
    Reason.ARGUMENT: "other arguments",
    Reason.CODE: "its code was changed, or a helper's",
    Reason.ENVIRONMENT: "other versions of packages",
    Reason.EXPIRED: "the result had expired",
    Reason.EVICTED: "the result had made room for others",
    Reason.CLEARED: "the result had been cleared",
    Reason.UNREADABLE: "the result could not be read back",
    Reason.TAMPERED: "the result did not match its seal",
    Reason.OTHER_SECRET: "the result was sealed with another secret",
    Reason.SOURCE_CHANGED: "the file was edited after the import",
    Reason.ADOPTION_REFUSED: "an older result may not be used",
    Reason.ARGUMENT_MUTATED: "the function changes its argument",
    Reason.RESULT_UNPICKLABLE: "the result cannot be stored",
    Reason.UNKEYABLE: "an argument has no key",
    Reason.STORE_UNAVAILABLE: "the store could not be used",
    Reason.MODE_OFF: "the cache was switched off",
}


@dataclass(frozen=True, slots=True)
class Function:
    """One function; the fields are those of :class:`~afml_cache.FunctionCacheStats`.

    ``first_to_go`` and ``first_to_go_bytes``: results of it that eviction would take next.
    """

    name: str
    calls: int
    hits: int
    misses: int
    hit_rate: float | None
    seconds_computed: float
    avg_compute_s: float | None
    avg_hit_s: float | None
    saved_s: float | None
    entries: int
    size_bytes: int
    last_access: str | None
    first_to_go: int
    first_to_go_bytes: int


@dataclass(frozen=True, slots=True)
class Hour:
    """The calls of all functions in one hour; ``start`` is UTC in ISO format."""

    start: str
    calls: int
    hits: int
    misses: int
    hit_rate: float | None


@dataclass(frozen=True, slots=True)
class MissReason:
    """How often calls missed for one reason."""

    reason: str
    times: int
    meaning: str


@dataclass(frozen=True, slots=True)
class Stale:
    """A function that was not called for long and has results stored."""

    name: str
    size_bytes: int
    last_access: str | None
    command: Command | None


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything on the page. Times are in seconds, sizes in bytes.

    ``functions`` are all, the most called first; ``by_saved``, ``by_cost`` (seconds spent
    computing) and ``by_size`` the first of them, largest first; ``by_hit_rate`` the most called,
    the lowest rate first. ``expired`` and ``first_to_go`` are results and bytes: what has expired,
    and what one eviction would take; ``unused`` what was not used for 30 days.
    """

    directory: str
    status: str
    calls: int
    hits: int
    misses: int
    hit_rate: float
    saved_s: float | None
    saved_unknown: int
    entries: int
    size_bytes: int
    size_limit: int | None
    cleared_bytes: int
    functions: tuple[Function, ...]
    by_saved: tuple[Function, ...]
    by_cost: tuple[Function, ...]
    by_hit_rate: tuple[Function, ...]
    by_size: tuple[Function, ...]
    hours: tuple[Hour, ...]
    reasons: tuple[MissReason, ...]
    expired: tuple[int, int]
    unused: tuple[int, int]
    first_to_go: tuple[int, int]
    stale: tuple[Stale, ...]
    recommendations: tuple[Recommendation, ...]


def shown_of(
    status: CacheStatus,
    hours: Sequence[Hour],
    expired: Freed,
    first_to_go: Freed,
    unused: Freed,
    *,
    stored: Mapping[str, int],
    commands: Commands,
) -> Shown:
    """Choose what is shown.

    Parameters
    ----------
    status : dict
        As of :func:`afml_cache.get_comprehensive_cache_status`.
    hours : sequence of Hour
        The oldest first.
    expired, first_to_go : Freed
        As of :func:`afml_cache.store.foresight.first_to_go`.
    unused : Freed
        Results that were not used for 30 days.
    stored : dict
        Function -> results that the store itself holds, joblib's not counted.
    commands : Commands
        Of this cache.
    """
    health = status["health"]
    rows = [_function(one, first_to_go) for one in status["functions"]]
    called = [one for one in rows if one.hit_rate is not None]
    stale = status["patterns"]["stale_functions"]
    last = {one["function_name"]: one["last_access"] for one in status["functions"]}
    return Shown(
        directory=one_line(health["directory"]),
        status=health["status"],
        calls=health["total_calls"],
        hits=health["hits"],
        misses=health["misses"],
        hit_rate=health["hit_rate"],
        saved_s=health["saved_s"],
        saved_unknown=health["saved_unknown"],
        entries=health["entries"],
        size_bytes=health["size_bytes"],
        size_limit=health["size_limit"],
        cleared_bytes=status["summary"]["cleared_bytes"],
        functions=tuple(rows),
        by_saved=_top([one for one in rows if one.saved_s], lambda one: one.saved_s or 0.0),
        by_cost=_top(
            [one for one in rows if one.seconds_computed], lambda one: one.seconds_computed
        ),
        by_hit_rate=tuple(sorted(called[:TOP], key=lambda one: (one.hit_rate, -one.calls))),
        by_size=_top([one for one in rows if one.size_bytes], lambda one: one.size_bytes),
        hours=tuple(hours),
        reasons=tuple(
            MissReason(reason, times, MEANING.get(reason, "a reason of a newer version"))
            for reason, times in health["miss_reasons"].items()
        ),
        expired=(expired.entries, expired.bytes),
        unused=(unused.entries, unused.bytes),
        first_to_go=(first_to_go.entries, first_to_go.bytes),
        stale=tuple(
            Stale(
                one_line(one["function"]),
                one["size_bytes"],
                last[one["function"]],
                commands.cache("clear", name=one["function"]),
            )
            for one in stale
        ),
        recommendations=(
            *_recommendations(health, stored, commands),
            *_of_expired(expired, commands),
            *_of_unused(unused, commands),
        ),
    )


def _function(one: Mapping[str, Any], first_to_go: Freed) -> Function:
    going, going_bytes = first_to_go.functions.get(one["function_name"], (0, 0))
    return Function(
        name=one_line(one["function_name"]),
        calls=one["total_calls"],
        hits=one["cache_hits"],
        misses=one["cache_misses"],
        hit_rate=one["hit_rate"],
        seconds_computed=one["seconds_computed"],
        avg_compute_s=one["avg_compute_s"],
        avg_hit_s=one["avg_hit_s"],
        saved_s=one["saved_s"],
        entries=one["entries"],
        size_bytes=one["size_bytes"],
        last_access=one["last_access"],
        first_to_go=going,
        first_to_go_bytes=going_bytes,
    )


def _top(rows: list[Function], weight: Callable[[Function], float]) -> tuple[Function, ...]:
    return tuple(sorted(rows, key=weight, reverse=True)[:TOP])


def _recommendations(
    health: HealthReport, stored: Mapping[str, int], commands: Commands
) -> tuple[Recommendation, ...]:
    return tuple(
        Recommendation(
            kind=one["kind"],
            what=one["what"],
            function=None if one["function"] is None else one_line(one["function"]),
            remedy=one["remedy"],
            command=commands.of_finding(one, size_limit=health["size_limit"], stored=stored),
        )
        for one in health["findings"]
    )


def _of_expired(expired: Freed, commands: Commands) -> list[Recommendation]:
    if not expired:
        return []
    which = "result has" if expired.entries == 1 else "results have"
    what = f"{expired.entries:,} {which} expired ({bytes_in_words(expired.bytes)})"
    remedy = "they are served no more, and go when room is needed; this removes them now"
    return [Recommendation("expired", what, None, remedy, commands.cache("prune"))]


def _of_unused(unused: Freed, commands: Commands) -> list[Recommendation]:
    if not unused:
        return []
    which = "result was" if unused.entries == 1 else "results were"
    what = f"{unused.entries:,} {which} not used for 30 days ({bytes_in_words(unused.bytes)})"
    remedy = "this removes them, after asking; they are computed again if they are called"
    command = commands.cache("prune", "--max-age", "30d")
    return [Recommendation("unused", what, None, remedy, command)]
