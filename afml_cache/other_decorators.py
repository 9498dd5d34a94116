"""Watching the calls of a cache that is not ours, so that both can be told alike.

A repository may carry the cache that it had before. Its decorators tell nobody what they do; but
whether a call was a hit can be seen from outside: then the function did not run. So the decorator
is handed a stand-in, which notes that it was run, and what it makes of that is watched.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any
from weakref import WeakSet

from afml_cache.keys.call import Binder
from afml_cache.keys.code import function_identity
from afml_cache.legacy import JoblibCachedFunction
from afml_cache.memo import CachedFunction
from afml_cache.outcomes import Outcome
from afml_cache.results import result_watchers, watched_call
from afml_cache.watching import WatchedCall, tell, watchers

#: What this module has made, so that nothing is watched twice: a decorator that uses another one.
_watched: WeakSet[Any] = WeakSet()
_stand_ins: WeakSet[Any] = WeakSet()


def watched_decorator(decorator: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator that does the same, and has each call told to whoever watches.

    A call that ran the function is told as computed, any other as a hit. Functions of ours are
    left to tell for themselves.

    Parameters
    ----------
    decorator : callable
        Used bare, ``@decorator``, or with options, ``@decorator(...)``.

    Returns
    -------
    callable
        The decorator itself, where it is one of these already.

    Examples
    --------
    >>> import functools
    >>> from afml_cache import watch_calls, watched_decorator
    >>> @watched_decorator(functools.lru_cache)
    ... def double(x):
    ...     return 2 * x
    >>> calls = []
    >>> with watch_calls(calls.append):
    ...     _ = double(1), double(1)
    >>> [str(call.outcome) for call in calls]
    ['computed', 'hit']
    """
    if decorator in _watched:
        return decorator

    @functools.wraps(decorator)
    def watching(*args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], FunctionType):
            return _decorated(decorator, args[0], args[1:], kwargs)
        made = decorator(*args, **kwargs)
        is_given = any(callable(one) for one in (*args, *kwargs.values()))
        return made if is_given or not callable(made) else watched_decorator(made)

    _watched.add(watching)
    return watching


def _decorated(
    decorator: Callable[..., Any], function: FunctionType, args: Any, kwargs: Any
) -> Any:
    if function in _stand_ins:  # a decorator within another; the outer one tells
        return decorator(function, *args, **kwargs)
    one = _Watched(function)
    made = decorator(one.stand_in, *args, **kwargs)
    if isinstance(made, CachedFunction | JoblibCachedFunction):
        return decorator(function, *args, **kwargs)
    if not callable(made):
        return made
    one.decorated = made
    return one.as_function() if isinstance(made, FunctionType) else _Proxy(one)


@dataclass(slots=True)
class _Run:
    """One call on its way."""

    ran: bool = False
    seconds: float = 0.0


class _Watched:
    """A function under a decorator that is not ours, as watching wants it."""

    def __init__(self, function: FunctionType) -> None:
        self.function = function
        self.decorated: Callable[..., Any] = function
        self.identity = function_identity(function)
        self._is_async = inspect.iscoroutinefunction(function)
        self._binder: Binder | None = None
        self._run: ContextVar[_Run | None] = ContextVar("afml_cache_run", default=None)
        self.stand_in = _standing_in(function, self._ran_async if self._is_async else self._ran)
        _stand_ins.add(self.stand_in)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Call what the decorator has made."""
        if result_watchers:
            call = _Watched._told_async if self._is_async else _Watched._told
            return watched_call(self, call, args, kwargs)
        if watchers:
            return (
                self._told_async(*args, **kwargs) if self._is_async else self._told(*args, **kwargs)
            )
        return self.decorated(*args, **kwargs)

    def as_function(self) -> Callable[..., Any]:
        """A function like the one that the decorator has made."""

        @functools.wraps(self.decorated)
        def watched(*args: Any, **kwargs: Any) -> Any:
            return self.call(*args, **kwargs)

        @functools.wraps(self.decorated)
        async def watched_async(*args: Any, **kwargs: Any) -> Any:
            return await self.call(*args, **kwargs)

        return watched_async if inspect.iscoroutinefunction(self.decorated) else watched

    def _told(self, *args: Any, **kwargs: Any) -> Any:
        run = _Run()
        outer = self._run.get()
        self._run.set(run)
        try:
            return self.decorated(*args, **kwargs)
        finally:
            self._run.set(outer)
            self._tell(run)

    async def _told_async(self, *args: Any, **kwargs: Any) -> Any:
        run = _Run()
        outer = self._run.get()
        self._run.set(run)
        try:
            return await self.decorated(*args, **kwargs)
        finally:
            self._run.set(outer)  # not reset(): a coroutine may be closed in another context
            self._tell(run)

    def _tell(self, run: _Run) -> None:
        outcome = Outcome.COMPUTED if run.ran else Outcome.HIT
        tell(WatchedCall(self.identity, outcome, seconds=run.seconds))

    def _ran(self, args: Any, kwargs: Any) -> Any:
        run, began = self._run.get(), time.perf_counter()
        try:
            return self.function(*args, **kwargs)
        finally:
            _note(run, began)

    async def _ran_async(self, args: Any, kwargs: Any) -> Any:
        run, began = self._run.get(), time.perf_counter()
        try:
            return await self.function(*args, **kwargs)
        finally:
            _note(run, began)

    def _counted_arguments(self, args: Any, kwargs: Any) -> Any:
        """The arguments of a call; what the decorator leaves out of its key is not known."""
        if self._binder is None:
            self._binder = Binder(self.function)
        return self._binder.bind(args, kwargs)


def _note(run: _Run | None, began: float) -> None:
    if run is not None:
        run.ran = True
        run.seconds += time.perf_counter() - began


class _Proxy:
    """Stands for an object that the decorator has made; in all but its calls it is that object."""

    def __init__(self, one: _Watched) -> None:
        self._one = one
        functools.update_wrapper(self, one.decorated, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._one.call(*args, **kwargs)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __getattr__(self, name: str) -> Any:
        if name == "_one":  # not there yet: it is being copied
            raise AttributeError(name)
        return getattr(self._one.decorated, name)

    def __reduce__(self) -> str:
        return str(self.__qualname__)  # as a function: by its name


def _standing_in(function: FunctionType, run: Callable[..., Any]) -> FunctionType:
    """A function that is told from another by nothing that caches look at.

    Name, signature and source are those of the other, for those too who read the source where the
    code object says that it lies, as joblib does. It is on one line, so that debuggers and
    coverage see none but the first line of the function.
    """

    # fmt: off
    async def waiting(*args: Any, **kwargs: Any) -> Any: return await run(args, kwargs)
    # fmt: on
    made: Any = waiting if inspect.iscoroutinefunction(function) else lambda *a, **k: run(a, k)
    there = function.__code__
    code: CodeType = made.__code__.replace(
        co_filename=there.co_filename,
        co_firstlineno=there.co_firstlineno,
        co_name=there.co_name,
        co_qualname=there.co_qualname,
    )
    stand_in = FunctionType(code, function.__globals__, function.__name__, None, made.__closure__)
    functools.update_wrapper(stand_in, function)
    return stand_in
