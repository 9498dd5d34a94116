"""Setting the cache up where a program starts: its place, its limits, what watches it."""

from __future__ import annotations

import logging
from typing import TypedDict

from afml_cache import notices, settings
from afml_cache.cache_monitoring import (
    CacheMonitor,
    CacheSummary,
    get_cache_monitor,
    get_cache_summary,
)
from afml_cache.errors import ConfigurationError
from afml_cache.store import cleared
from afml_cache.store.active import active
from afml_cache.store.store import Store

__all__ = ["ProductionCache", "initialize_cache_system", "setup_production_cache"]


class ProductionCache(TypedDict):
    """What :func:`setup_production_cache` has set up."""

    core_cache: Store
    monitor: CacheMonitor


def initialize_cache_system() -> CacheSummary:
    """Make the cache's directory if there is none, open the store, remove what is outdated.

    None of this is necessary before a cached function is called. It shows early, and in
    the log, where the cache lies and what it holds; and what was cleared more than seven days
    ago is removed.

    Returns
    -------
    dict
        As :func:`~afml_cache.get_cache_summary`.
    """
    base = active().directory
    if settings.current.mode == "off":
        notices.say(logging.INFO, "the cache is switched off: every call computes")
        return get_cache_summary()
    removed = []
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        if cleared.folders(base):
            with cleared.held(base):
                removed = cleared.tidy(base)
    except OSError as error:
        notices.warn_once(
            ("initialize", str(base)),
            f"the cache directory {base} cannot be written to ({error}); what it holds is used, "
            "new results are not stored",
        )
    active().open()
    summary = get_cache_summary()
    outdated = f"; removed {len(removed)} cleared more than a week ago" if removed else ""
    notices.say(
        logging.INFO,
        "the cache is in %s: %s entries, %.1f MB; under @cacheable %s entries, %.1f MB%s",
        base,
        f"{summary['entries']:,}",
        summary["size_bytes"] / 1e6,
        f"{summary['joblib_entries']:,}",
        summary["joblib_size_bytes"] / 1e6,
        outdated,
    )
    return summary


def setup_production_cache(*, max_cache_size_mb: float | None = 2000) -> ProductionCache:
    """Set the cache up with a size limit, once where a program starts.

    Parameters
    ----------
    max_cache_size_mb : float, optional
        Limit of its size, in millions of bytes; over it, what is cheapest to compute again
        is evicted. None: no limit.

    Returns
    -------
    dict
        ``core_cache``, the store in use, and ``monitor``.

    Raises
    ------
    ConfigurationError
        The limit is not a positive number; nothing has been changed.
    """
    if max_cache_size_mb is None:
        settings.configure(size_limit=None)
    else:
        settings.configure(size_limit=f"{_number(max_cache_size_mb):f} MB")
    initialize_cache_system()
    return ProductionCache(core_cache=active(), monitor=get_cache_monitor())


def _number(megabytes: object) -> float:
    if isinstance(megabytes, int | float) and 0 < megabytes < float("inf"):
        return megabytes
    raise ConfigurationError(
        f"max_cache_size_mb is {megabytes!r}; it has to be a positive number of megabytes, or None"
    )
