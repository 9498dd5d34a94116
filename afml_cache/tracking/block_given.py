"""The code that the function around a block was given: its instance's class, functions to call.

Which method of a subclass is called, or which function, is no part of the function's own code. Of
other arguments, and of what an instance holds, only what the user puts into the key counts.
"""

from __future__ import annotations

import functools
import types

_TAKES_MORE, _TAKES_NAMED = 0x04, 0x08  # inspect.CO_VARARGS, CO_VARKEYWORDS, without loading it
#: What is a function in the hands of whoever is given it.
_FUNCTIONS = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    functools.partial,
    type,
)


def given(frame: types.FrameType) -> tuple[type | None, list[object]]:
    """What a function was given that is code.

    Returns
    -------
    type or None
        The class that it is called as a method of.
    list of object
        The functions, methods and classes among its other arguments.
    """
    code, there = frame.f_code, frame.f_locals
    plain = code.co_argcount + code.co_kwonlyargcount
    values = [there.get(name) for name in code.co_varnames[:plain]]
    kind: type | None = None
    if code.co_argcount:
        first = values[0]
        kind = first if isinstance(first, type) else type(first)
        kind = kind if _is_method(code, kind) else None
    rest = list(code.co_varnames[plain : plain + 2])
    if code.co_flags & _TAKES_MORE:
        values += there.get(rest.pop(0), ())
    if code.co_flags & _TAKES_NAMED:
        values += there.get(rest.pop(0), {}).values()
    functions = values if kind is None else values[1:]
    return kind, [one for one in functions if is_function(one)]


def is_function(value: object) -> bool:
    """Whether it is a function, method or class, cached or not, of somebody else than we."""
    is_cached = callable(value) and hasattr(value, "__wrapped__")
    return (isinstance(value, _FUNCTIONS) or is_cached) and not is_ours(
        getattr(value, "__module__", "")
    )


def is_ours(module: object) -> bool:
    """Whether a module is one of this package."""
    return str(module).partition(".")[0] in ("afml_cache", "afml")


def _is_method(code: types.CodeType, kind: type) -> bool:
    """Whether a class has a function, which may be hidden in a decorator, or be named ``__so``."""
    if hasattr(kind, code.co_name):
        return True
    name = code.co_qualname
    return any(f"{one.__qualname__}.{code.co_name}" == name for one in kind.__mro__)
