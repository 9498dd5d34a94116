"""Objects that stand for a function, and values with functions inside.

Partials, bound methods, properties, jitted functions and functions of other caches hold the
function that is meant; dispatch tables hold many.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import functools
import pathlib
import re
import types
import uuid
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

#: Where callable objects of other packages keep the function they stand for.
_ATTRIBUTES = {"numba": "py_func", "joblib": "func", "numpy": "pyfunc"}

_CONTAINERS = frozenset(
    {list, tuple, dict, set, frozenset, OrderedDict, defaultdict, types.MappingProxyType}
)
_IMMUTABLE = frozenset(
    {
        *(
            type(None),
            bool,
            int,
            float,
            complex,
            str,
            bytes,
            range,
            type(...),
            type(NotImplemented),
        ),
        *(datetime.date, datetime.datetime, datetime.time, datetime.timedelta, datetime.timezone),
        *(decimal.Decimal, fractions.Fraction, re.Pattern, uuid.UUID),
        *(pathlib.PosixPath, pathlib.WindowsPath, pathlib.PurePosixPath, pathlib.PureWindowsPath),
    }
)
_IMMUTABLE_IN_PANDAS = frozenset({"Interval", "NaTType", "Period", "Timedelta", "Timestamp"})

#: More members than this are compared by digest: a snapshot would cost as much.
_SNAPSHOT_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Held:
    """What an object holds, by role. ``owner`` is the class that a held method belongs to."""

    items: Mapping[str, object]
    owner: type | None = None


def held_by(value: Any, owner: type | None) -> Held | None:
    """What an object that stands for a function holds; None if it does not stand for one."""
    if isinstance(value, staticmethod):
        return Held({"function": value.__func__})  # no owner: it gets no instance
    if isinstance(value, classmethod):
        return Held({"function": value.__func__}, owner)
    if isinstance(value, property):
        return Held({"get": value.fget, "set": value.fset, "delete": value.fdel}, owner)
    if isinstance(value, functools.cached_property):
        return Held({"get": value.func}, owner)
    if isinstance(value, functools.partial | functools.partialmethod):
        return Held({"function": value.func, "args": value.args, "keywords": value.keywords}, owner)
    if isinstance(value, functools.singledispatchmethod):
        return Held({"function": value.dispatcher}, owner)
    if isinstance(value, types.MethodType):
        bound = value.__self__
        cls = bound if isinstance(bound, type) else type(bound)
        return Held({"function": value.__func__, "self": bound}, cls)
    space = getattr(value, "__dict__", None)
    if type(space) is not dict:
        return None
    named = _ATTRIBUTES.get(type(value).__module__.partition(".")[0], "")
    for name in (named, "__wrapped__"):
        if name in space and callable(space[name]):
            return Held({"function": space[name]}, owner)
    wrapped = space.get("__wrapped__")
    if isinstance(wrapped, staticmethod | classmethod):
        return Held({"function": wrapped}, owner)
    return None


def is_immutable(value: object) -> bool:
    """Whether a value cannot change in place, so that its identity vouches for its content."""
    kind = type(value)
    if kind in _IMMUTABLE or isinstance(value, Enum):
        return True
    if kind is tuple or kind is frozenset:
        try:
            return all(map(is_immutable, value))  # type: ignore[call-overload]
        except RecursionError:
            return False
    package = kind.__module__.partition(".")[0]
    if package == "numpy":
        return any(base.__name__ == "generic" for base in kind.__mro__) and kind.__name__ != "void"
    return package == "pandas" and kind.__name__ in _IMMUTABLE_IN_PANDAS


def plain_containers(value: Any) -> list[Any]:
    """The builtin containers that a value consists of, itself first.

    Empty where it holds anything else that can change in place. Otherwise snapshots of the
    members of all these containers vouch for the value.
    """
    found: list[Any] = []
    seen: set[int] = set()
    todo = [value]
    members = 0
    while todo:
        item = todo.pop()
        if type(item) in _CONTAINERS and not is_immutable(item):
            members += len(item)
            if members > _SNAPSHOT_LIMIT:
                return []
            if id(item) not in seen:
                seen.add(id(item))
                found.append(item)
                todo += [*item, *item.values()] if isinstance(item, Mapping) else item
        elif not is_immutable(item):
            return []
    return found


def bears_code(value: object, is_code: Callable[[object], bool]) -> bool:
    """Whether a builtin container holds, at any depth, something that ``is_code``."""
    seen: set[int] = set()
    todo = [value]
    while todo:
        item = todo.pop()
        kind = type(item)
        if kind in _CONTAINERS:
            if id(item) not in seen:
                seen.add(id(item))
                todo += _members(item)
        elif kind not in _IMMUTABLE and item is not value and is_code(item):
            return True
    return False


def _members(container: Any) -> list[Any]:
    """The members of a builtin container (of a dict keys and values) but for plain scalars."""
    found: list[Any] = []
    sides = (container, container.values()) if isinstance(container, Mapping) else (container,)
    for side in sides:
        items = list(side)
        # Asked of the types first: a list of a million prices has one.
        if not _IMMUTABLE.issuperset(map(type, items)):
            found += items
    return found
