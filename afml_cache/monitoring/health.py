"""Whether the cache is well, in findings that each name a remedy. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

from afml_cache.monitoring.figures import FunctionCacheStats
from afml_cache.monitoring.patterns import (
    UNSTORED,
    hits_cost_more,
    misses_cost_more,
    misses_often,
    unstored,
)
from afml_cache.monitoring.words import as_text, bytes_in_words, percent, seconds_in_words
from afml_cache.outcomes import Reason

Status = Literal["good", "attention", "empty", "off"]

#: From this share of the size limit on, the cache is called full.
_FULL = 0.95


class Finding(TypedDict):
    """One thing to look at: what it is, the function (None: the whole cache), what to do."""

    what: str
    function: str | None
    remedy: str


class HealthReport(TypedDict):
    """What :meth:`~afml_cache.CacheMonitor.generate_health_report` returns."""

    status: Status
    directory: str
    total_calls: int
    hits: int
    misses: int
    hit_rate: float
    saved_s: float
    entries: int
    size_bytes: int
    own_bytes: int
    size_limit: int | None
    miss_reasons: dict[str, int]
    faults: dict[str, int]
    findings: list[Finding]


def health_of(
    stats: Sequence[FunctionCacheStats],
    *,
    directory: str,
    mode: str,
    size_limit: int | None,
    own_bytes: int,
    faults: Mapping[str, int],
) -> HealthReport:
    """Judge the numbers of all functions, and the faults that the store has met.

    ``own_bytes`` are those that the size limit is about: what the store holds without joblib's.
    """
    hits = sum(one.cache_hits for one in stats)
    misses = sum(one.cache_misses for one in stats)
    size = sum(one.size_bytes for one in stats)
    reasons: dict[str, int] = {}
    for one in stats:
        for reason, times in one.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + times
    findings = [*_of_mode(mode), *_of_faults(faults), *_of_size(own_bytes, size_limit)]
    findings += _of_joblib(size - own_bytes, own_bytes, size_limit)
    for one in stats:
        findings += _of_function(one)
    status: Status = "attention" if findings else "good"
    if mode == "off":
        status = "off"
    elif not stats:
        status = "empty"
    return HealthReport(
        status=status,
        directory=directory,
        total_calls=hits + misses,
        hits=hits,
        misses=misses,
        hit_rate=hits / (hits + misses) if hits + misses else 0.0,
        saved_s=sum((one.saved_s or 0.0 for one in stats), 0.0),
        entries=sum(one.entries for one in stats),
        size_bytes=size,
        own_bytes=own_bytes,
        size_limit=size_limit,
        miss_reasons=dict(sorted(reasons.items(), key=lambda item: -item[1])),
        faults=dict(faults),
        findings=findings,
    )


def health_in_words(report: HealthReport) -> str:
    """The report as text, some lines and one a finding."""
    limit, joblibs = report["size_limit"], report["size_bytes"] - report["own_bytes"]
    size = bytes_in_words(report["size_bytes"])
    if limit is not None:
        size = f"{bytes_in_words(report['own_bytes'])} of {bytes_in_words(limit)}"
        if joblibs > 0:
            size += f", and {bytes_in_words(joblibs)} of @cacheable, which has no limit"
    hits = f"{report['hits']:,} hits and {report['misses']:,} misses in {report['total_calls']:,}"
    lines = [
        f"Cache health: {report['status']}",
        f"  {report['directory']}",
        f"  {percent(report['hit_rate'])} hit rate: {hits} calls",
        f"  {seconds_in_words(report['saved_s'])} saved",
        f"  {report['entries']:,} results, {size}",
    ]
    if report["miss_reasons"]:
        told = ", ".join(f"{times:,} {reason}" for reason, times in report["miss_reasons"].items())
        lines.append(f"  misses: {told}")
    if report["status"] == "empty":
        lines.append("  Nothing was called yet: call a function under @cacheable or a newer one.")
    for finding in report["findings"]:
        whose = f"{finding['function']}: " if finding["function"] else ""
        lines += [f"  ! {whose}{finding['what']}", f"    {finding['remedy']}"]
    return as_text("\n".join(lines))


def _of_mode(mode: str) -> list[Finding]:
    if mode == "off":
        return [_finding("the cache is switched off", "configure(mode='on') switches it on")]
    if mode == "readonly":
        return [_finding("nothing new is stored (mode readonly)", "configure(mode='on') stores")]
    return []


_FAULTS = {
    Reason.TAMPERED: "the bytes of an entry did not match its seal: see who can write there",
    Reason.UNREADABLE: "an entry could not be read back, and was computed again",
    Reason.OTHER_SECRET: "entries are sealed with another secret: set AFML_CACHE_SECRET alike",
}


def _of_faults(faults: Mapping[str, int]) -> list[Finding]:
    known: Mapping[str, str] = {str(reason): text for reason, text in _FAULTS.items()}
    return [
        _finding(
            f"{times:,} times {name}",
            known.get(name, "the store could not be used: see its disk, room and permissions"),
        )
        for name, times in faults.items()
        if times
    ]


def _of_size(size: int, limit: int | None) -> list[Finding]:
    if limit is None or size < _FULL * limit:
        return []
    return [
        _finding(
            f"the cache is full: {bytes_in_words(size)} of {bytes_in_words(limit)}",
            "results are evicted, the cheapest first; configure(size_limit=...) gives more room",
        )
    ]


def _of_joblib(joblibs: int, own: int, limit: int | None) -> list[Finding]:
    if limit is None or joblibs <= 0 or own + joblibs <= limit:
        return []
    return [
        _finding(
            f"@cacheable holds {bytes_in_words(joblibs)}, which the size limit of "
            f"{bytes_in_words(limit)} does not count",
            "joblib has no limit: selective_cache_clear(functions=[...]) clears, and "
            "@robust_cacheable keeps to the limit",
        )
    ]


def _of_function(one: FunctionCacheStats) -> list[Finding]:
    found = []
    what, remedy = "", "do not cache it, or cache the function that calls it"
    if hits_cost_more(one):
        what = f"hits cost {seconds_in_words(-(one.saved_s or 0.0))} more than computing would have"
    elif misses_cost_more(one):
        what = (
            f"misses spent {seconds_in_words(one.overhead_s)} on keys and storing, "
            f"{seconds_in_words(one.seconds_computed)} on computing"
        )
        remedy = f"unless many hits are still to come, {remedy}"
    if what:
        found.append(_finding(what, remedy, one))
    if unstored(one):
        which = ", ".join(reason for reason in UNSTORED if one.reasons.get(reason))
        what = f"{unstored(one):,} results could not be kept ({which})"
        found.append(_finding(what, "the warning at its first such call says what to change", one))
    elif misses_often(one):
        what = f"{percent(one.hit_rate or 0.0)} hits in {one.total_calls:,} calls"
        found.append(_finding(what, _against_misses(one), one))
    return found


def _against_misses(one: FunctionCacheStats) -> str:
    most = max(one.reasons, key=lambda reason: one.reasons[reason], default="")
    if most in _NO_KEY_HELPS:
        return _REMEDIES[most]
    if one.under_cacheable and one.robust_hit_rate is not None:
        rate = f"exact keys would have had {percent(one.robust_hit_rate)}"
        better = one.robust_hit_rate > (one.hit_rate or 0.0)
        return f"{rate}: upgrade it to @robust_cacheable" if better else f"{rate}: keep it as it is"
    if one.under_cacheable:
        return "configure(note_exact_keys=True) tells what @robust_cacheable would bring"
    return _REMEDIES.get(most, "explain_last_miss() tells what differed after such a call")


_REMEDIES: dict[str, str] = {
    Reason.CODE: "its code, or a helper's, changes often: keep apart what changes",
    Reason.ENVIRONMENT: "other package versions: configure(package_versions='ignore') ignores them",
    Reason.EXPIRED: "a longer ttl= or age_limit would keep its results",
    Reason.EVICTED: "configure(size_limit=...) gives it more room",
    Reason.MODE_OFF: "the cache was switched off",
    Reason.STORE_UNAVAILABLE: "nothing could be stored: see that the cache directory can be "
    "written to and has room",
    Reason.SOURCE_CHANGED: "its file was edited after the import: reload it, or restart Python",
}

#: Reasons that come before any advice about keys.
_NO_KEY_HELPS = frozenset({Reason.MODE_OFF, Reason.STORE_UNAVAILABLE})


def _finding(what: str, remedy: str, one: FunctionCacheStats | None = None) -> Finding:
    return Finding(what=what, function=None if one is None else one.function_name, remedy=remedy)
