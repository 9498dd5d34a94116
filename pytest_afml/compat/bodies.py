"""The undecorated body of a function, and how a cached function is recognised."""

from __future__ import annotations

import asyncio
import functools
import inspect
import re
import sys
import types
from collections.abc import Callable
from typing import Any

from pytest_afml.limits import LimitError, identity

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")

Function = Callable[..., Any]


def is_cached(function: Function) -> bool:
    """Whether any layer of a function is one of the cache's decorators."""
    try:
        identity(function)
    except LimitError:
        return False
    return True


def body_of(function: Any) -> Function:
    """What the cache's decorator was put on.

    Decorators below the cache's stay: they belong to what is cached. Those above it go. Of a
    function that is not cached by us, the outermost decorator that says what it wraps goes.
    """
    if not is_cached(function):
        return getattr(function, "__wrapped__", function)  # type: ignore[no-any-return]
    if isinstance(function, functools.partial):
        return functools.partial(body_of(function.func), *function.args, **function.keywords)
    if getattr(function, "__self__", None) is not None and hasattr(function, "__func__"):
        return types.MethodType(body_of(function.__func__), function.__self__)
    layer = function
    while "identity" not in vars(type(layer)):
        layer = layer.__wrapped__
        if hasattr(layer, "__self__") or isinstance(layer, functools.partial):
            return body_of(layer)
    return layer.__wrapped__  # type: ignore[no-any-return]


def code_of(function: Any) -> types.CodeType | None:
    """The code whose runs are counted; None for what is not written in Python."""
    body = body_of(function)
    while isinstance(body, functools.partial):
        body = body.func
    body = inspect.unwrap(getattr(body, "__func__", body))
    code = getattr(body, "__code__", None)
    return code if isinstance(code, types.CodeType) else None


def is_coroutine_function(function: Any) -> bool:
    """Whether a function is an ``async def``, also under one of the cache's decorators."""
    if inspect.iscoroutinefunction(function):
        return True
    # Before 3.12 only asyncio's own question sees the mark of a decorator.
    return sys.version_info < (3, 12) and asyncio.iscoroutinefunction(function)


def signature_of(function: Any) -> str:
    """As it is written; a default that is shown with its address is shown without it."""
    try:
        return _ADDRESS.sub("", str(inspect.signature(function)))
    except (TypeError, ValueError):  # some functions written in C do not say
        return "(...)"


def name_of(function: Any) -> str:
    """``module.qualname``, as the cache names it."""
    try:
        return identity(function)
    except LimitError:
        name = getattr(function, "__qualname__", None) or repr(function)
        return f"{getattr(function, '__module__', '')}.{name}".lstrip(".")
