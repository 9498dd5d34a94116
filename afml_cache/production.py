"""Setting the cache up where a program starts: its place, its limits, what watches it."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, NotRequired, TypedDict

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

if TYPE_CHECKING:
    from afml_cache.mlflow_integration import MLflowCacheIntegration

__all__ = ["ProductionCache", "initialize_cache_system", "setup_production_cache"]


class ProductionCache(TypedDict):
    """What :func:`setup_production_cache` has set up; ``mlflow_cache`` where MLflow is enabled."""

    core_cache: Store
    monitor: CacheMonitor
    mlflow_cache: NotRequired[MLflowCacheIntegration]


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


def setup_production_cache(
    *,
    enable_mlflow: bool = False,
    mlflow_experiment: str | None = None,
    mlflow_tracking_uri: str | os.PathLike[str] | None = None,
    max_cache_size_mb: float | None = 2000,
) -> ProductionCache:
    """Set the cache up with a size limit, and tracking, once where a program starts.

    Parameters
    ----------
    enable_mlflow : bool, optional
        Whether runs of ``@mlflow_cached`` functions are sent where the next two say. Where MLflow
        is not installed a warning says so, and results are cached all the same.
    mlflow_experiment : str, optional
        The experiment. None: ``"afml-cache"``.
    mlflow_tracking_uri : str or path, optional
        As for :func:`~afml_cache.setup_mlflow_cache`.
    max_cache_size_mb : float, optional
        Limit of its size, in millions of bytes; over it, what is cheapest to compute again
        is evicted. None: no limit. Records and MLflow's runs do not count.

    Returns
    -------
    dict
        ``core_cache``, the store in use, ``monitor``, and ``mlflow_cache`` where MLflow is enabled.

    Raises
    ------
    ConfigurationError
        The limit is not a positive number, or what concerns MLflow cannot be used or is given
        without ``enable_mlflow=True``; nothing has been changed.
    """
    limit = None if max_cache_size_mb is None else f"{_number(max_cache_size_mb):f} MB"
    if enable_mlflow:
        from afml_cache.mlflow_integration import setup_mlflow_cache

        named = "afml-cache" if mlflow_experiment is None else mlflow_experiment
        setup_mlflow_cache(named, mlflow_tracking_uri)
    elif mlflow_experiment is not None or mlflow_tracking_uri is not None:
        raise ConfigurationError(
            "mlflow_experiment and mlflow_tracking_uri say where runs go; give enable_mlflow=True "
            "beside them, or leave them out"
        )
    settings.configure(size_limit=limit)
    initialize_cache_system()
    made = ProductionCache(core_cache=active(), monitor=get_cache_monitor())
    if enable_mlflow:
        from afml_cache.mlflow_integration import get_mlflow_cache

        made["mlflow_cache"] = get_mlflow_cache()
    return made


def _number(megabytes: object) -> float:
    if isinstance(megabytes, int | float) and 0 < megabytes < float("inf"):
        return megabytes
    raise ConfigurationError(
        f"max_cache_size_mb is {megabytes!r}; it has to be a positive number of megabytes, or None"
    )
