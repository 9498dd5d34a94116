"""Cross-validation that is never run twice: whole functions, or fold by fold.

``@cv_cacheable`` and ``@cv_cache_with_classifier_state`` are the names that existing code uses;
:func:`cross_validate_cached` keeps each fold by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar, overload

from afml_cache import notices, settings
from afml_cache.attempt import Options
from afml_cache.cacheable_functions import check_cacheable
from afml_cache.cleaned import Cleaning
from afml_cache.cv_entries import cross_validated_entries
from afml_cache.cv_folds import FOLDS, cross_validate_cached
from afml_cache.cv_functions import CrossValidatedFunction
from afml_cache.errors import ClearingError
from afml_cache.memo import CachedFunction
from afml_cache.store.active import active
from afml_cache.store.cleared import Cleared
from afml_cache.store.setaside import set_aside
from afml_cache.stored_functions import cleared_functions

__all__ = [
    "clear_cv_cache",
    "cross_validate_cached",
    "cv_cache_with_classifier_state",
    "cv_cacheable",
]

P = ParamSpec("P")
R = TypeVar("R")


@overload
def cv_cacheable(function: Callable[P, R], /) -> CachedFunction[P, R]: ...
@overload
def cv_cacheable(
    *,
    ignore: str | Iterable[str] = (),
    version: object = None,
    ttl: float | str | timedelta | None = None,
    depends_on: object | Sequence[object] = (),
) -> Callable[[Callable[P, R]], CachedFunction[P, R]]: ...
def cv_cacheable(
    function: Any = None,
    /,
    *,
    ignore: str | Iterable[str] = (),
    version: object = None,
    ttl: float | str | timedelta | None = None,
    depends_on: object | Sequence[object] = (),
) -> Any:
    """Keep the results of a function that cross-validates, by the parameters of its estimators.

    Among the arguments (and in lists, tuples and dicts of them) an estimator counts by its class,
    the code of that class and its parameters, nested ones included, and not by its fitted state:
    a fitted estimator and its unfitted clone hit the same entry. The function is given an
    unfitted clone, so its result cannot depend on the state either, and the estimator of the
    caller is as it was, after a hit and after a computed call. Everything else counts as under
    :func:`~afml_cache.robust_cacheable`: data, the splitter, scoring, the code.

    With ``random_state=None`` a run is not reproducible: it is cached all the same, with a
    warning once a function, for whoever computes it again would get other numbers.

    Parameters
    ----------
    function : callable
        Usually ``f(classifier, X, y, cv=..., ...)``.
    ignore, version, ttl, depends_on
        As for :func:`~afml_cache.robust_cacheable`.

    Returns
    -------
    CachedFunction

    Raises
    ------
    UncacheableFunctionError
        The function is a generator function, an ``async def`` function or a class.
    ConfigurationError
        ``ignore`` or ``ttl`` is not understood.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from afml_cache import cv_cacheable, use_store
    >>> @cv_cacheable
    ... def scores(classifier, X, y, cv=3):
    ...     return cross_val_score(classifier, X, y, cv=cv)
    >>> X = np.arange(30.0).reshape(-1, 1)
    >>> with use_store(tmp_path / "cv"):
    ...     _ = scores(LinearRegression(), X, X[:, 0])
    ...     _ = scores(LinearRegression().fit(X, X[:, 0]), X, X[:, 0])
    ...     scores.cache_info().hits
    1
    """
    return _decorate(function, False, ignore, version, ttl, depends_on)


@overload
def cv_cache_with_classifier_state(function: Callable[P, R], /) -> CachedFunction[P, R]: ...
@overload
def cv_cache_with_classifier_state(
    *,
    ignore: str | Iterable[str] = (),
    version: object = None,
    ttl: float | str | timedelta | None = None,
    depends_on: object | Sequence[object] = (),
) -> Callable[[Callable[P, R]], CachedFunction[P, R]]: ...
def cv_cache_with_classifier_state(
    function: Any = None,
    /,
    *,
    ignore: str | Iterable[str] = (),
    version: object = None,
    ttl: float | str | timedelta | None = None,
    depends_on: object | Sequence[object] = (),
) -> Any:
    """Keep the results of a function that uses fitted estimators: their state counts.

    As :func:`cv_cacheable`, but an estimator counts with everything that fitting left in it, and
    the function is given a copy in the same state: for feature importance or scoring of a model
    that was fitted before. Estimators that were fitted alike hit the same entry.

    Parameters
    ----------
    function, ignore, version, ttl, depends_on
        As for :func:`cv_cacheable`.

    Returns
    -------
    CachedFunction

    Raises
    ------
    UncacheableFunctionError, ConfigurationError
        As for :func:`cv_cacheable`.
    """
    return _decorate(function, True, ignore, version, ttl, depends_on)


def _decorate(
    function: Any,
    counts_state: bool,
    ignore: str | Iterable[str],
    version: object,
    ttl: float | str | timedelta | None,
    depends_on: object | Sequence[object],
) -> Any:
    options = Options(
        ignore=(ignore,) if isinstance(ignore, str) else tuple(ignore),
        version=version,
        ttl=settings.parse_age(ttl),
        depends_on=tuple(depends_on) if isinstance(depends_on, list | tuple) else (depends_on,),
    )

    def wrap(target: Any) -> Any:
        if isinstance(target, classmethod | staticmethod):  # decorated above @classmethod
            return type(target)(wrap(target.__func__))
        check_cacheable(target)
        return CrossValidatedFunction(target, options, counts_state)

    return wrap if function is None else wrap(function)


def clear_cv_cache(*, dry_run: bool = False) -> Cleaning:
    """Clear the results of cross-validations, and nothing else.

    Cleared are the entries that :func:`cv_cacheable` or :func:`cv_cache_with_classifier_state`
    stored in the active store, in whatever process, and the folds of
    :func:`cross_validate_cached`. They can be restored for seven days:
    :func:`~afml_cache.restore_cleared`. Entries of other functions stay, also of those that bear
    the same name.

    Parameters
    ----------
    dry_run : bool, optional
        Clear nothing; tell what would be.

    Returns
    -------
    Cleaning
        What was cleared, by function; false where that was nothing.

    Raises
    ------
    ClearingError
        The list of these entries cannot be read, or not everything could be cleared; nothing
        is lost.
    """
    store = active()
    try:
        digests = cross_validated_entries(store)
    except OSError as error:
        raise ClearingError(
            f"nothing was cleared, since the list of entries that are of these cannot be read "
            f"({error}); selective_cache_clear(functions=[...]) clears those that you name"
        ) from error
    stored = [entry for entry in store.entries() if entry.digest in digests] if digests else []
    if not stored:
        return Cleaning(dry_run=dry_run)
    sizes: dict[str, tuple[int, int]] = {}
    for entry in stored:
        count, size = sizes.get(entry.function, (0, 0))
        sizes[entry.function] = count + 1, size + entry.size
    cleared = Cleared()
    if not dry_run:
        cleared = set_aside(store, digests=[entry.digest for entry in stored])
        sizes = cleared_functions(cleared, {})  # others may have stored or cleared meanwhile
    called = {FOLDS.identity: cross_validate_cached.__name__}  # as a user knows it
    functions = {called.get(name, name): size for name, size in sizes.items()}
    cleaning = Cleaning(functions, cleared, dry_run)
    notices.say(logging.INFO, "cross-validations: %s", cleaning)
    return cleaning
