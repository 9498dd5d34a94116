"""The decorators: ``@robust_cacheable`` and ``@time_aware_cacheable``.

Both go by exact content keys. The time-aware one also notes the stretch of time that the
arguments of a call cover, so that entries can later be found by date.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar, overload

from afml_cache import settings
from afml_cache.memo import CachedFunction, Options

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
    return _decorate(function, ignore, version, ttl, depends_on, extents=False)


@overload
def time_aware_cacheable(function: Callable[P, R], /) -> CachedFunction[P, R]: ...
@overload
def time_aware_cacheable(
    *,
    ignore: str | Iterable[str] = (),
    version: object = None,
    ttl: float | str | timedelta | None = None,
    depends_on: object | Sequence[object] = (),
) -> Callable[[Callable[P, R]], CachedFunction[P, R]]: ...
def time_aware_cacheable(
    function: Any = None,
    /,
    *,
    ignore: str | Iterable[str] = (),
    version: object = None,
    ttl: float | str | timedelta | None = None,
    depends_on: object | Sequence[object] = (),
) -> Any:
    """Keep the results of a function of time series; note which dates each covers.

    All that :func:`robust_cacheable` does, with the same options. The first and the last
    date of the time-indexed arguments are stored with each entry. Arguments without a time
    index cost nothing.

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
    return _decorate(function, ignore, version, ttl, depends_on, extents=True)


def _decorate(
    function: Any,
    ignore: str | Iterable[str],
    version: object,
    ttl: float | str | timedelta | None,
    depends_on: object | Sequence[object],
    *,
    extents: bool,
) -> Any:
    options = Options(
        ignore=(ignore,) if isinstance(ignore, str) else tuple(ignore),
        version=version,
        ttl=settings.parse_age(ttl),
        depends_on=tuple(depends_on) if isinstance(depends_on, list | tuple) else (depends_on,),
        extents=extents,
    )

    def wrap(target: Any) -> Any:
        if isinstance(target, classmethod | staticmethod):  # decorated above @classmethod
            return type(target)(CachedFunction(target.__func__, options))
        return CachedFunction(target, options)

    return wrap if function is None else wrap(function)
