"""The attributes of two objects compared, however they are kept."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator
from typing import Any

from pytest_afml.compat.difference import Compare, Difference, below, listed, shown


def attribute_differences(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
    """Of subclasses of containers, too; a key of a mapping is no attribute."""
    missing = object()
    found: list[Difference] = []
    for name in dict.fromkeys((*_attributes(was), *_attributes(now))):
        one, other = getattr(was, name, missing), getattr(now, name, missing)
        if one is missing and other is missing:
            continue
        if one is missing or other is missing:
            kind = "missing" if other is missing else "extra"
            shown_was = "" if one is missing else shown(one)
            shown_now = "" if other is missing else shown(other)
            found.append(Difference(below(place, name), kind, shown_was, shown_now))
        else:
            found += compare(one, other, below(place, name))
    return listed(found, place)


def has_attributes(value: Any) -> bool:
    """Whether there is a place for attributes, be it an empty one."""
    return hasattr(value, "__dict__") or bool(slots(value))


def has_hidden_state(value: Any) -> bool:
    """Whether a type written in C may keep what is no attribute, as a buffer its bytes."""
    made_in_c = (vars(kind).get("__new__") for kind in type(value).__mro__ if kind is not object)
    return any(isinstance(one, types.BuiltinFunctionType) for one in made_in_c)


def slots(value: Any) -> list[str]:
    """The names of the attributes that are not in its ``__dict__``."""
    found: list[str] = []
    for kind in type(value).__mro__:
        names = vars(kind).get("__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            mangled = name.startswith("__") and not name.endswith("__")
            found.append(f"_{kind.__name__.lstrip('_')}{name}" if mangled else name)
    return [name for name in found if name not in ("__dict__", "__weakref__")]


def _attributes(value: Any) -> Iterator[str]:
    """The names of its attributes, but for what is computed from the others when asked for."""
    for name in getattr(value, "__dict__", {}):
        if not isinstance(getattr(type(value), name, None), functools.cached_property):
            yield name
    yield from slots(value)
