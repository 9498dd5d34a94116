"""The qualified name that a piece of code has in its file.

IPython's ``%autoreload`` puts new code into the methods that there are. It compiles each in a class
of another name, which the code then says that it comes from.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import CodeType, FunctionType

_STAND_IN = "__autoreload_class__."


def qualname_of(function: FunctionType) -> str:
    """Where a function was defined. What ``functools.wraps`` has lent it does not count."""
    name = function.__code__.co_qualname
    return function.__qualname__ if name.startswith(_STAND_IN) else name


def is_put_in(code: CodeType) -> bool:
    """Whether IPython has put a method in without saying which file it was in: a property's."""
    return code.co_filename == "<string>" and code.co_qualname.startswith(_STAND_IN)


def names_like(code: CodeType, names: Iterable[str]) -> list[str]:
    """Those of the names in a file under which a piece of code may be defined there."""
    name = code.co_qualname
    if not name.startswith(_STAND_IN):
        return [name]
    method = name.removeprefix(_STAND_IN)
    return [one for one in names if one.endswith(f".{method}")]
