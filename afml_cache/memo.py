"""The only call path there is: what happens when a cached function is called.

bind -> key -> look up -> hit. On a miss: take the key's flight (one computation a key, across
threads and processes), look again, compute, check that no argument was mutated, store, count.
Whatever happens to the cache, the caller's function runs at most once a call, and its result
or its exception reaches the caller unchanged.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from afml_cache import last_miss, miss, notices, settings
from afml_cache.attempt import Attempt, Options
from afml_cache.bound import BoundCachedFunction
from afml_cache.cache_info import CacheInfo, count_off, info_of
from afml_cache.cacheable_functions import (
    check_cacheable,
    class_around,
    mark_coroutine_function,
    note_decorated,
    reduce_cached,
)
from afml_cache.diagnosis import Explanation, explain_call
from afml_cache.errors import NoPlaceError, UnkeyableArgumentError
from afml_cache.keys.arguments import owner_of
from afml_cache.keys.call import Binder, CallKey, call_key, identity_digest, is_simple
from afml_cache.keys.code import Fingerprint, FunctionCode, function_identity
from afml_cache.keys.extent import Extent, Period, extents_of
from afml_cache.outcomes import Outcome, Reason
from afml_cache.results import is_entering, result_watchers, watched_call
from afml_cache.store.active import active
from afml_cache.store.flight import Flight
from afml_cache.store.pending import Tally
from afml_cache.store.store import Missing, Store
from afml_cache.watching import watchers

if TYPE_CHECKING:
    from afml_cache.adoption.look import Legacy

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
S = TypeVar("S")

#: Keys of simple calls that one function remembers before it starts over.
REMEMBERED_CALLS = 4096


class CachedFunction(Generic[P, R_co]):
    """A function whose results are kept; call it like the function itself.

    Made by :func:`~afml_cache.robust_cacheable` and :func:`~afml_cache.time_aware_cacheable`.
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_binder",
        "_code",
        "_identity",
        "_identity_digest",
        "_is_async",
        "_last_tally",
        "_missed_in",
        "_options",
        "_owner",
        "_recorder",
        "_remembered",
        "_wrapped",
    )
    __wrapped__: Callable[P, R_co]
    __name__: str
    __qualname__: str

    def __init__(self, function: Callable[P, R_co], options: Options) -> None:
        check_cacheable(function)
        self._wrapped = function
        self._options = options
        self._identity = function_identity(function)
        self._identity_digest = identity_digest(self._identity)
        self._owner = owner_of(function)
        self._recorder = options.recorder
        self._binder = Binder(function, options.ignore)
        self._code = FunctionCode(function, depends_on=options.depends_on, version=options.version)
        self._is_async = inspect.iscoroutinefunction(function)
        self._missed_in: Store | None = None  #: in this process, last
        self._last_tally: tuple[Store, Tally] | None = None
        self._remembered: tuple[object, dict[Any, CallKey]] = (None, {})
        functools.update_wrapper(self, function)
        if self._is_async:
            mark_coroutine_function(self)
        note_decorated(self)

    # The hot path. Everything that only misses need is elsewhere.
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        if result_watchers and not is_entering(self):
            return watched_call(self, CachedFunction.__call__, args, kwargs)  # type: ignore[no-any-return]
        if self._is_async:
            return self._call_async(args, kwargs)  # type: ignore[return-value]
        started = perf_counter()
        key = self._key(args, kwargs)
        if key is None:
            return self._wrapped(*args, **kwargs)
        store = active()
        found = store.get(key.digest)
        if type(found) is Missing or (self._options.ttl is not None and self._is_old(store, key)):
            return self._miss(store, key, found, args, kwargs, started)
        self._count_hit(store, key, perf_counter() - started)
        if self._recorder is not None:
            self._recorder.served(self, store, key, found, args, kwargs)
        return found  # type: ignore[no-any-return]

    def _key(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> CallKey | None:
        """The key of a call; None (counted, told once) where the call cannot be cached."""
        if settings.current.mode == "off":
            count_off(self._identity)
            return None
        try:
            active()
            fingerprint = self._code.current()
            told_for, remembered = self._remembered
            if told_for is not fingerprint:
                remembered = {}
                self._remembered = (fingerprint, remembered)
            signature: Any = None
            if is_simple(args) and (not kwargs or is_simple(tuple(kwargs.values()))):
                # Types beside values, since 1 == 1.0 == True.
                flat = (*args, *kwargs.values()) if kwargs else args
                signature = (flat, tuple(map(type, flat)), tuple(kwargs) if kwargs else None)
                known = remembered.get(signature)
                if known is not None:
                    return known
            values = self._binder.bind(args, kwargs)
            key = call_key(self._identity_digest, fingerprint, values, self._owner)
            if key.fingerprint.edited:
                miss.say_source_changed(self._identity, key.fingerprint.edited)
                edited = f"{', '.join(key.fingerprint.edited)} was edited since it was imported"
                self._count(Reason.SOURCE_CHANGED, None, why=((edited,), None))
                return None
        except UnkeyableArgumentError as error:
            miss.say_unkeyable(self._identity, error)
            self._count(Reason.UNKEYABLE, None, why=((str(error),), None))
            return None
        except NoPlaceError as error:
            miss.say_no_place(error)
            return None
        except Exception as error:  # noqa: BLE001 - no fault of ours may keep the user's result
            miss.say_no_key(self._identity, error)
            self._count(Reason.UNKEYABLE, None)
            return None
        if signature is not None and is_simple(tuple(values.values())):
            if len(remembered) >= REMEMBERED_CALLS:
                remembered.clear()
            remembered[signature] = key
        return key

    def _count_hit(self, store: Store, key: CallKey, took: float) -> None:
        """Count a hit, and the seconds from the call to its value."""
        last = self._last_tally
        if last is None or last[0] is not store:
            last = self._last_tally = (store, store.tally(self._identity))
        tally = last[1]
        # Not locked: CPython switches threads at calls and jumps, never within such a statement.
        tally.hits += 1
        tally.seconds += took
        if took > tally.longest:
            tally.longest = took
        if watchers or notices.audible():
            miss.tell_outcome(self._identity, Outcome.HIT, None, key)

    def _count(
        self,
        reason: Reason,
        key: CallKey | None,
        seconds: float = 0.0,
        why: miss.Why = miss.NO_WHY,
    ) -> None:
        store = active()
        store.count(self._identity, Outcome.COMPUTED, reason, seconds=seconds)
        last_miss.remember(self._identity, reason, store, key, seconds, why[0])
        if watchers or notices.audible():
            told = self._identity, Outcome.COMPUTED, reason, key
            miss.tell_outcome(*told, seconds=seconds, why=why)

    def _is_old(self, store: Store, key: CallKey) -> bool:
        """Whether an entry, stored under a longer ``ttl`` maybe, is too old for today's."""
        entry = store.entry(key.digest)
        return entry is not None and time.time() >= entry.created + (self._options.ttl or 0.0)

    def _miss(
        self, store: Store, key: CallKey, found: object, args: Any, kwargs: Any, started: float
    ) -> R_co:
        attempt = Attempt(self, store, key, found, started)
        if store.read_only:
            attempt.count_unstored(args, kwargs)
            return self._wrapped(*args, **kwargs)
        try:
            if not attempt.is_recursive and attempt.flight.acquire():
                attempt.take_off()
                found = attempt.look_again(args, kwargs)
                if type(found) is not Missing:
                    return found  # type: ignore[return-value]
            with attempt.running():
                result = self._wrapped(*args, **kwargs)
            attempt.keep(result)
            return result
        finally:
            attempt.land()

    async def _call_async(self, args: Any, kwargs: Any) -> Any:
        function: Callable[..., Awaitable[Any]] = self._wrapped  # type: ignore[assignment]
        started = perf_counter()
        key = self._key(args, kwargs)
        if key is None:
            return await function(*args, **kwargs)
        store = active()
        found = store.get(key.digest)
        is_there = type(found) is not Missing
        if is_there and (self._options.ttl is None or not self._is_old(store, key)):
            self._count_hit(store, key, perf_counter() - started)
            if self._recorder is not None:
                self._recorder.served(self, store, key, found, args, kwargs)
            return found
        attempt = Attempt(self, store, key, found, started)
        if store.read_only:
            attempt.count_unstored(args, kwargs)
            return await function(*args, **kwargs)
        try:
            if not attempt.is_recursive and await _acquire(attempt.flight):
                attempt.take_off()
                found = attempt.look_again(args, kwargs)
                if type(found) is not Missing:
                    return found
            with attempt.running():
                result = await function(*args, **kwargs)
            attempt.keep(result)
            return result
        finally:
            attempt.land()

    def cache_info(self) -> CacheInfo:
        """Counts of this function's calls, and its entries in the active store."""
        store = active()

        def sizes() -> list[int]:
            return [entry.size for entry in store.entries(self._identity)]

        return info_of(store, self._identity, sizes)

    def cache_clear(self) -> int:
        """Clear this function's entries from the active store; returns how many there were.

        What ``@cacheable`` has stored of it stays where it is, and is not adopted any more.
        """
        self.bar_adoption()
        return active().clear(self._identity)

    def bar_adoption(self, period: Period | None = None) -> None:
        """Adopt nothing that ``@cacheable`` has stored so far, of a period or of all time."""
        from afml_cache.adoption import serve

        serve.bar(active(), self._wrapped, self._identity, period)

    def cache_key(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """The key (32 hex digits) of a call.

        Raises
        ------
        TypeError
            The function cannot be called like this.
        UnkeyableArgumentError
            An argument, or a part of it, has no key.
        """
        return self._key_of(self._values(args, kwargs)).digest.hex()

    def cache_contains(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Whether the active store has an entry for a call; raises as :meth:`cache_key`."""
        return active().contains(self._key_of(self._values(args, kwargs)).digest)

    def explain(self, *args: P.args, **kwargs: P.kwargs) -> Explanation:
        """Whether a call would hit and, if not, what differs from the closest entry."""
        values = self._values(args, kwargs)

        def legacy_of(key: CallKey) -> Legacy:
            return self._legacy(key, self._code.current(), *self._as_called(args, kwargs))

        return explain_call(
            active(), self._identity, self._key_of, values, legacy_of, self._options.ttl
        )

    @property
    def identity(self) -> str:
        """``module.qualname``, the same in every process; statistics go by it."""
        return self._identity

    def fingerprint(self) -> Fingerprint:
        """What the results depend on besides the arguments, as it is loaded now."""
        return self._code.current()

    def _legacy(self, key: CallKey, own: Fingerprint, args: Any, kwargs: Any) -> Legacy:
        """A call as the old decorator would have seen it."""
        from afml_cache.adoption.look import Legacy

        options = self._options

        def extents() -> dict[str, Extent] | None:
            if options.dates is None:
                return None
            return extents_of(self._binder.bind(args, kwargs), options.dates)

        return Legacy(
            function=self._wrapped,
            identity=self._identity,
            own=own,
            whole=key.fingerprint,
            arguments=key.arguments_digest,
            args=args,
            kwargs=kwargs,
            ignore=frozenset(options.ignore),
            extents=extents,
            ttl=options.ttl,
        )

    def _counted_arguments(self, args: Any, kwargs: Any) -> dict[str, Any]:
        """The arguments of a call that its key is made of."""
        return self._binder.bind(args, kwargs)

    def _as_called(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments that the function is called with."""
        return args, kwargs

    def _key_of(self, values: Mapping[str, Any]) -> CallKey:
        return call_key(self._identity_digest, self._code.current(), values, self._owner)

    def _values(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Bind a call that is only asked about; one that Python would refuse is refused."""
        try:
            signature = inspect.signature(self._wrapped)
        except ValueError:  # some functions written in C do not say
            return self._binder.bind(args, kwargs)
        try:
            signature.bind(*args, **kwargs)
        except TypeError:
            # From Python 3.13 on, a classmethod does not tell these methods its class.
            owner = class_around(self)
            if owner is None:
                raise
            args = (owner, *args)
            signature.bind(*args, **kwargs)
        return self._binder.bind(args, kwargs)

    @overload
    def __get__(self, instance: None, owner: Any = None) -> CachedFunction[P, R_co]: ...
    @overload
    def __get__(
        self: CachedFunction[Concatenate[S, Q], R], instance: S, owner: Any = None
    ) -> BoundCachedFunction[Q, R]: ...
    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else BoundCachedFunction(self, instance)

    def __repr__(self) -> str:
        return f"<cached {self._identity}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        return reduce_cached(self, CachedFunction, (self._wrapped, self._options))


async def _acquire(flight: Flight) -> bool:
    """Take a flight without holding up the event loop; False: waiting would never end."""
    pause = 0.001
    while not flight.try_acquire():
        if flight.hopeless():
            return False
        await asyncio.sleep(pause)
        pause = min(pause * 2, 0.05)
    return True
