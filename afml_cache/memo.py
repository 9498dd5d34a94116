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
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from afml_cache import miss, notices, settings
from afml_cache.bound import BoundCachedFunction
from afml_cache.cache_info import CacheInfo, info_of, off_calls
from afml_cache.cacheable_functions import (
    check_cacheable,
    class_around,
    mark_coroutine_function,
    reduce_cached,
)
from afml_cache.diagnosis import Explanation, explain_call
from afml_cache.errors import NoPlaceError, UnkeyableArgumentError
from afml_cache.keys.arguments import owner_of
from afml_cache.keys.call import Binder, CallKey, call_key, identity_digest, is_simple
from afml_cache.keys.code import Fingerprint, FunctionCode, function_identity
from afml_cache.outcomes import Outcome, Reason
from afml_cache.store.active import active
from afml_cache.store.flight import Flight
from afml_cache.store.store import Missing, Store
from afml_cache.store.tally import Tally

if TYPE_CHECKING:
    from afml_cache.adoption.look import Adopted, Legacy

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
S = TypeVar("S")

#: Keys of simple calls that one function remembers before it starts over.
REMEMBERED_CALLS = 4096

#: What this thread or task is computing: a call that meets itself must not wait for itself.
_computing: ContextVar[tuple[_Attempt, ...]] = ContextVar("afml_cache_computing", default=())


