"""Two values compared, in everything that a program could notice. Pure: values in, differences out.

Compared are types (``1`` is not ``1.0``, a list is no tuple), values to the bit (but for the bits
of a NaN), and of arrays and pandas objects all that their own rooms name.
"""

from __future__ import annotations

import datetime
import functools
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pytest_afml.compat.difference import Compare, Difference, below, listed, shown

__all__ = ["Difference", "differences"]


def differences(was: object, now: object) -> list[Difference]:
    """What differs between an expected value and another one; empty: nothing.

    >>> differences((1, 2), [1, 2])
    [Difference(place='', kind='type', was='tuple', now='list', count=0, total=0, at='')]
    >>> differences(float("nan"), float("nan"))
    []
    """
    #: Pairs that are being compared, for values that contain themselves.
    met: set[tuple[int, int]] = set()

    def compare(one: object, other: object, place: str) -> list[Difference]:
        if one is other or (id(one), id(other)) in met:
            return []
        if one is None or other is None:
            return [Difference(place, "value", shown(one), shown(other))]
        if type(one) is not type(other):
            return [Difference(place, "type", _type_name(one, other), _type_name(other, one))]
        pair = (id(one), id(other))
        met.add(pair)
        try:
            return _room_of(one)(one, other, place, compare)
        finally:
            met.discard(pair)

    return compare(was, now, "")


_Room = Callable[[Any, Any, str, Compare], list[Difference]]


def _room_of(value: object) -> _Room:
    """What compares values of this type; NumPy and pandas count only once they are loaded."""
    if "pandas" in sys.modules:
        from pytest_afml.compat.frames import PANDAS, SCALARS, pandas_differences

        if isinstance(value, PANDAS):
            return pandas_differences
        if isinstance(value, SCALARS):
            return _of_times
    if "numpy" in sys.modules:
        import numpy as np

        from pytest_afml.compat.arrays import array_differences

        if isinstance(value, np.ndarray):
            return array_differences
        if isinstance(value, np.generic):
            return _of_numpy_scalars
    if isinstance(value, dict):
        return _of_dicts
    if isinstance(value, list | tuple | deque):
        return _of_sequences
    if isinstance(value, set | frozenset):
        return _of_sets
    if isinstance(value, float | complex):
        return _of_floats
    if isinstance(value, datetime.datetime | datetime.time):
        return _of_times
    return _of_objects


