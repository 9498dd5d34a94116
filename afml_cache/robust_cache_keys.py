"""The decorators: ``@robust_cacheable`` and ``@time_aware_cacheable``.

Both go by exact content keys. The time-aware one also notes the stretch of time that each
argument of a call covers, so that entries can later be found by date.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, Literal, ParamSpec, TypeVar, overload

from afml_cache import settings
from afml_cache.attempt import Options
from afml_cache.cacheable_functions import check_cacheable
from afml_cache.errors import ConfigurationError
from afml_cache.keys.ranges import date_parameters
from afml_cache.memo import CachedFunction
from afml_cache.normalise import DateNormalisedFunction

#: One pair of parameters, the beginning of a range and its end, or several.
Ranges = tuple[str, str] | Sequence[tuple[str, str]]
Dates = Literal["exact", "normalise"]

P = ParamSpec("P")
R = TypeVar("R")


@overload
def robust_cacheable(function: Callable[P, R], /) -> CachedFunction[P, R]: ...
@overload
def robust_cacheable(
    *,
    ignore: str | Iterable[str] = (),
    version: object = None,
    ttl: float | str | timedelta | None = None,
    depends_on: object | Sequence[object] = (),
) -> Callable[[Callable[P, R]], CachedFunction[P, R]]: ...
def robust_cacheable(
    function: Any = None,
    /,
    *,
    ignore: str | Iterable[str] = (),
    version: object = None,
    ttl: float | str | timedelta | None = None,
    depends_on: object | Sequence[object] = (),
) -> Any:
    """Keep the results of a function, under exact keys.

    A call hits when the arguments are equal in content, whatever objects they are, and the
    project code that the function reaches is the same. Use it bare or with options.

    Parameters
    ----------
    function : callable
        A function, method or ``async def`` function that returns the same for the same arguments.
    ignore : str or iterable of str
        Parameters that do not change the result (``"verbose"``, ``"n_jobs"``).
    version : object
        Anything with a key; changing it leaves older entries behind.
    ttl : float, str or timedelta, optional
        Seconds until an entry expires, or ``"12 h"``. None: never.
    depends_on : object or sequence
        What the function depends on and its code does not show: functions, modules, files
        (as :class:`pathlib.Path`), values.

    Returns
    -------
    CachedFunction
        Called like the function; also offers ``cache_info()``, ``cache_clear()``,
        ``cache_key(...)``, ``cache_contains(...)`` and ``explain(...)``.

    Raises
    ------
    UncacheableFunctionError
        The function is a generator function or a class.
    ConfigurationError
        ``ignore`` names a parameter that the function does not have, or ``ttl`` is not understood.

    Examples
    --------
    >>> from afml_cache import robust_cacheable, use_store
    >>> @robust_cacheable(ignore="verbose")
    ... def square(x, verbose=False):
    ...     return x * x
    >>> with use_store(tmp_path):
    ...     square(3), square(3, verbose=True), square.cache_info().hits
    (9, 9, 1)
    """
    return decorate(function, ignore, version, ttl, depends_on, CachedFunction)


@overload
def time_aware_cacheable(function: Callable[P, R], /) -> CachedFunction[P, R]: ...
@overload
def time_aware_cacheable(
    *,
    ignore: str | Iterable[str] = (),
    version: object = None,
    ttl: float | str | timedelta | None = None,
    depends_on: object | Sequence[object] = (),
    ranges: Ranges | None = None,
    dates: Dates = "exact",
) -> Callable[[Callable[P, R]], CachedFunction[P, R]]: ...
def time_aware_cacheable(
    function: Any = None,
    /,
    *,
    ignore: str | Iterable[str] = (),
    version: object = None,
    ttl: float | str | timedelta | None = None,
    depends_on: object | Sequence[object] = (),
    ranges: Ranges | None = None,
    dates: Dates = "exact",
) -> Any:
    """Keep the results of a function of time series; note which dates each covers.

    All that :func:`robust_cacheable` does, with the same options and two more. What each
    time-indexed argument and each range of dates covers is stored with the entry, so that
    :func:`invalidate` can drop, and :func:`list_entries` list, entries by date. It costs
    a hit nothing.

    Parameters
    ----------
    function, ignore, version, ttl, depends_on
        As for :func:`robust_cacheable`. Ignored parameters count for no date either.
    ranges : pair of str, or sequence of pairs, optional
        The parameters that give a range of dates, its beginning and its end. By default they
        are recognised by name: ``start`` and ``end``, ``start_date`` and ``end_date``, ``since``
        and ``until``, ``from_date`` and ``to_date``. ``()``: none.
    dates : {"exact", "normalise"}
        ``"exact"``: ``"2021-01-01"`` and ``Timestamp("2021-01-01")`` are two keys, as they are
        two slices. ``"normalise"``: the function receives range parameters as Timestamps (naive,
        or aware in UTC), and spellings of one instant share a key. What names a month, a quarter
        or a year becomes its first instant as a beginning and its last one as an end.

    Returns
    -------
    CachedFunction
        As from :func:`robust_cacheable`.

    Raises
    ------
    UncacheableFunctionError
        The function is a generator function or a class.
    ConfigurationError
        As for :func:`robust_cacheable`; or ``ranges`` names a parameter that the function does
        not have, or ``dates`` is not understood.

    Examples
    --------
    >>> import pandas as pd
    >>> from afml_cache import time_aware_cacheable, use_store
    >>> @time_aware_cacheable
    ... def mean(prices):
    ...     return float(prices.mean())
    >>> prices = pd.Series([1.0, 3.0], index=pd.date_range("2024-01-01", periods=2))
    >>> with use_store(tmp_path):
    ...     mean(prices), mean(prices.copy()), mean.cache_info().hits
    (2.0, 2.0, 1)
    """
    if dates not in ("exact", "normalise"):
        raise ConfigurationError(f"dates={dates!r} is not understood; give 'exact' or 'normalise'")

    def make(target: Any, options: Options) -> CachedFunction[..., Any]:
        check_cacheable(target)
        aware = dataclasses.replace(options, dates=date_parameters(target, ranges))
        kind = DateNormalisedFunction if dates == "normalise" else CachedFunction
        return kind(target, aware)

    return decorate(function, ignore, version, ttl, depends_on, make)


def decorate(
    function: Any,
    ignore: str | Iterable[str],
    version: object,
    ttl: float | str | timedelta | None,
    depends_on: object | Sequence[object],
    make: Callable[[Any, Options], CachedFunction[..., Any]],
) -> Any:
    """The decorator of these options, or what it makes of ``function``."""
    options = Options(
        ignore=(ignore,) if isinstance(ignore, str) else tuple(ignore),
        version=version,
        ttl=settings.parse_age(ttl),
        depends_on=tuple(depends_on) if isinstance(depends_on, list | tuple) else (depends_on,),
    )

    def wrap(target: Any) -> Any:
        if isinstance(target, classmethod | staticmethod):  # decorated above @classmethod
            return type(target)(make(target.__func__, options))
        return make(target, options)

    return wrap if function is None else wrap(function)
