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
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar, overload

from afml_cache import notices, settings
from afml_cache.cache_info import CacheInfo, info_of, off_calls
from afml_cache.cacheable_functions import check_cacheable, mark_coroutine_function, reduce_cached
from afml_cache.errors import NoPlaceError
from afml_cache.keys.code import function_identity
from afml_cache.outcomes import Outcome, Reason
from afml_cache.store.active import active
from afml_cache.store.store import Store

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

#: The folder of the base directory that is joblib's.
JOBLIB_FOLDER = "joblib_cache"


@dataclass(slots=True)
class _Call:
    """What joblib did in one call."""

    started: float | None = None  #: when it ran the function; None: it did not
    could_not_load: bool = False
    could_not_store: bool = False


_call: ContextVar[_Call | None] = ContextVar("afml_cache_joblib_call", default=None)


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
        functools.update_wrapper(self, function)
        if self._is_async:
            mark_coroutine_function(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        memorized = self._joblib_function()
        if memorized is None:
            return self._wrapped(*args, **kwargs)
        if self._is_async:
            return self._call_async(memorized, args, kwargs)  # type: ignore[return-value]
        reason, call = self._reason_if_missed(memorized), _Call()
        token = _call.set(call)
        try:
            result: R_co = memorized(*args, **kwargs)
        except Exception as error:  # the user's, or joblib's before it ran the function
            self._count(call, reason, error)
            if call.started is not None:
                raise  # the user's own
        else:
            self._count(call, reason)
            return result
        finally:
            _call.reset(token)
        return self._wrapped(*args, **kwargs)

    async def _call_async(self, memorized: Any, args: Any, kwargs: Any) -> Any:
        reason, call = self._reason_if_missed(memorized), _Call()
        token = _call.set(call)
        try:
            result = await memorized(*args, **kwargs)
        except Exception as error:  # the user's, or joblib's before it ran the function
            self._count(call, reason, error)
            if call.started is not None:
                raise  # the user's own
        else:
            self._count(call, reason)
            return result
        finally:
            _call.reset(token)
        function: Any = self._wrapped
        return await function(*args, **kwargs)

    def _joblib_function(self) -> Any:
        """joblib's function for the active store; None (counted, told) where it cannot be had."""
        if settings.current.mode == "off":
            off_calls[self._identity] += 1
            return None
        try:
            store = active()
            known, memorized = self._memorized
            if known is not store:
                memorized = self._memorize(store)
                self._memorized = (store, memorized)
            return memorized
        except NoPlaceError as error:
            notices.warn_once(("no_place", str(error)), f"nothing is cached, since {error}")
        except OSError as error:
            place = joblib_location(store)
            notices.warn_once(
                ("joblib", str(place)),
                f"the folder of @cacheable, {place}, cannot be used ({error}), so its functions "
                "are computed at every call; see that it can be written to",
            )
            store.count(self._identity, Outcome.COMPUTED, Reason.STORE_UNAVAILABLE)
        return None

    def _memorize(self, store: Store) -> Any:
        """joblib's function, with hooks where it decides and where it fails."""
        from joblib import Memory

        memory = Memory(str(joblib_location(store)), verbose=0)
        memorized = memory.cache(self._wrapped, ignore=list(self._ignore))
        before_call, load, after_call = (
            memorized._before_call,
            memorized._load_item,
            memorized._after_call,
        )

        def note_the_start(args: Any, kwargs: Any) -> None:
            call = _call.get()
            if call is not None:
                call.started = time.perf_counter()
            before_call(args, kwargs)

        def note_a_failure(*args: Any, **kwargs: Any) -> Any:
            call = _call.get()
            try:
                return load(*args, **kwargs)
            except Exception:  # noted for the count; joblib itself decides what follows
                if call is not None:
                    call.could_not_load = True
                raise

        def keep_the_result(
            call_id: Any, args: Any, kwargs: Any, shelving: bool, output: Any, start: float
        ) -> Any:
            call = _call.get()
            try:
                return after_call(call_id, args, kwargs, shelving, output, start)
            except Exception as error:  # noqa: BLE001 - no fault of the cache may cost the result
                if call is not None:
                    call.could_not_store = True
                notices.warn_once(
                    ("joblib", self._identity),
                    f"the result of {self._identity}() could not be stored by joblib ({error})",
                )
                return output, {}

        memorized._before_call = note_the_start
        memorized._load_item = note_a_failure
        memorized._after_call = keep_the_result
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

    def _count(self, call: _Call, reason: Reason, error: Exception | None = None) -> None:
        store = active()
        if call.started is not None:
            if call.could_not_load:
                reason = Reason.UNREADABLE
            elif call.could_not_store:
                reason = Reason.STORE_UNAVAILABLE
            seconds = time.perf_counter() - call.started
            store.count(self._identity, Outcome.COMPUTED, reason, seconds=seconds)
        elif error is None:
            store.count(self._identity, Outcome.HIT)
        else:
            failed = isinstance(error, OSError)
            reason = Reason.STORE_UNAVAILABLE if failed else Reason.UNKEYABLE
            store.count(self._identity, Outcome.COMPUTED, reason)
            notices.warn_once(
                ("joblib", self._identity),
                f"{self._identity}() is computed, since joblib could not "
                f"{'use its folder' if failed else 'hash its arguments'} "
                f"({type(error).__name__}: {error})",
            )

    def cache_info(self) -> CacheInfo:
        """Counts of this function's calls, and joblib's entries of it in the active store."""
        store = active()

        def sizes() -> list[int]:
            memorized = self._joblib_function()
            outputs = _folder(memorized).glob("*/output.pkl") if memorized is not None else ()
            return [path.stat().st_size for path in outputs]

        return info_of(store, self._identity, sizes)

    def cache_clear(self) -> None:
        """Clear joblib's entries of this function from the active store."""
        memorized = self._joblib_function()
        if memorized is not None:
            memorized.clear(warn=False)
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
