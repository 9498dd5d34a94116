"""Two values compared, in everything that a program could notice. Pure: values in, differences out.

Compared are types (``1`` is not ``1.0``, a list is no tuple), values to the bit (but for the bits
of a NaN), and of arrays and pandas objects all that their own rooms name.
"""

from __future__ import annotations

import datetime
import sys
import types
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from pathlib import PurePath
from typing import Any

from pytest_afml.compat.attributes import attribute_differences, has_attributes, has_hidden_state
from pytest_afml.compat.difference import Compare, Difference, below, listed, shown
from pytest_afml.compat.loose import parts_of

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

#: Equal members of these types are found by a look-up.
_ATOMS = (str, bytes, int, bool)
#: Functions, which say only which object they are.
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, type)


def _room_of(value: object) -> _Room:
    """What compares values of this type; NumPy and pandas count only once they are loaded."""
    if "pandas" in sys.modules:
        from pytest_afml.compat.frames import INTERVAL, PANDAS, SCALARS, pandas_differences

        if isinstance(value, PANDAS):
            return pandas_differences
        if isinstance(value, INTERVAL):
            return _of_intervals
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
    return _of_objects if parts_of(value) is None else _of_parts


def _of_dicts(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
    pairs, missing, extra = _matched(was, now, compare)
    found = [Difference(f"{place}[{key!r}]", "missing", shown(was[key]), "") for key in missing]
    found += [Difference(f"{place}[{key!r}]", "extra", "", shown(now[key])) for key in extra]
    if not found and any(one is not key for (_, one), key in zip(pairs, now, strict=True)):
        found.append(Difference(place, "order", shown(list(was)), shown(list(now))))
    for key, other in pairs:
        found += compare(was[key], now[other], f"{place}[{key!r}]")
    if isinstance(was, defaultdict):
        factories = was.default_factory, now.default_factory
        found += compare(*factories, below(place, "default_factory"))
    return listed(found, place) + attribute_differences(was, now, place, compare)


def _of_sequences(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
    if len(was) != len(now):
        return [Difference(place, "length", str(len(was)), str(len(now)))]
    names = getattr(was, "_fields", None)
    found: list[Difference] = []
    for number, (one, other) in enumerate(zip(was, now, strict=True)):
        at = below(place, names[number]) if names else f"{place}[{number}]"
        found += compare(one, other, at)
    if isinstance(was, deque):
        found += compare(was.maxlen, now.maxlen, below(place, "maxlen"))
    return listed(found, place) + attribute_differences(was, now, place, compare)


def _of_sets(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
    _, missing, extra = _matched(was, now, compare)
    if not missing and not extra:
        return attribute_differences(was, now, place, compare)
    if len(missing) == len(extra) == 1:  # it may be that the two cannot be compared
        told = compare(missing[0], extra[0], place)
        if all(one.kind == "incomparable" for one in told):
            return told
    return [Difference(place, "value", shown(was), shown(now))]


def _matched(
    was: Iterable[Any], now: Iterable[Any], compare: Compare
) -> tuple[list[tuple[Any, Any]], list[Any], list[Any]]:
    """Which members (or keys) are the same, and what is in one place only.

    Python's own ``in`` takes 1 for True, and no NaN for another one.
    """
    atoms = {(type(member), member): member for member in now if type(member) in _ATOMS}
    others = [member for member in now if type(member) not in _ATOMS]
    pairs, missing = [], []
    for member in was:
        if type(member) in _ATOMS:
            if (type(member), member) in atoms:
                pairs.append((member, atoms.pop((type(member), member))))
            else:
                missing.append(member)
            continue
        same = (n for n, other in enumerate(others) if not compare(member, other, ""))
        number = next(same, None)
        if number is None:
            missing.append(member)
        else:
            pairs.append((member, others.pop(number)))
    return pairs, missing, [*atoms.values(), *others]


def _of_floats(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
    # It tells -0.0 from 0.0, gives every digit, and has one name for NaN.
    text = float.__repr__ if isinstance(was, float) else complex.__repr__
    if text(was) != text(now):
        return [Difference(place, "value", shown(was), shown(now))]
    return attribute_differences(was, now, place, compare)


def _of_parts(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
    """By what another room says that their parts are."""
    parts = parts_of(was)
    assert parts is not None
    if compare(parts(was), parts(now), place):
        return [_value(was, now, place)]
    if isinstance(was, PurePath):
        return []
    return attribute_differences(was, now, place, compare)


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
    # An offset does not show its holidays; of two equal moments in a gap, == says they are not.
    is_moment = isinstance(was, datetime.datetime | datetime.time)
    are_unequal = not is_moment and _say_they_are_equal(was, now) is False
    if not found and (are_unequal or repr(was) != repr(now)):
        found.append(_value(was, now, place))
    return found


def _of_intervals(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
    names = ("left", "right", "closed")
    each = (compare(getattr(was, one), getattr(now, one), below(place, one)) for one in names)
    return [difference for found in each for difference in found]


def _of_objects(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
    """By their attributes where they have some, else as they say themselves."""
    is_function = isinstance(was, _FUNCTIONS)
    if not is_function and has_attributes(was):
        found = attribute_differences(was, now, place, compare)
        if found or not has_hidden_state(was):
            return found
    if is_function and _path_to(was) != _path_to(now):
        return [_value(was, now, place)]
    if isinstance(was, types.FunctionType) and was.__code__ == now.__code__:
        return compare(_bound(was), _bound(now), place)
    are_equal = _say_they_are_equal(was, now)
    if are_equal is None:
        return _of_states(was, now, place, compare)
    return [] if are_equal else [_value(was, now, place)]


def _of_states(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
    """By what pickle would write of them, as of a fitted tree, whose state lies in C."""
    try:
        states = was.__reduce_ex__(4), now.__reduce_ex__(4)
    except TypeError:  # of a generator, say: there is no telling
        return [Difference(place, "incomparable", shown(was), shown(now))]
    return compare(*states, below(place, "__reduce__()"))


def _path_to(function: Any) -> tuple[object, object]:
    """Lambdas of one place share it."""
    return getattr(function, "__module__", None), getattr(function, "__qualname__", None)


def _bound(function: types.FunctionType) -> dict[str, object]:
    """What tells two functions of one code apart, as two lambdas that were made at one place."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {
        "__defaults__": function.__defaults__,
        "__kwdefaults__": function.__kwdefaults__,
        # An empty cell is that of a name that is not bound yet.
        **{name: getattr(cell, "cell_contents", None) for name, cell in cells},
    }


def _say_they_are_equal(was: Any, now: Any) -> bool | None:
    """None where they say no more than which object they are, or cannot say."""
    kind: Any = type(was)
    if kind.__eq__ is object.__eq__:
        return None
    try:
        return bool(was == now) or bool(was != was and now != now)
    except Exception:  # noqa: BLE001 - a value's own == may raise anything, or give an array
        return None


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
