"""One miss on its way to a result: adopted, or computed and stored.

Used alike by the sync and the async call path. Whatever goes wrong with the cache, the user's
function runs at most once and its result reaches the caller.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from afml_cache import circumstances, last_miss, miss, notices, settings
from afml_cache.keys.call import Binder, CallKey
from afml_cache.keys.code import Fingerprint, FunctionCode
from afml_cache.keys.origin import origin_of
from afml_cache.keys.ranges import DateParameters
from afml_cache.outcomes import Outcome, Reason
from afml_cache.store.store import Missing, Store
from afml_cache.watching import reasons_are_wanted, watchers

if TYPE_CHECKING:
    from afml_cache.adoption.look import Adopted, Legacy

#: What this thread or task is computing: a call that meets itself must not wait for itself.
_computing: ContextVar[tuple[Attempt, ...]] = ContextVar("afml_cache_computing", default=())


@dataclass(frozen=True, slots=True)
class Options:
    """How a function was decorated."""

    ignore: tuple[str, ...] = ()
    version: object = None
    ttl: float | None = None  #: seconds
    depends_on: tuple[object, ...] = ()
    dates: DateParameters | None = None  #: of a time-aware function: store what they cover
    recorder: Recorder | None = None  #: keeps records of the results beside their entries


class Recorder(Protocol):
    """What is told of every result that the store knows or is offered; it never raises."""

    def served(
        self, function: Asked, store: Store, key: CallKey, value: object, args: Any, kwargs: Any
    ) -> None:
        """A result that had been computed before reaches a caller; to be quick at."""

    def before(self, function: Asked, key: CallKey, values: Mapping[str, Any]) -> object:
        """The function is about to run with these values; returns what :meth:`ran` is given."""

    def over(self, before: object) -> None:
        """The function has returned or raised; :meth:`ran` or :meth:`raised` follows."""

    def ran(self, store: Store, before: object, result: object, seconds: float) -> None:
        """It has run, and its result is stored if it can be."""

    def raised(self, store: Store, before: object, error: BaseException, seconds: float) -> None:
        """It has raised, and nothing is stored."""

    def landed(self, before: object) -> None:
        """Last of all, when others may have the result: the time for what takes some."""


class Asked(Protocol):
    """What an attempt needs of the cached function that was called."""

    _identity: str
    _wrapped: Any
    _options: Options
    _binder: Binder
    _code: FunctionCode
    _missed_in: Store | None

    def _legacy(self, key: CallKey, own: Fingerprint, args: Any, kwargs: Any) -> Legacy: ...
    def _is_old(self, store: Store, key: CallKey) -> bool: ...
    def _count_hit(self, store: Store, key: CallKey, took: float) -> None: ...
    def _count(
        self,
        reason: Reason,
        key: CallKey | None,
        seconds: float = 0.0,
        why: miss.Why = miss.NO_WHY,
    ) -> None: ...


class Attempt:
    """One miss on its way to a stored result; used alike by the sync and the async path.

    It computes and stores nothing when the flight cannot be taken: in a call that meets itself,
    or where waiting for the flight would never end.
    """

    __slots__ = (
        "_asked",
        "_before",
        "_code",
        "_details",
        "_function",
        "_is_first",
        "_is_flying",
        "_key",
        "_noted",
        "_reason",
        "_seconds",
        "_started",
        "_store",
        "_values",
        "_waited",
        "_why_missed",
        "flight",
        "is_recursive",
    )

    def __init__(
        self, function: Asked, store: Store, key: CallKey, found: object, started: float
    ) -> None:
        self._function = function
        self._store = store
        self._key = key
        self._started = started
        self._asked = time.perf_counter() - started
        self._waited = 0.0
        # It has also read the source of what the function reaches, and opened the store.
        self._is_first, function._missed_in = function._missed_in is not store, store
        self._is_flying = False
        self._reason = self._why(found)
        self._why_missed = miss.NO_WHY
        self._noted: object = None
        self._details: tuple[str, ...] = ()
        # What the key is of: by the time the function has run, its code may have been reloaded.
        self._code = key.own
        self.is_recursive = any(
            other._is_flying and other._key.digest == key.digest for other in _computing.get()
        )
        self.flight = store.flight(key.digest)

    def take_off(self) -> None:
        """The flight is ours."""
        self._waited = time.perf_counter() - self._started - self._asked
        self._is_flying = True
        _computing.set((*_computing.get(), self))

    def look_again(self, args: Any, kwargs: Any) -> object:
        """The value if somebody stored it while we waited; else Missing, ready to compute."""
        function = self._function
        found = self._store.get(self._key.digest)
        if type(found) is not Missing:
            if function._options.ttl is None or not function._is_old(self._store, self._key):
                function._count_hit(self._store, self._key, self._took())
                self._tell_served(found, args, kwargs)
                return found
            found = Missing(Reason.EXPIRED)
        elif self._reason in (Reason.FIRST_CALL, Reason.ARGUMENT):
            self._reason = self._why(found)  # others may have stored or cleared since
        self._values = function._binder.bind(args, kwargs)
        if found.reason not in (Reason.EXPIRED, Reason.CLEARED):
            started = time.perf_counter()
            adopted = self._adopt(args, kwargs)
            if adopted is not None:
                self._store.ledger.spend(function._identity, time.perf_counter() - started)
                self._tell_served(adopted.value, args, kwargs)
                return adopted.value
        # Now, for the entry that is stored in a moment leaves no trace of the one before.
        told = self._store, self._key.digest, self._reason, function._options.ttl
        self._details = circumstances.details(*told, known=True)
        self._explain()
        self._before = miss.attributes_before(self._values)
        if function._options.recorder is not None:
            self._noted = function._options.recorder.before(function, self._key, self._values)
        return found

    def _took(self) -> float:
        """The seconds that waiting for this value cost; no more than computing it took.

        So a hit that waited for another's computation has saved what was left of it.
        """
        took = time.perf_counter() - self._started
        entry = self._store.entry(self._key.digest)
        return took if entry is None else min(took, entry.seconds)

    def _tell_served(self, value: object, args: Any, kwargs: Any) -> None:
        function = self._function
        recorder = function._options.recorder
        if recorder is not None:
            recorder.served(function, self._store, self._key, value, args, kwargs)

    def count_unstored(self, args: Any, kwargs: Any) -> None:
        """Count a call that a store which may not be written to has no entry of.

        It is counted before the function runs: a watcher may refuse it.
        """
        self._values = self._function._binder.bind(args, kwargs)
        self._explain()
        self._function._count(self._reason, self._key, why=self._why_missed)

    def _explain(self) -> None:
        """Hold the call against the closest entry, if anybody wants to know."""
        if reasons_are_wanted():
            from afml_cache.diagnosis import against_closest

            identity = self._function._identity
            told, closest = against_closest(self._store, identity, self._key, self._values)
            refused = self._why_missed[0]
            self._why_missed = ((*refused, *told), closest)

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
            dates=function._options.dates,
        )
        if answer is None or isinstance(answer, serve.Adopted):
            return answer
        self._why_missed = (f"what @cacheable has stored of it is not used: {answer.why}",), None
        if self._reason not in serve.KNOWN_CODE:
            self._reason = answer.reason
        return None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Time the user's function; a call that raises is counted and stores nothing."""
        started = time.perf_counter()
        recorder = self._function._options.recorder if self._is_flying else None
        try:
            yield
        except BaseException as error:
            seconds = time.perf_counter() - started
            self._store.ledger.count_raised(self._function._identity)
            self._function._count(self._reason, self._key, seconds, self._why_missed)
            if recorder is not None:
                recorder.over(self._noted)
                recorder.raised(self._store, self._noted, error, seconds)
            raise
        self._seconds = time.perf_counter() - started
        if recorder is not None:
            recorder.over(self._noted)

    def keep(self, result: object) -> None:
        """Store the result, count the call, and have it recorded where results are."""
        if not self._is_flying:
            self._function._count(self._reason, self._key, self._seconds, self._why_missed)
            return
        self._put(result)
        recorder = self._function._options.recorder
        if recorder is not None:
            recorder.ran(self._store, self._noted, result, self._seconds)

    def _put(self, result: object) -> None:
        function = self._function
        refused: Reason | None
        try:
            now = function._code.current()
        except Exception as error:  # noqa: BLE001 - the result is there, and the caller's
            miss.say_no_key(function._identity, error)
            now = None
        if now is None:
            refused = Reason.UNKEYABLE
        elif miss.was_replaced(self._code, now):
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
                origin=origin_of(function._wrapped),
                missed=self._reason,
                seconds=self._seconds,
                ttl=function._options.ttl,
                dates=function._options.dates,
            )
        if not self._is_first:
            took = time.perf_counter() - self._started
            beside = took - self._seconds - self._waited
            self._store.ledger.miss(function._identity, self._asked, self._seconds, beside)
        if refused is not None:
            function._count(refused, self._key, self._seconds)
            return
        told_why = self._why_missed[0]
        known = function._identity, self._reason, self._store, self._key, self._seconds
        last_miss.remember(*known, told_why, self._details)
        if watchers or notices.audible():  # the store has counted it together with the entry
            told = function._identity, Outcome.COMPUTED, self._reason, self._key
            miss.tell_outcome(*told, seconds=self._seconds, why=self._why_missed)

    def land(self) -> None:
        """Let the next one in."""
        if self._is_flying:
            self._is_flying = False
            self.flight.release()
            # Not reset(): a coroutine that nobody awaits any more may be closed in another context.
            _computing.set(tuple(one for one in _computing.get() if one is not self))
            recorder = self._function._options.recorder
            if recorder is not None and self._noted is not None:
                recorder.landed(self._noted)

    def _why(self, found: object) -> Reason:
        if type(found) is not Missing:
            return Reason.EXPIRED  # it is there, but too old
        return miss.reason_of_miss(self._store, self._function._identity, self._key, found)