def _of_dicts(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
    pairs, missing, extra = _matched(was, now, compare)
    found = [Difference(f"{place}[{key!r}]", "missing", shown(was[key]), "") for key in missing]
    found += [Difference(f"{place}[{key!r}]", "extra", "", shown(now[key])) for key in extra]
    if not found and any(one is not key for (_, one), key in zip(pairs, now, strict=True)):
        found.append(Difference(place, "order", shown(list(was)), shown(list(now))))
    for key, other in pairs:
        found += compare(was[key], now[other], f"{place}[{key!r}]")
    return listed(found, place) + _of_attributes(was, now, place, compare)


def _of_sequences(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
    if len(was) != len(now):
        return [Difference(place, "length", str(len(was)), str(len(now)))]
    names = getattr(was, "_fields", None)
    found: list[Difference] = []
    for number, (one, other) in enumerate(zip(was, now, strict=True)):
        at = below(place, names[number]) if names else f"{place}[{number}]"
        found += compare(one, other, at)
    return listed(found, place) + _of_attributes(was, now, place, compare)


def _of_sets(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
    _, missing, extra = _matched(was, now, compare)
    if not missing and not extra:
        return []
    return [Difference(place, "value", shown(was), shown(now))]


def _matched(
    was: Iterable[Any], now: Iterable[Any], compare: Compare
) -> tuple[list[tuple[Any, Any]], list[Any], list[Any]]:
    """Which members (or keys) are the same, and what is in one place only.

    Python's own ``in`` takes 1 for True, and no NaN for another one.
    """
    texts = {member: member for member in now if type(member) is str}
    others = [member for member in now if type(member) is not str]
    pairs, missing = [], []
    for member in was:
        if type(member) is str and member in texts:
            pairs.append((member, texts.pop(member)))
            continue
        same = (n for n, other in enumerate(others) if not compare(member, other, ""))
        number = next(same, None)
        if number is None:
            missing.append(member)
        else:
            pairs.append((member, others.pop(number)))
    return pairs, missing, [*texts, *others]


def _of_floats(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
    del compare
    # repr() tells -0.0 from 0.0, gives every digit, and has one name for NaN.
    if repr(was) == repr(now):
        return []
    return [Difference(place, "value", shown(was), shown(now))]


def _of_numpy_scalars(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
    import numpy as np

    from pytest_afml.compat.arrays import value_differences

    found = []
    if was.dtype != now.dtype:
        found.append(Difference(below(place, "dtype"), "dtype", str(was.dtype), str(now.dtype)))
    if value_differences(np.asarray(was), np.asarray(now), place, compare):
        found.append(Difference(place, "value", shown(was), shown(now)))
    return found


def _of_times(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
    """A moment in another zone is equal, and is another value."""
    del compare  # they have no parts
    found = []
    for name in ("tzinfo", "unit", "fold"):
        one, other = getattr(was, name, None), getattr(now, name, None)
        if str(one) != str(other):
            found.append(Difference(below(place, name), name, shown(one), shown(other)))
    if not found and repr(was) != repr(now):
        found.append(Difference(place, "value", shown(was), shown(now)))
    return found


def _of_objects(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
    """By their attributes where they have some, else as they say themselves."""
    if callable(was) or not (hasattr(was, "__dict__") or _slots(was)):
        if _say_they_are_equal(was, now):
            return []
        if _kind_of_equality(was) is object.__eq__:  # they say no more than which object they are
            return _of_states(was, now, place, compare)
        return [_value(was, now, place)]
    found = _of_attributes(was, now, place, compare)
    if not found and isinstance(was, str | bytes | int) and not _say_they_are_equal(was, now):
        return [_value(was, now, place)]
    return found


def _of_states(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
    """By what pickle would write of them, as of a fitted tree, whose state lies in C."""
    try:
        states = was.__reduce_ex__(4), now.__reduce_ex__(4)
    except TypeError:  # of a lock, say: there is no telling
        return [_value(was, now, place)]
    return compare(*states, below(place, "__reduce__()"))


def _of_attributes(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
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


def _attributes(value: Any) -> Iterator[str]:
    """The names of its attributes, but for what is computed from the others when asked for."""
    for name in getattr(value, "__dict__", {}):
        if not isinstance(getattr(type(value), name, None), functools.cached_property):
            yield name
    yield from _slots(value)


def _slots(value: Any) -> list[str]:
    found: list[str] = []
    for kind in type(value).__mro__:
        names = vars(kind).get("__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            mangled = name.startswith("__") and not name.endswith("__")
            found.append(f"_{kind.__name__.lstrip('_')}{name}" if mangled else name)
    return [name for name in found if name not in ("__dict__", "__weakref__")]


def _kind_of_equality(value: object) -> object:
    return type(value).__eq__


def _say_they_are_equal(was: Any, now: Any) -> bool:
    try:
        return bool(was == now) or bool(was != was and now != now)
    except (TypeError, ValueError):  # pandas' NA, or an array inside
        return False


def _value(was: Any, now: Any, place: str) -> Difference:
    one, other = shown(was), shown(now)
    if one == other:
        one, other = f"{one} (an object unequal to it)", other
    return Difference(place, "value", one, other)


def _type_name(value: object, other: object) -> str:
    """A type's name; with its module where the other's name is the same."""
    kind = type(value)
    if kind.__name__ == type(other).__name__:
        return f"{kind.__module__}.{kind.__qualname__}"
    return kind.__qualname__
