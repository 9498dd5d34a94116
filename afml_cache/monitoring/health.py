"""Whether the cache is well, in findings that each name a remedy. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypedDict

from afml_cache.monitoring.figures import FunctionCacheStats, known_total
from afml_cache.monitoring.patterns import (
    UNSTORED,
    asked,
    hits_cost_more,
    misses_cost_more,
    misses_often,
    unstored,
)
from afml_cache.monitoring.words import (
    bytes_in_words,
    on_screen,
    percent,
    saved_in_words,
    seconds_in_words,
)
from afml_cache.outcomes import Reason
from afml_cache.store.location import why_no_cache

Status = Literal["good", "attention", "empty", "absent", "off"]

#: From this share of the size limit on, the cache is called full.
_FULL = 0.95


#: What a finding is about, for programs: which command acts on it depends on this alone.
Kind = Literal[
    "off", "readonly", "damaged", "unavailable", "full", "costly", "unstored",
    "upgrade", "keep", "note_exact_keys", "misses", "raised", "joblib_size", "replaced",
]  # fmt: skip


class Finding(TypedDict):
    """One thing to look at: what it is, the function (None: the whole cache), what to do."""

    kind: Kind
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
    saved_s: float | None
    saved_unknown: int
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
    absent: bool,
    faults: Mapping[str, int],
    damaged: Sequence[str] = (),
) -> HealthReport:
    """Judge the numbers of all functions, and the faults that the store has met.

    ``own_bytes`` are those that the size limit is about: what the store holds without joblib's.
    ``absent``: there is no cache in the directory. ``damaged`` are indexes that were moved aside.
    """
    hits = sum(one.cache_hits for one in stats)
    misses = sum(one.cache_misses for one in stats)
    size = sum(one.size_bytes for one in stats)
    reasons: dict[str, int] = {}
    for one in stats:
        for reason, times in one.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + times
    findings = [*_of_mode(mode), *_of_damage(damaged), *_of_faults(faults)]
    findings += _of_size(own_bytes, size_limit)
    findings += _of_joblib(size - own_bytes, own_bytes, size_limit)
    for one in stats:
        findings += _of_function(one)
    # Advice to leave a function as it is asks for nothing.
    to_do = any(finding["kind"] != "keep" for finding in findings)
    status: Status = "attention" if to_do else "good"
    if mode == "off":
        status = "off"
    elif not stats and not damaged:  # else what there was may be lost
        status = "absent" if absent else "empty"
    return HealthReport(
        status=status,
        directory=directory,
        total_calls=hits + misses,
        hits=hits,
        misses=misses,
        hit_rate=hits / (hits + misses) if hits + misses else 0.0,
        saved_s=known_total(one.saved_s for one in stats),
        saved_unknown=sum(one.saved_s is None for one in stats),
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
    lines = [f"Cache health: {report['status']}", f"  {report['directory']}"]
    if report["status"] == "off":
        lines += [
            f"  {report['total_calls']:,} calls of this process passed it by",
            "  what is stored is not looked at meanwhile",
            *_findings_in_words(report["findings"]),
        ]
        return on_screen("\n".join(lines))
    if report["status"] == "absent":
        place = Path(report["directory"])
        return on_screen(
            f"{lines[0]}\n  {why_no_cache(place)} with AFML_CACHE or configure(directory=...)."
        )
    if report["total_calls"]:
        lines += [
            f"  {percent(report['hit_rate'])} hit rate: {hits} calls",
            f"  {saved_in_words(report['saved_s'], report['saved_unknown'])}",
        ]
    else:
        lines.append("  no call was counted yet")
    lines.append(f"  {report['entries']:,} results, {size}")
    if report["miss_reasons"]:
        told = ", ".join(f"{times:,} {reason}" for reason, times in report["miss_reasons"].items())
        lines.append(f"  misses: {told}")
    if report["status"] == "empty":
        lines.append("  call a function under @cacheable or a newer decorator, and look again")
    return on_screen("\n".join([*lines, *_findings_in_words(report["findings"])]))


def _findings_in_words(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        whose = f"{finding['function']}: " if finding["function"] else ""
        yield f"  ! {whose}{finding['what']}"
        yield f"    {finding['remedy']}"


def _of_mode(mode: str) -> list[Finding]:
    if mode == "off":
        return [_finding("off", "the cache is switched off", "configure(mode='on') switches it on")]
    if mode == "readonly":
        what = "nothing new is stored (mode readonly)"
        return [_finding("readonly", what, "configure(mode='on') stores")]
    return []


_FAULTS = {
    Reason.TAMPERED: "the bytes of an entry did not match its seal: see who can write there",
    Reason.UNREADABLE: "an entry could not be read back, and was computed again",
    Reason.OTHER_SECRET: "entries are sealed with another secret: set AFML_CACHE_SECRET alike",
}


_DAMAGED = frozenset({Reason.TAMPERED, Reason.UNREADABLE})


def _of_faults(faults: Mapping[str, int]) -> list[Finding]:
    known: Mapping[str, str] = {str(reason): text for reason, text in _FAULTS.items()}
    return [
        _finding(
            "damaged" if name in _DAMAGED else "unavailable",
            f"{times:,} times {name}",
            known.get(name, "the store could not be used: see its disk, room and permissions"),
        )
        for name, times in faults.items()
        if times
    ]


def _of_damage(damaged: Sequence[str]) -> list[Finding]:
    if not damaged:
        return []
    return [
        _finding(
            "replaced",
            f"the index was damaged and moved aside ({', '.join(damaged)}): what could not be read "
            "out of it is lost, statistics and small results; large results are still there",
            "lost results are computed again; see that the disk is sound (afml-cache doctor), and "
            "remove what was moved aside when nothing is missed",
        )
    ]


def _of_size(size: int, limit: int | None) -> list[Finding]:
    if limit is None or size < _FULL * limit:
        return []
    return [
        _finding(
            "full",
            f"the cache is full: {bytes_in_words(size)} of {bytes_in_words(limit)}",
            "results are evicted, the cheapest first; configure(size_limit=...) gives more room",
        )
    ]


def _of_joblib(joblibs: int, own: int, limit: int | None) -> list[Finding]:
    if limit is None or joblibs <= 0 or own + joblibs <= limit:
        return []
    return [
        _finding(
            "joblib_size",
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
        found.append(_finding("costly", what, remedy, one))
    if unstored(one):
        which = ", ".join(reason for reason in UNSTORED if one.reasons.get(reason))
        what = f"{unstored(one):,} results could not be kept ({which})"
        remedy = "the warning at its first such call says what to change"
        found.append(_finding("unstored", what, remedy, one))
    elif misses_often(one) and 2 * one.raised > asked(one) - one.cache_hits:
        what = f"{one.raised:,} of {asked(one):,} calls raised"
        remedy = (
            "what raises is not stored and runs again at each such call: return what says so, or "
            "look at the arguments before calling"
        )
        found.append(_finding("raised", what, remedy, one))
    elif misses_often(one):
        what = f"{percent(_rate(one))} hits in {asked(one):,} calls"
        kind, remedy = _against_misses(one)
        found.append(_finding(kind, what, remedy, one))
    return found


def _against_misses(one: FunctionCacheStats) -> tuple[Kind, str]:
    reasons = {reason: times for reason, times in one.reasons.items() if reason != Reason.MODE_OFF}
    most = max(reasons, key=lambda reason: reasons[reason], default="")
    if most == Reason.STORE_UNAVAILABLE:  # no advice about keys helps
        return "misses", _REMEDIES[most]
    if one.under_cacheable and one.robust_hit_rate is not None:
        rate = f"exact keys would have had {percent(one.robust_hit_rate)}"
        had = _rate(one) if one.noted_hit_rate is None else one.noted_hit_rate
        if one.robust_hit_rate > had:
            return "upgrade", f"{rate}: upgrade it to @robust_cacheable"
        return "keep", f"{rate}: keep it as it is"
    if one.under_cacheable:
        what = "configure(note_exact_keys=True) tells what @robust_cacheable would bring"
        return "note_exact_keys", what
    if most == Reason.CODE and "<" in one.function_name:
        return "misses", _against_other_code_of(one.function_name)
    return "misses", _REMEDIES.get(
        most, "explain_last_miss() tells what differed after such a call"
    )


def _against_other_code_of(name: str) -> str:
    """What to do where one name is that of many functions: nobody has to have edited anything."""
    if name.endswith("<lambda>"):
        return (
            "lambdas have this name, whichever they are, and what one closes over is its code: "
            "write a def, and hand over as an argument what differs"
        )
    return (
        "it was edited, or it is made anew with another value each time: what it closes over is "
        "its code, so hand that over as an argument"
    )


def _rate(one: FunctionCacheStats) -> float:
    return one.cache_hits / asked(one) if asked(one) else 0.0


_REMEDIES: dict[str, str] = {
    Reason.CODE: "its code, or a helper's, changed, or several functions have its name (in two "
    "programs of one file name, say): keep apart what changes, and give each a name of its own",
    Reason.ENVIRONMENT: "other package versions: configure(package_versions='ignore') ignores them",
    Reason.EXPIRED: "a longer ttl= or age_limit would keep its results",
    Reason.EVICTED: "configure(size_limit=...) gives it more room",
    Reason.STORE_UNAVAILABLE: "nothing could be stored: see that the cache directory can be "
    "written to and has room",
    Reason.SOURCE_CHANGED: "its file was edited after the import: reload it, or restart Python",
}


def _finding(kind: Kind, what: str, remedy: str, one: FunctionCacheStats | None = None) -> Finding:
    function = None if one is None else one.function_name
    return Finding(kind=kind, what=what, function=function, remedy=remedy)
