"""Watching what cached calls give back: the value or the exception, and how long the caller waited.

Recordings live on it. While nobody watches, a call pays nothing for it: the watch puts a method of
its own in the place of ``__call__`` of both kinds of cached functions, and takes it away again.
"""

from __future__ import annotations

import functools
import inspect
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from afml_cache.legacy import JoblibCachedFunction
from afml_cache.memo import CachedFunction
from afml_cache.watching import WatchCalls, WatchedCall, watch_calls

#: Both kinds of cached functions.
_KINDS: tuple[type[Any], ...] = (CachedFunction, JoblibCachedFunction)


@dataclass(frozen=True, slots=True, eq=False)
class ReturnedCall:
    """One cached call of this process that has come to its end.

    Attributes
    ----------
    function : str
        ``module.qualname``.
    seconds : float
        What the caller waited, without what watching took.
    value : object
        What it returned; None where it raised.
    error : BaseException or None
        What it raised.
    outcome : WatchedCall or None
        What became of it in the cache; None where the cache could not even be asked.
    """

    function: str
    seconds: float
    value: Any = None
    error: BaseException | None = None
    outcome: WatchedCall | None = None


@dataclass(slots=True)
class _Running:
    """A call that is under way, in this thread or task."""

    function: str
    outer: _Running | None
    watched: float = 0.0  #: seconds that calls inside of it were watched
    outcome: WatchedCall | None = None


_running: ContextVar[_Running | None] = ContextVar("afml_cache_running", default=None)
_guard = threading.Lock()
_watches: list[WatchReturns] = []
_outcomes: list[WatchCalls] = []  #: the one watch of outcomes, while anybody watches
_own: list[Callable[..., Any]] = []  #: the methods that ours stand in front of


class WatchReturns:
    """Calls are told until :meth:`close`, or the end of the ``with`` block."""

    def __init__(self, on_return: Callable[[ReturnedCall], object]) -> None:
        self.on_return = on_return
        with _guard:
            if not _watches:
                _begin()
            _watches.append(self)

    def close(self) -> None:
        """Watch no more; closing twice is closing once."""
        with _guard:
            if self in _watches:
                _watches.remove(self)
                if not _watches:
                    _end()

    def __enter__(self) -> WatchReturns:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def watch_returns(on_return: Callable[[ReturnedCall], object]) -> WatchReturns:
    """Have every cached call of this process told when it returns or raises, in all threads.

    Parameters
    ----------
    on_return : callable
        Given a :class:`ReturnedCall`, before the caller gets the value. What it raises reaches
        the caller.

    Returns
    -------
    WatchReturns
        A context manager; without ``with``, call its ``close()``.

    Examples
    --------
    >>> from afml_cache import robust_cacheable, use_store, watch_returns
    >>> @robust_cacheable
    ... def double(x):
    ...     return 2 * x
    >>> seen = []
    >>> with use_store(tmp_path / "returns"), watch_returns(seen.append):
    ...     _ = double(1), double(1)
    >>> [(call.value, str(call.outcome.outcome)) for call in seen]
    [(2, 'computed'), (2, 'hit')]
    """
    return WatchReturns(on_return)


def _begin() -> None:
    _outcomes.append(watch_calls(_note_outcome))
    for kind in _KINDS:
        _own.append(kind.__call__)
        kind.__call__ = _watched(kind.__call__)


def _end() -> None:
    for kind in _KINDS:
        kind.__call__ = _own.pop(0)
    _outcomes.pop().close()


def _note_outcome(call: WatchedCall) -> None:
    running = _running.get()
    if running is not None and running.function == call.function:
        running.outcome = call


def _watched(call: Callable[..., Any]) -> Callable[..., Any]:
    """``__call__`` with a look at what comes out of it."""

    @functools.wraps(call)
    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self._is_async:
            return finished(self, call(self, *args, **kwargs))
        running, started = _start(self.identity), time.perf_counter()
        try:
            value = call(self, *args, **kwargs)
        except BaseException as error:
            _tell(running, time.perf_counter() - started, None, error)
            raise
        _tell(running, time.perf_counter() - started, value, None)
        return value

    async def finished(self: Any, coming: Any) -> Any:
        running, started = _start(self.identity), time.perf_counter()
        try:
            value = await coming if inspect.isawaitable(coming) else coming
        except BaseException as error:
            _tell(running, time.perf_counter() - started, None, error)
            raise
        _tell(running, time.perf_counter() - started, value, None)
        return value

    return watched


def _start(function: str) -> _Running:
    running = _Running(function, _running.get())
    _running.set(running)
    return running


def _tell(running: _Running, seconds: float, value: Any, error: BaseException | None) -> None:
    _running.set(running.outer)
    call = ReturnedCall(running.function, seconds - running.watched, value, error, running.outcome)
    started = time.perf_counter()
    try:
        for watch in tuple(_watches):
            watch.on_return(call)
    finally:
        if running.outer is not None:
            running.outer.watched += running.watched + time.perf_counter() - started
