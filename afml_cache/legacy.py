"""``@cacheable``, the decorator that existing code uses, on :class:`joblib.Memory`.

Its keys, its files and what makes it recompute are joblib's, under ``<base>/joblib_cache``, so
that what an older installation stored still hits. Only the counts are ours, and they say
what joblib decided: a hit is a call whose function did not run.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar, overload

from afml_cache import settings
from afml_cache.cache_info import CacheInfo, info_of
from afml_cache.cacheable_functions import check_cacheable, mark_coroutine_function, reduce_cached
from afml_cache.keys.code import function_identity
from afml_cache.outcomes import Outcome, Reason
from afml_cache.store.active import active
from afml_cache.store.store import Store

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

#: The folder of the base directory that is joblib's.
JOBLIB_FOLDER = "joblib_cache"

#: One list a call in progress; the hook below appends the time at which joblib computes.
_started: ContextVar[list[float] | None] = ContextVar("afml_cache_joblib_started", default=None)


class JoblibCachedFunction(Generic[P, R_co]):
    """A function under ``@cacheable``; call it like the function itself."""

    __wrapped__: Callable[P, R_co]
    __qualname__: str

    def __init__(self, function: Callable[P, R_co], ignore: tuple[str, ...] = ()) -> None:
        check_cacheable(function)
        self._wrapped = function
        self._ignore = ignore
        self._identity = function_identity(function)
        self._is_async = inspect.iscoroutinefunction(function)
        self._memorized: tuple[Store | None, Any] = (None, None)
        self._checked: Any = None
        self._next_reason = Reason.ARGUMENT
        self._off = 0
        functools.update_wrapper(self, function)
        if self._is_async:
            mark_coroutine_function(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        if settings.current.mode == "off":
            self._off += 1
            return self._wrapped(*args, **kwargs)
        store = active()
        memorized = self._joblib_function(store)
        if self._is_async:
            return self._call_async(store, memorized, args, kwargs)  # type: ignore[return-value]
        reason = self._reason_if_missed(memorized)
        started: list[float] = []
        token = _started.set(started)
        try:
            return memorized(*args, **kwargs)  # type: ignore[no-any-return]
        finally:
            _started.reset(token)
            self._count(store, started, reason)

    async def _call_async(self, store: Store, memorized: Any, args: Any, kwargs: Any) -> Any:
        reason = self._reason_if_missed(memorized)
        started: list[float] = []
        token = _started.set(started)
        try:
            return await memorized(*args, **kwargs)
        finally:
            _started.reset(token)
            self._count(store, started, reason)

    def _joblib_function(self, store: Store) -> Any:
        """joblib's function for this store, with a hook where it decides to compute."""
        known, memorized = self._memorized
        if known is not store:
            from joblib import Memory

            memory = Memory(str(joblib_location(store)), verbose=0)
            memorized = memory.cache(self._wrapped, ignore=list(self._ignore))
            before_call = memorized._before_call

            def note_and_go_on(args: Any, kwargs: Any) -> None:
                started = _started.get()
                if started is not None:
                    started.append(time.perf_counter())
                before_call(args, kwargs)

            memorized._before_call = note_and_go_on
            self._memorized = (store, memorized)
        return memorized

    def _reason_if_missed(self, memorized: Any) -> Reason:
        """What a miss of the next call would be due to, read without disturbing joblib."""
        if self._checked is memorized:
            return self._next_reason
        # Once a process is enough: joblib, too, compares the code at the first call only.
        self._checked = memorized
        self._next_reason = Reason.ARGUMENT
        try:
            recorded = (_folder(memorized) / "func_code.py").read_text(errors="replace")
        except OSError:
            return Reason.FIRST_CALL
        _, _, source = recorded.partition("\n")  # the first line holds a line number
        return Reason.ARGUMENT if source == memorized.func_code_info[0] else Reason.CODE

    def _count(self, store: Store, started: list[float], reason: Reason) -> None:
        if started:
            seconds = time.perf_counter() - started[0]
            store.count(self._identity, Outcome.COMPUTED, reason, seconds=seconds)
        else:
            store.count(self._identity, Outcome.HIT)

    def cache_info(self) -> CacheInfo:
        """Counts of this function's calls, and joblib's entries of it in the active store."""
        store = active()
        outputs = _folder(self._joblib_function(store)).glob("*/output.pkl")
        return info_of(store, self._identity, self._off, [p.stat().st_size for p in outputs])

    def cache_clear(self) -> None:
        """Clear joblib's entries of this function from the active store."""
        self._joblib_function(active()).clear(warn=False)
        self._next_reason = Reason.CLEARED

    @overload
    def __get__(self, instance: None, owner: Any = None) -> JoblibCachedFunction[P, R_co]: ...
    @overload
    def __get__(self, instance: object, owner: Any = None) -> Callable[..., R_co]: ...
    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        return f"<joblib-cached {self._identity}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        return reduce_cached(self, JoblibCachedFunction, (self._wrapped, self._ignore))


def _folder(memorized: Any) -> Path:
    return Path(memorized.store_backend.location, memorized.func_id)


def joblib_location(store: Store) -> Path:
    """Where ``@cacheable`` keeps its entries beside a store."""
    return store.directory / JOBLIB_FOLDER


@overload
def cacheable(function: Callable[P, R], /) -> JoblibCachedFunction[P, R]: ...
@overload
def cacheable(
    *, ignore: str | list[str] | tuple[str, ...] = ()
) -> Callable[[Callable[P, R]], JoblibCachedFunction[P, R]]: ...
def cacheable(function: Any = None, /, *, ignore: str | list[str] | tuple[str, ...] = ()) -> Any:
    """Keep the results of a function with :class:`joblib.Memory`.

    For code that uses it already; new code takes :func:`~afml_cache.robust_cacheable`, which
    notices changed helper functions and equal frames.

    Parameters
    ----------
    function : callable
        The function.
    ignore : str or list of str
        Parameters that do not count, as in :meth:`joblib.Memory.cache`.
    """
    names = (ignore,) if isinstance(ignore, str) else tuple(ignore)

    def wrap(target: Any) -> Any:
        return JoblibCachedFunction(target, names)

    return wrap if function is None else wrap(function)
