"""Two NumPy arrays compared: shape, dtype, every value, whether they can be written to.

Equal means equal to the bit, but for the bits of a NaN: ``-0.0`` is not ``0.0``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pytest_afml.compat.attributes import attribute_differences
from pytest_afml.compat.difference import Compare, Difference, below, listed, shown

#: The place of a value by its number, in words.
Label = Callable[[int], str]

_ATOMS = frozenset({str, bytes, int, bool})


def array_differences(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
    """The differences between two arrays of one type."""
    if was.shape != now.shape:
        return [Difference(below(place, "shape"), "shape", str(was.shape), str(now.shape))]
    found = []
    if was.flags.writeable and not now.flags.writeable:
        found.append(Difference(below(place, "flags.writeable"), "flags", "True", "False"))
    if was.dtype != now.dtype:
        found.append(Difference(below(place, "dtype"), "dtype", str(was.dtype), str(now.dtype)))

    def label(number: int) -> str:
        return ", ".join(map(str, np.unravel_index(number, was.shape))) or "()"

    if isinstance(was, np.ma.MaskedArray):
        masks = np.ma.getmaskarray(was), np.ma.getmaskarray(now)
        found += value_differences(*masks, below(place, "mask"), compare, label)
        if was.dtype == now.dtype:
            fill = was.fill_value, now.fill_value
            found += compare(*fill, below(place, "fill_value"))
            now = now.filled(was.fill_value)
        was, now = was.filled(), np.ma.filled(now)
    elif type(was) is not np.ndarray:
        found += attribute_differences(was, now, place, compare)
    return found + value_differences(np.asarray(was), np.asarray(now), place, compare, label)


def value_differences(
    was: Any, now: Any, place: str, compare: Compare, label: Label = str
) -> list[Difference]:
    """The differences between the values of two arrays of one shape, whatever their dtypes."""
    was, now = was.reshape(-1), now.reshape(-1)
    if was.dtype == now.dtype and was.dtype.kind == "O":
        each = (
            difference
            for number, (one, other) in enumerate(zip(was, now, strict=True))
            if not _is_same_atom(one, other)
            for difference in compare(one, other, f"{place}[{label(number)}]")
        )
        return listed(list(each), place)
    are_alike = was.dtype == now.dtype
    different = _unequal(was, now, compare) if are_alike else _unequal_values(was, now)
    places = np.flatnonzero(different)
    if not len(places):
        return []
    first = int(places[0])
    shown_was, shown_now = _plain(was[first]), _plain(now[first])
    at = label(first)
    return [Difference(place, "values", shown_was, shown_now, len(places), len(was), at)]


def _is_same_atom(one: object, other: object) -> bool:
    """Whether there is no need to look further; most objects in arrays are texts."""
    return type(one) is type(other) and type(one) in _ATOMS and one == other


def _unequal(was: Any, now: Any, compare: Compare) -> Any:
    """Which values of two arrays of one dtype differ."""
    kind = was.dtype.kind
    if was.dtype.names is not None:
        different = np.zeros(len(was), dtype=bool)
        for name in was.dtype.names:  # each may have several values a row
            one, other = (np.asarray(array[name]) for array in (was, now))
            unequal = _unequal(one.reshape(-1), other.reshape(-1), compare)
            different |= unequal.reshape(len(was), -1).any(axis=1)
        return different
    if kind == "O":
        pairs = zip(was, now, strict=True)
        return np.array([bool(compare(one, other, "")) for one, other in pairs], dtype=bool)
    if kind == "c":
        real = _unequal(was.real, now.real, compare)
        return real | _unequal(was.imag, now.imag, compare)
    if kind == "f":
        both_nan = np.isnan(was) & np.isnan(now)
        return ~both_nan & ((was != now) | (np.signbit(was) != np.signbit(now)))
    if kind in "mM":
        return (was != now) & ~(np.isnat(was) & np.isnat(now))
    return was != now


def _unequal_values(was: Any, now: Any) -> Any:
    """Which values of two arrays differ, their dtypes set aside."""
    different = np.ones(len(was), dtype=bool)
    for number, (one, other) in enumerate(zip(was, now, strict=True)):
        both_missing = _is_missing(one) and _is_missing(other)
        try:
            different[number] = not (both_missing or bool(one == other))
        except (TypeError, ValueError):  # there is no telling, so they are not equal
            continue
    return different


def _is_missing(value: Any) -> bool:
    """None, NaN, NaT and pandas' NA, which is neither true nor false."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):
        return type(value).__name__ == "NAType"


def _plain(value: Any) -> str:
    """A scalar of NumPy's without the name of its type."""
    return (
        shown(value.item())
        if type(value).__module__ == "numpy" and (value.dtype.kind in "biufUS")
        else shown(value)
    )
