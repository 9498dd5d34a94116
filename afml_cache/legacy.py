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
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from afml_cache import last_miss, notices, settings
from afml_cache.cache_info import CacheInfo, count_off, info_of
from afml_cache.cacheable_functions import (
    check_cacheable,
    mark_coroutine_function,
    note_decorated,
    reduce_cached,
)
from afml_cache.errors import NoPlaceError
from afml_cache.joblib_memory.call import JoblibCall
from afml_cache.joblib_memory.layout import joblib_location
from afml_cache.keys.code import function_identity
from afml_cache.outcomes import Outcome, Reason
from afml_cache.results import is_entering, result_watchers, watched_call
from afml_cache.store.active import active
from afml_cache.store.store import Missing, Store
from afml_cache.watching import WatchedCall, tell, watchers

if TYPE_CHECKING:
    from afml_cache.joblib_memory.folder import Origin
    from afml_cache.joblib_memory.prices import Prices
    from afml_cache.keys.call import Binder
    from afml_cache.noted.call import ExactCall, ExactKeys

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class JoblibCachedFunction(Generic[P, R_co]):
    """A function under ``@cacheable``; call it like the function itself."""

    __wrapped__: Callable[P, R_co]
    __qualname__: str

    def __init__(
        self,
        function: Callable[P, R_co],
        ignore: tuple[str, ...] = (),
        origin: Origin | None = None,
    ) -> None:
        check_cacheable(function)
        self._wrapped = function
        self._ignore = ignore
        self._origin = origin
        self._identity = function_identity(function)
        self._is_async = inspect.iscoroutinefunction(function)
        self._memorized: tuple[Store | None, Any] = (None, None)
        self._checked: Any = None
        self._has_missed = False  #: in this process and store
        self._cleared: set[str] = set()  #: joblib's hashes of what this process cleared
        self._prices: Prices | None = None
        self._exact: ExactKeys | None = None
        self._binder: Binder | None = None
        functools.update_wrapper(self, function)
        if self._is_async:
            mark_coroutine_function(self)
        note_decorated(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        if result_watchers and not is_entering(self):
            return watched_call(self, JoblibCachedFunction.__call__, args, kwargs)  # type: ignore[no-any-return]
        if settings.current.mode == "readonly":
            return self._call_readonly(args, kwargs)  # type: ignore[no-any-return]
        try:
            memorized = self._joblib_function()
        except OSError as error:
            self._say_unusable(error)
            return self._call_readonly(args, kwargs, Reason.STORE_UNAVAILABLE)  # type: ignore[no-any-return]
        if memorized is None:
            return self._wrapped(*args, **kwargs)
        if self._is_async:
            return self._call_async(memorized, args, kwargs)  # type: ignore[return-value]
        reason, exact = self._reason_if_missed(memorized), self._exact_call(args, kwargs)
        call = JoblibCall(memorized)
        try:
            result: R_co = call.function(*args, **kwargs)
        except BaseException as error:
            if not self._is_joblibs(call, error, reason, exact):
                raise
        else:
            self._count(call, reason, exact)
            return result
        return self._wrapped(*args, **kwargs)

    async def _call_async(self, memorized: Any, args: Any, kwargs: Any) -> Any:
        reason, exact = self._reason_if_missed(memorized), self._exact_call(args, kwargs)
        call = JoblibCall(memorized)
        try:
            result = await call.function(*args, **kwargs)
        except BaseException as error:
            if not self._is_joblibs(call, error, reason, exact):
                raise
        else:
            self._count(call, reason, exact)
            return result
        function: Any = self._wrapped
        return await function(*args, **kwargs)

    def _call_readonly(self, args: Any, kwargs: Any, missed: Reason | None = None) -> Any:
        """Serve what is stored, else run the function; counted before it runs.

        ``missed`` is why it is run, where that has to do with the directory and not the call.
        """
        from afml_cache.joblib_memory.peek import peek

        try:
            store = active()
        except NoPlaceError as error:
            notices.warn_once(("no_place", str(error)), f"nothing is cached, since {error}")
            return self._wrapped(*args, **kwargs)
        place = joblib_location(store)
        started = time.perf_counter()
        found = peek(self._wrapped, self._ignore, place, self._origin, args, kwargs)
        if isinstance(found, Missing):
            self._told(store, Outcome.COMPUTED, missed or found.reason)
            return self._wrapped(*args, **kwargs)
        took = time.perf_counter() - started
        self._told(store, Outcome.HIT, seconds=found.seconds(), took=took)
        return _awaitable(found.value) if self._is_async else found.value

    def _told(
        self,
        store: Store,
        outcome: Outcome,
        reason: Reason | None = None,
        seconds: float = 0.0,
        took: float | None = None,
    ) -> None:
        """Count a call, and tell those who watch."""
        store.count(self._identity, outcome, reason, seconds=seconds, took=took)
        if reason is not None:
            last_miss.remember(self._identity, reason, store)
        if watchers:
            tell(WatchedCall(self._identity, outcome, reason, seconds=seconds))

    def _joblib_function(self) -> Any:
        """joblib's function for the active store; None (counted, told) where it cannot be had.

        Raises
        ------
        OSError
            The function's folder is not there and cannot be made.
        """
        if settings.current.mode == "off":
            count_off(self._identity)
            return None
        try:
            return self._memorized_in(active())
        except NoPlaceError as error:
            notices.warn_once(("no_place", str(error)), f"nothing is cached, since {error}")
        return None

    def _memorized_in(self, store: Store) -> Any:
        known, memorized = self._memorized
        if known is not store:
            from afml_cache.joblib_memory.folder import memorize

            place = joblib_location(store)
            memorized = memorize(self._wrapped, self._ignore, place, self._origin)
            from afml_cache.joblib_memory.prices import Prices

            self._cleared, self._prices, self._has_missed = set(), Prices(), False
            self._memorized = (store, memorized)
        return memorized

    def _reason_if_missed(self, memorized: Any) -> Reason:
        """What a miss of the next call would be due to, read without disturbing joblib."""
        if self._checked is memorized:
            return Reason.ARGUMENT
        from afml_cache.joblib_memory.folder import entries, folder_of, recorded_source

        # Once a process is enough: joblib, too, compares the code at the first call only.
        self._checked = memorized
        recorded = recorded_source(memorized)
        if recorded is None or next(entries(folder_of(memorized)), None) is None:
            return Reason.FIRST_CALL
        return Reason.ARGUMENT if recorded == memorized.func_code_info[0] else Reason.CODE

    def _count(self, call: JoblibCall, reason: Reason, exact: ExactCall | None) -> None:
        """Count, and note if asked, a call that joblib has answered."""
        store = active()
        if not call.ran:
            took = call.took()
            self._told(store, Outcome.HIT, seconds=self._price(call), took=took)
        else:
            if call.arguments in self._cleared or (call.was_cleared and reason is Reason.ARGUMENT):
                reason = Reason.CLEARED
            self._cleared.discard(call.arguments or "")
            reason = call.refused or call.missed or reason
            self._told(store, Outcome.COMPUTED, reason, call.seconds)
            if self._has_missed:  # the first one has also imported what joblib needs
                beside = call.took() - call.seconds
                store.ledger.miss(self._identity, call.asked, call.seconds, beside)
            self._has_missed = True
            if call.refused is not None:
                self._say_not_stored(call)
            elif self._prices is not None:
                self._prices.note(call.arguments, call.seconds)
        if exact is not None:
            barred = call.refused is Reason.RESULT_UNPICKLABLE
            exact.note(store, call.arguments, hit=not call.ran, barred=barred)

    def _price(self, call: JoblibCall) -> float:
        """Seconds that the result of a hit had taken; 0.0 where that is not known."""
        if self._prices is None:
            return 0.0
        return self._prices.of(call.memorized, call.arguments)

    def _is_joblibs(
        self, call: JoblibCall, error: BaseException, reason: Reason, exact: ExactCall | None
    ) -> bool:
        """Count a call that raised; whether joblib failed before it ran the user's function."""
        store = active()
        if call.ran:
            call.stop()
            reason = call.missed or reason
            store.ledger.count_raised(self._identity)
            self._told(store, Outcome.COMPUTED, reason, call.seconds)
            if exact is not None:
                exact.note(store, call.arguments, raised=True)
            return False
        if not isinstance(error, Exception):  # an interrupt
            return False
        if call.arguments is None:
            reason, what = Reason.UNKEYABLE, "hash its arguments"
        elif call.missed is not None:
            reason, what = call.missed, "read its result back"
        else:
            reason, what = Reason.STORE_UNAVAILABLE, "look into its folder"
        self._told(store, Outcome.COMPUTED, reason)
        notices.warn_once(
            ("joblib", self._identity, reason),
            f"{self._identity}() is computed, since joblib could not {what} "
            f"({type(error).__name__}: {error})",
        )
        if exact is not None:
            exact.note(store, call.arguments)
        return True

    def _counted_arguments(self, args: Any, kwargs: Any) -> dict[str, Any]:
        """The arguments of a call that its key would be made of."""
        from afml_cache.keys.call import Binder
        from afml_cache.noted.call import parameters

        if self._binder is None:
            self._binder = Binder(self._wrapped, parameters(self._wrapped, self._ignore))
        return self._binder.bind(args, kwargs)

    def _exact_call(self, args: Any, kwargs: Any) -> ExactCall | None:
        """The exact key of a call, made before the function can change an argument."""
        if not settings.current.note_exact_keys:
            return None
        if self._exact is None:
            from afml_cache.noted.call import ExactKeys

            self._exact = ExactKeys(self._wrapped, self._ignore)
        return self._exact.of_call(args, kwargs)

    def _say_not_stored(self, call: JoblibCall) -> None:
        if call.refused is Reason.RESULT_UNPICKLABLE:
            what = (
                f"the result of {self._identity}() cannot be stored, so it is computed at every "
                f"such call: it cannot be pickled ({call.error}). Return something that can be, "
                "or do not cache this function"
            )
        else:
            what = (
                f"the result of {self._identity}() could not be stored by joblib ({call.error}); "
                "see that the disk has room and its folder can be written to"
            )
        notices.warn_once(("joblib", self._identity, call.refused), what)

    def _say_unusable(self, error: OSError) -> None:
        place = joblib_location(active())
        notices.warn_once(
            ("joblib", str(place)),
            f"the folder of @cacheable, {place}, cannot be used ({error}), so its functions "
            "are computed at every call; see that it can be written to",
        )

    @property
    def identity(self) -> str:
        """``module.qualname``, the same in every process; statistics go by it."""
        return self._identity

    def cache_info(self) -> CacheInfo:
        """Counts of this function's calls, and joblib's entries of it in the active store.

        Its ``size`` is what the folders of these entries take on disk: results, and joblib's
        description of their arguments. A folder without a whole result is no entry.
        """
        store = active()

        def sizes() -> list[int]:
            from afml_cache.joblib_memory.folder import entries, folder_named, name_of

            name = self._origin[0] if self._origin is not None else name_of(self._wrapped)
            return [size for _, size in entries(folder_named(joblib_location(store), name))]

        return info_of(store, self._identity, sizes)

    def cache_clear(self) -> None:
        """Clear joblib's entries of this function from the active store."""
        if settings.current.mode != "on":
            return
        from afml_cache.joblib_memory.folder import clear, entries, folder_of

        try:
            memorized = self._memorized_in(active())
            hashes = {name for name, _ in entries(folder_of(memorized))}
            clear(memorized)
            self._cleared |= hashes
        except NoPlaceError as error:
            notices.warn_once(("no_place", str(error)), f"nothing is cached, since {error}")
        except OSError as error:
            self._say_unusable(error)

    @overload
    def __get__(self, instance: None, owner: Any = None) -> JoblibCachedFunction[P, R_co]: ...
    @overload
    def __get__(self, instance: object, owner: Any = None) -> Callable[..., R_co]: ...
    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        return f"<joblib-cached {self._identity}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        reduced = reduce_cached(self, JoblibCachedFunction, (self._wrapped, self._ignore))
        if isinstance(reduced, str):
            return reduced
        from afml_cache.joblib_memory.folder import origin_of

        # Where a notebook's function arrives, its source is not to be had.
        rebuild, parts = reduced
        return rebuild, (*parts, self._origin or origin_of(self._wrapped))


async def _awaitable(value: Any) -> Any:
    return value


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
