"""Data hygiene: which dates were touched for training, tuning and testing, by whom, how often.

A test set that was trained on, or that was looked at fifty times, is no test set. Accesses are
counted in ``<base>/records/data_access.sqlite``, over all processes, on hits as on computed calls,
and are never cleared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

from afml_cache import settings
from afml_cache.attempt import Options
from afml_cache.cacheable_functions import check_cacheable
from afml_cache.data_access.purposes import checked_name
from afml_cache.data_access.tracked import TrackedFunction, check_placeholders
from afml_cache.data_access.tracker import DataAccessTracker, tracker
from afml_cache.errors import ConfigurationError
from afml_cache.keys.ranges import date_parameters
from afml_cache.memo import CachedFunction
from afml_cache.robust_cache_keys import Ranges

__all__ = [
    "DataAccessTracker",
    "data_tracking_cacheable",
    "log_data_access",
    "print_contamination_report",
]

P = ParamSpec("P")
R = TypeVar("R")


def log_data_access(dataset: str, start: object, end: object, purpose: str) -> None:
    """Note that a stretch of a data set was touched, for a purpose, by the line that calls this.

    Written at once to ``records/data_access.sqlite`` in the cache directory, exact under
    concurrency. Where that is not possible, it costs a warning.

    Parameters
    ----------
    dataset : str
        ``"prices"``, ``"prices/GOOG"``: ranges are compared within one name.
    start, end : str, date, datetime, Timestamp, datetime64 or Period, or None
        First and last date, both included; ``"2024-03"`` is all of March. None is open.
    purpose : str
        ``"train"`` (``fit``), ``"optimize"`` (``tune``, ``validate``, ``select``, ``cv``),
        ``"test"`` (``evaluate``, ``backtest``, ``oos``, ``holdout``), in any case and form. Any
        other word is noted and counted as none of these, which is told once.

    Raises
    ------
    ConfigurationError
        A name is empty, or a date cannot be read.
    """
    tracker.log_data_access(dataset, start, end, purpose)


def print_contamination_report() -> None:
    """Print which test ranges were trained or tuned on, and how often they were tested.

    Of the active store's directory. The same as a table:
    ``DataAccessTracker().contamination()`` and ``.test_ranges()``.

    Raises
    ------
    ReportError
        The records cannot be read.
    """
    print(tracker.report())


def data_tracking_cacheable(
    dataset_name: str,
    purpose: str,
    *,
    ignore: str | Iterable[str] = (),
    version: object = None,
    ttl: float | str | timedelta | None = None,
    depends_on: object | Sequence[object] = (),
    ranges: Ranges | None = None,
) -> Callable[[Callable[P, R]], CachedFunction[P, R]]:
    """Keep the results of a function that loads data, and note which dates every call touched.

    As :func:`~afml_cache.time_aware_cacheable`; besides, each call is logged as by
    :func:`log_data_access`, hits included: who reads training data from the cache has touched it.
    The dates are those of the index of what is returned (a Series, a frame, or a list, tuple or
    dict of them); where it has none, those of the arguments.

    Parameters
    ----------
    dataset_name, purpose : str
        As for :func:`log_data_access`. Parameters of the function may be named in them:
        ``"prices/{symbol}"``, ``"{purpose}"``.
    ignore, version, ttl, depends_on, ranges
        As for :func:`~afml_cache.time_aware_cacheable`.

    Returns
    -------
    decorator
        Of functions, methods and ``async def`` functions. The purpose is no part of the key: one
        function under two decorators shares its entries.

    Raises
    ------
    ConfigurationError
        A name is empty or names what is no parameter, or an option is not understood.

    Examples
    --------
    >>> import pandas as pd
    >>> from afml_cache import DataAccessTracker, data_tracking_cacheable, use_store
    >>> @data_tracking_cacheable("prices/{symbol}", "train")
    ... def load(symbol, start, end):
    ...     return pd.Series(1.0, pd.bdate_range(start, end))
    >>> with use_store(tmp_path / "loaded"):
    ...     _ = load("GOOG", "2024-01", "2024-03"), load("GOOG", "2024-01", "2024-03")
    ...     DataAccessTracker().accesses()[["dataset", "purpose", "count"]].values.tolist()
    [['prices/GOOG', 'train', 2]]
    """
    dataset, purpose = checked_name("dataset_name", dataset_name), checked_name("purpose", purpose)
    named = (ignore,) if isinstance(ignore, str) else tuple(ignore)
    more = tuple(depends_on) if isinstance(depends_on, list | tuple) else (depends_on,)
    seconds = settings.parse_age(ttl)

    def wrap(target: Any) -> Any:
        if isinstance(target, classmethod | staticmethod):  # decorated above @classmethod
            return type(target)(wrap(target.__func__))
        if isinstance(target, CachedFunction):
            raise ConfigurationError(
                f"{target.identity}() is cached already; @data_tracking_cacheable caches as "
                "@time_aware_cacheable does, so take off the decorator below it"
            )
        check_cacheable(target)
        for what, name in (("dataset_name", dataset), ("purpose", purpose)):
            check_placeholders(what, name, target)
        dates = date_parameters(target, ranges)
        options = Options(named, version=version, ttl=seconds, depends_on=more, dates=dates)
        return TrackedFunction(target, options, dataset, purpose)

    return wrap
