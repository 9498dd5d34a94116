"""What may be decorated, and how a decorated function travels to other processes."""

from __future__ import annotations

import inspect
import sys
import weakref
from collections.abc import Callable
from typing import Any

from afml_cache.errors import UncacheableFunctionError
from afml_cache.taken_over import tell_autoreload

#: Every decorated function of this process that is still in use, by its ``id``.
_decorated: dict[int, weakref.ref[Any]] = {}


def note_decorated(cached: Any) -> None:
    """Remember a decorated function for as long as somebody holds it."""
    number = id(cached)
    _decorated[number] = weakref.ref(cached, lambda _: _decorated.pop(number, None))
    tell_autoreload()  # before it updates what was there before this one


def decorated_functions() -> list[Any]:
    """The decorated functions of this process that are still in use."""
    found = (ref() for ref in list(_decorated.values()))
    return [cached for cached in found if cached is not None]


def is_decorated(function: object) -> bool:
    """Whether it is one of them."""
    known = _decorated.get(id(function))
    return known is not None and known() is function


def check_cacheable(function: object) -> None:
    """Refuse what cannot be cached, when it is decorated and not when it is first called.

    Raises
    ------
    UncacheableFunctionError
        ``function`` is a generator function, a class, or not callable.
    """
    name = getattr(function, "__qualname__", None) or repr(function)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise UncacheableFunctionError(
            f"{name} is a generator function: what it returns can be used once, so there is "
            "nothing to cache. Return a list (or a frame), or cache the function that computes "
            "one item"
        )
    if inspect.isclass(function):
        raise UncacheableFunctionError(
            f"{name} is a class. Decorate the slow method, or a function that builds the object"
        )
    if isinstance(function, property):
        raise UncacheableFunctionError(
            f"{getattr(function.fget, '__qualname__', 'this')} is a property; put @property on top "
            "and the cache's decorator below it"
        )
    if not callable(function):
        raise UncacheableFunctionError(f"{name} is not a function, so it cannot be cached")


def class_around(cached: Any) -> type | None:
    """The class in which a decorated function stands as a classmethod, if it does."""
    found: Any = sys.modules.get(cached.__module__)
    *path, name = cached.__qualname__.split(".")
    for part in path:
        found = getattr(found, part, None)
    if not isinstance(found, type):
        return None
    member = vars(found).get(name)
    return found if isinstance(member, classmethod) and member.__func__ is cached else None


def mark_coroutine_function(function: Any) -> None:
    """Make ``inspect.iscoroutinefunction`` (3.12 on) and asyncio's own see an ``async def``."""
    if sys.version_info >= (3, 12):
        inspect.markcoroutinefunction(function)
    import asyncio.coroutines

    marker = getattr(asyncio.coroutines, "_is_coroutine", None)  # gone from 3.14 on
    if marker is not None:
        function._is_coroutine = marker


def reduce_cached(
    cached: Any, rebuild: Callable[..., Any], arguments: tuple[Any, ...]
) -> str | tuple[Any, ...]:
    """Pickle a decorated function by name where a name leads to it, else by its parts.

    By parts means that the undecorated function is pickled, which only cloudpickle (and so
    joblib's loky workers) can do for functions of ``__main__`` and local ones.
    """
    found: Any = sys.modules.get(cached.__module__)
    for part in cached.__qualname__.split("."):
        found = getattr(found, part, None)
    if found is cached and not (cached.__module__ == "__main__" and _cloudpickle_asks()):
        return str(cached.__qualname__)
    return rebuild, arguments


def _cloudpickle_asks() -> bool:
    # A pickler does not say who it is. cloudpickle's is driven by a Python frame of its own
    # module; `__main__` of a loky worker is another module than ours, so names lead nowhere.
    frame = inspect.currentframe()
    while frame is not None:
        if "cloudpickle" in str(frame.f_globals.get("__name__")):
            return True
        frame = frame.f_back
    return False
