"""What the cache did: the counts of the active store, function by function and all together."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from afml_cache import settings
from afml_cache.cache_analyzer import CacheAnalyzer
from afml_cache.monitoring import figures
from afml_cache.monitoring.evidence import evidence_of
from afml_cache.monitoring.figures import FunctionCacheStats
from afml_cache.monitoring.files import write_report, write_whole
from afml_cache.monitoring.health import HealthReport, health_in_words, health_of
from afml_cache.monitoring.patterns import CachePatterns, patterns_of
from afml_cache.monitoring.summary import (
    CacheSummary,
    FunctionStats,
    get_cache_hit_rate,
    get_cache_stats,
    get_cache_summary,
)
from afml_cache.monitoring.tables import compact_table, text_table
from afml_cache.monitoring.words import on_screen, percent, saved_in_words
from afml_cache.store.active import active
from afml_cache.store.location import is_cache
from afml_cache.store.repair import were_set_aside

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CacheAnalyzer",
    "CacheMonitor",
    "CacheStatus",
    "CacheSummary",
    "FunctionCacheStats",
    "FunctionStats",
    "analyze_cache_patterns",
    "export_evidence",
    "get_cache_efficiency_report",
    "get_cache_hit_rate",
    "get_cache_monitor",
    "get_cache_stats",
    "get_cache_summary",
    "get_comprehensive_cache_status",
    "print_cache_health",
]


class CacheStatus(TypedDict):
    """What :func:`get_comprehensive_cache_status` returns."""

    summary: CacheSummary
    health: HealthReport
    patterns: CachePatterns
    functions: list[dict[str, Any]]
    settings: dict[str, Any]


class CacheMonitor:
    """Watches the active store; made by :func:`get_cache_monitor`. Shown as a table."""

    def get_all_function_stats(self) -> list[FunctionCacheStats]:
        """Every function that was called or has results stored, the most called first."""
        return figures.all_figures()

    def get_function_stats(self, name: str | Callable[..., Any]) -> FunctionCacheStats:
        """The numbers of one function.

        Parameters
        ----------
        name : str or callable
            ``module.qualname``, its end (``"labels"``) where that means one function only, or the
            decorated function; also a bound method, a ``functools.partial`` or a wrapper of one.
            The numbers of a decorated function that was not called yet are zeros.

        Raises
        ------
        UnknownFunctionError
            The store knows no such function, or several.
        """
        return figures.figures_of(name)

    def get_efficiency_report(self) -> pd.DataFrame:
        """As :func:`get_cache_efficiency_report`."""
        from afml_cache.monitoring.frames import efficiency_frame

        return efficiency_frame(self.get_all_function_stats())

    def generate_health_report(self) -> HealthReport:
        """Whether the cache is well: its numbers, and ``findings`` that each name a remedy.

        Returns
        -------
        dict
            ``status`` ("good", "attention", "empty", "absent": there is no cache, and looking makes
            none, "off"), ``directory``, ``total_calls``, ``hits``, ``misses``, ``hit_rate``,
            ``saved_s`` (without ``saved_unknown`` functions of which it is not known; None where
            nothing else was saved), ``entries``, ``size_bytes``, ``own_bytes`` (those that
            ``size_limit`` is about: without joblib's), ``size_limit``, ``miss_reasons``,
            ``faults`` of the store, and ``findings``: dicts of ``kind`` (for programs), ``what``,
            ``function`` (None: the whole cache), ``remedy``.
        """
        return _health(self.get_all_function_stats())

    def analyze_cache_patterns(self) -> CachePatterns:
        """As :func:`analyze_cache_patterns`."""
        return patterns_of(self.get_all_function_stats(), datetime.now(UTC))

    def get_time_series_analysis(
        self, name: str | Callable[..., Any] | None = None, hours: int = 24
    ) -> pd.DataFrame:
        """How the calls of a function went, hour by hour.

        Parameters
        ----------
        name : str or callable, optional
            As for :meth:`get_function_stats`; None: all functions together.
        hours : int
            How far to go back, the present hour included; a month (744) is kept.

        Returns
        -------
        pandas.DataFrame
            Shape (hours, 7): ``calls``, ``hits``, ``misses`` and ``adopted`` (int64),
            ``hit_rate`` (float64, NaN where there was no call), ``seconds_computed`` and
            ``seconds_saved`` (float64), by the beginning of the hour (UTC). Adopted calls are
            among the hits.

        Raises
        ------
        UnknownFunctionError
            The store knows no such function, or several.
        ValueError
            So many hours are not kept.
        """
        from afml_cache.monitoring.frames import check_hours, hourly_frame

        check_hours(hours)
        known = [] if figures.is_off() else list(active().counters())
        if name is not None:
            known = [self.get_function_stats(name).function_name]
        return hourly_frame(
            (active().ledger.hours(one) for one in known if not figures.is_off()), hours
        )

    def export_report(self, path: str | os.PathLike[str]) -> Path:
        """Write the report to a file, in one step.

        Parameters
        ----------
        path : path
            Its ending names the format: ``.csv`` and ``.parquet`` hold the efficiency report,
            ``.json`` and ``.html`` the health report, too; ``.html``, which is to be read, leaves
            out reasons that no call missed for. ``~`` is the home directory.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        ReportError
            Another ending, or pyarrow is not installed for ``.parquet``.
        OSError
            The file cannot be written: its folder does not exist, say.
        """
        target = Path(path).expanduser()
        stats = self.get_all_function_stats()
        write_report(target, stats, _health(stats))
        return target

    def _repr_html_(self) -> str:
        return compact_table(self.get_all_function_stats(), _caption())

    def __repr__(self) -> str:
        return text_table(self.get_all_function_stats(), _caption())


def get_cache_monitor() -> CacheMonitor:
    """A monitor of the active store."""
    return CacheMonitor()


def print_cache_health() -> None:
    """Print whether the cache is well: what it saved, and what to look at, with a remedy each."""
    print(health_in_words(get_cache_monitor().generate_health_report()))


def get_cache_efficiency_report() -> pd.DataFrame:
    """The numbers of every function as a frame, the most called function first.

    Returns
    -------
    pandas.DataFrame
        A row a function, with the columns ``function`` (text), ``calls``, ``hits``, ``misses``
        (int64), ``hit_rate`` (float64 from 0 to 1, NaN where there was no call),
        ``avg_compute_s``, ``avg_hit_s``, ``saved_s`` (float64, seconds, NaN where not known),
        ``size_bytes``, ``entries``, ``adopted`` (int64; adopted calls are among the hits),
        ``raised`` (int64; among the misses),
        ``robust_hit_rate`` (float64, what exact keys would have had, NaN unless
        ``configure(note_exact_keys=True)`` noted calls), ``overhead_s`` (float64, seconds that
        misses took beside computing), ``last_access`` (UTC), and ``misses_<reason>`` (int64) for
        every :class:`Reason`.
    """
    return get_cache_monitor().get_efficiency_report()


def analyze_cache_patterns() -> CachePatterns:
    """Which functions are worth a look, and why calls missed.

    Returns
    -------
    dict
        Lists of functions, each a dict with ``function``, ``calls``, ``hits``, ``misses``,
        ``hit_rate``, ``reasons``, ``avg_compute_s``, ``avg_hit_s``, ``saved_s``,
        ``robust_hit_rate`` and ``size_bytes``, the one that matters most first:
        ``high_miss_rate_functions`` (at least 10 calls, at most half of them hits),
        ``costly_hit_functions`` (hits, or keys, took longer than computing would have),
        ``code_change_functions`` (calls for which there was a result of other code: it changed, or
        several functions have one name), ``never_stored_functions`` (results that cannot be kept),
        ``most_saving_functions`` and ``largest_functions`` (ten), ``stale_functions`` (whose
        results were not used for 30 days). And ``miss_reasons``: reason -> misses of all functions.
    """
    return get_cache_monitor().analyze_cache_patterns()


def get_comprehensive_cache_status() -> CacheStatus:
    """Everything that is known of the cache in one dict, fit for JSON.

    Returns
    -------
    dict
        ``summary``, ``health`` and ``patterns`` as of :func:`get_cache_summary`,
        :meth:`CacheMonitor.generate_health_report` and :func:`analyze_cache_patterns`;
        ``functions``: the fields of :class:`FunctionCacheStats`, times in ISO format;
        ``settings``: mode, size limit (bytes), age limit (seconds) and the like.
    """
    stats = get_cache_monitor().get_all_function_stats()
    functions = []
    for one in stats:
        fields = asdict(one)
        for name in ("last_access", "last_used"):
            when = fields[name]
            fields[name] = None if when is None else when.isoformat()
        functions.append(fields)
    current = settings.current
    return CacheStatus(
        summary=get_cache_summary(),
        health=_health(stats),
        patterns=patterns_of(stats, datetime.now(UTC)),
        functions=functions,
        settings={
            "mode": current.mode,
            "size_limit": current.size_limit,
            "age_limit": current.age_limit,
            "package_versions": current.package_versions,
            "adopt": current.adopt,
            "note_exact_keys": current.note_exact_keys,
        },
    )


def export_evidence(path: str | os.PathLike[str]) -> Path:
    """Write what ``afml-codemod plan --evidence FILE`` reads: recorded statistics by function.

    Parameters
    ----------
    path : path
        The file, JSON; replaced in one step if it is there.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OSError
        It cannot be written.
    """
    target = Path(path).expanduser()
    write_whole(target, evidence_of(get_cache_monitor().get_all_function_stats()))
    return target


def _caption() -> str:
    summary = get_cache_summary()
    directory = on_screen(summary["directory"])
    if not (summary["exists"] or summary["total_calls"]):
        return f"there is no cache in {directory}"
    return (
        f"{directory}: {summary['total_calls']:,} calls, {percent(summary['hit_rate'])} hits, "
        f"{saved_in_words(summary['saved_s'], summary['saved_unknown'])}"
    )


def _health(stats: list[FunctionCacheStats]) -> HealthReport:
    store = active()
    return health_of(
        stats,
        directory=str(store.directory),
        mode=settings.current.mode,
        absent=not is_cache(store.directory),
        size_limit=store.size_limit,
        own_bytes=0 if figures.is_off() else figures.total(store.sizes().values())[1],
        faults={} if figures.is_off() else store.faults(),
        damaged=[] if figures.is_off() else [p.name for p in were_set_aside(store.directory)],
    )