@dataclass(frozen=True, slots=True)
class Options:
    """How a function was decorated."""

    ignore: tuple[str, ...] = ()
    version: object = None
    ttl: float | None = None  #: seconds
    depends_on: tuple[object, ...] = ()
    extents: bool = False  #: store the stretch of time that the arguments cover


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
        "_options",
        "_owner",
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
        self._binder = Binder(function, options.ignore)
        self._code = FunctionCode(function, depends_on=options.depends_on, version=options.version)
        self._is_async = inspect.iscoroutinefunction(function)
        self._last_tally: tuple[Store, Tally] | None = None
        self._remembered: tuple[object, dict[Any, CallKey]] = (None, {})
        functools.update_wrapper(self, function)
        if self._is_async:
            mark_coroutine_function(self)

    # The hot path. Everything that only misses need is elsewhere.
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        if self._is_async:
            return self._call_async(args, kwargs)  # type: ignore[return-value]
        key = self._key(args, kwargs)
        if key is None:
            return self._wrapped(*args, **kwargs)
        store = active()
        found = store.get(key.digest)
        if type(found) is Missing or (self._options.ttl is not None and self._is_old(store, key)):
            return self._miss(store, key, found, args, kwargs)
        self._count_hit(store, key)
        return found  # type: ignore[no-any-return]

    def _key(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> CallKey | None:
        """The key of a call; None (counted, told once) where the call cannot be cached."""
        if settings.current.mode == "off":
            off_calls[self._identity] += 1
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
                self._count(Reason.SOURCE_CHANGED, None)
                return None
        except UnkeyableArgumentError as error:
            miss.say_unkeyable(self._identity, error)
            self._count(Reason.UNKEYABLE, None)
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

    def _count_hit(self, store: Store, key: CallKey) -> None:
        last = self._last_tally
        if last is None or last[0] is not store:
            last = self._last_tally = (store, store.tally(self._identity))
        # Not locked: CPython switches threads at calls and jumps, never within this statement.
        last[1].hits += 1
        if notices.audible():
            miss.log_outcome(self._identity, Outcome.HIT, None, key)

    def _count(self, reason: Reason, key: CallKey | None, seconds: float = 0.0) -> None:
        active().count(self._identity, Outcome.COMPUTED, reason, seconds=seconds)
        if notices.audible():
            miss.log_outcome(self._identity, Outcome.COMPUTED, reason, key)

    def _is_old(self, store: Store, key: CallKey) -> bool:
        """Whether an entry, stored under a longer ``ttl`` maybe, is too old for today's."""
        entry = store.entry(key.digest)
        return entry is not None and time.time() >= entry.created + (self._options.ttl or 0.0)

    def _miss(self, store: Store, key: CallKey, found: object, args: Any, kwargs: Any) -> R_co:
        attempt = _Attempt(self, store, key, found)
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
        key = self._key(args, kwargs)
        if key is None:
            return await function(*args, **kwargs)
        store = active()
        found = store.get(key.digest)
        is_there = type(found) is not Missing
        if is_there and (self._options.ttl is None or not self._is_old(store, key)):
            self._count_hit(store, key)
            return found
        attempt = _Attempt(self, store, key, found)
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
        from afml_cache.adoption import serve

        store = active()
        serve.bar(store, self._wrapped, self._identity)
        return store.clear(self._identity)

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
            return self._legacy(key, self._code.current(), args, kwargs)

        return explain_call(active(), self._identity, self._key_of, values, legacy_of)

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
        ignore = frozenset(options.ignore)
        return Legacy(
            self._wrapped, self._identity, own, key.fingerprint, args, kwargs, ignore, options.ttl
        )

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


class _Attempt:
    """One miss on its way to a stored result; used alike by the sync and the async path.

    It computes and stores nothing when the flight cannot be taken: in a call that meets itself,
    or where waiting for the flight would never end.
    """

    __slots__ = (
        "_before",
        "_code",
        "_function",
        "_is_flying",
        "_key",
        "_reason",
        "_seconds",
        "_store",
        "_token",
        "_values",
        "flight",
        "is_recursive",
    )

    def __init__(
        self, function: CachedFunction[..., Any], store: Store, key: CallKey, found: object
    ) -> None:
        self._function = function
        self._store = store
        self._key = key
        self._is_flying = False
        self._reason = self._why(found)
        # What is about to run: by the time it has run, the code may have been reloaded.
        self._code = function._code.current()
        self.is_recursive = any(
            other._is_flying and other._key.digest == key.digest for other in _computing.get()
        )
        self.flight = store.flight(key.digest)

    def take_off(self) -> None:
        """The flight is ours."""
        self._is_flying = True
        self._token = _computing.set((*_computing.get(), self))

    def look_again(self, args: Any, kwargs: Any) -> object:
        """The value if somebody stored it while we waited; else Missing, ready to compute."""
        function = self._function
        found = self._store.get(self._key.digest)
        if type(found) is not Missing:
            if function._options.ttl is None or not function._is_old(self._store, self._key):
                function._count_hit(self._store, self._key)
                return found
            found = Missing(Reason.EXPIRED)
        elif self._reason in (Reason.FIRST_CALL, Reason.ARGUMENT):
            self._reason = self._why(found)  # others may have stored or cleared since
        self._values = function._binder.bind(args, kwargs)
        if found.reason not in (Reason.EXPIRED, Reason.CLEARED):
            adopted = self._adopt(args, kwargs)
            if adopted is not None:
                return adopted.value
        self._before = miss.attributes_before(self._values)
        return found

    def _adopt(self, args: Any, kwargs: Any) -> Adopted | None:
        """What the old decorator has stored of this call; None where there is none to use."""
        if not settings.current.adopt:
            return None
        from afml_cache.adoption import serve

        if not serve.has_legacy(self._store):
            return None
        function = self._function
        answer = serve.serve(
            self._store,
            function._legacy(self._key, self._code, args, kwargs),
            self._key,
            self._values,
            missed=self._reason,
            extents=function._options.extents,
        )
        if answer is None or isinstance(answer, serve.Adopted):
            return answer
        if self._reason not in serve.KNOWN_CODE:
            self._reason = answer.reason
        return None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Time the user's function; a call that raises is counted and stores nothing."""
        started = time.perf_counter()
        try:
            yield
        except BaseException:
            self._function._count(self._reason, self._key, time.perf_counter() - started)
            raise
        self._seconds = time.perf_counter() - started

    def keep(self, result: object) -> None:
        """Store the result and count the call."""
        function = self._function
        if not self._is_flying:
            function._count(self._reason, self._key, self._seconds)
            return
        refused: Reason | None
        if miss.was_replaced(self._code, function._code.current()):
            miss.say_code_changed(function._identity)
            refused = Reason.SOURCE_CHANGED
        else:
            refused = miss.keep(
                self._store,
                function._identity,
                self._key,
                self._values,
                self._before,
                result,
                missed=self._reason,
                seconds=self._seconds,
                ttl=function._options.ttl,
                extents=function._options.extents,
            )
        if refused is not None:
            function._count(refused, self._key, self._seconds)
        elif notices.audible():  # the store has counted it together with the entry
            miss.log_outcome(function._identity, Outcome.COMPUTED, self._reason, self._key)

    def land(self) -> None:
        """Let the next one in."""
        if self._is_flying:
            self._is_flying = False
            self.flight.release()
            _computing.reset(self._token)

    def _why(self, found: object) -> Reason:
        if type(found) is not Missing:
            return Reason.EXPIRED  # it is there, but too old
        return miss.reason_of_miss(self._store, self._function._identity, self._key, found)
