"""Two pandas objects compared: labels and their order, index with freq and tz, dtypes, attrs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pytest_afml.compat.arrays import Label, value_differences
from pytest_afml.compat.difference import Compare, Difference, below, listed, shown

#: What this module compares.
PANDAS = (pd.DataFrame, pd.Series, pd.Index, pd.api.extensions.ExtensionArray)

#: Scalars that keep caches in their attributes, and are what they show.
SCALARS = (pd.Period, pd.Timedelta, pd.offsets.BaseOffset)
INTERVAL = pd.Interval


def pandas_differences(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
    """The differences between two pandas objects of one type."""
    if isinstance(was, pd.Index):
        return _of_indexes(was, now, place, compare)
    if isinstance(was, pd.Series):
        found = _of_indexes(was.index, now.index, below(place, "index"), compare)
        found += compare(was.name, now.name, below(place, "name"))
        found += _of_columns(was, now, place, compare, _labels(was))
    elif isinstance(was, pd.DataFrame):
        found = _of_indexes(was.index, now.index, below(place, "index"), compare)
        found += _of_labels(was, now, place, compare)
        found += _of_all_columns(was, now, place, compare)
    else:
        return _of_columns(was, now, place, compare, str)
    found += compare(was.attrs, now.attrs, below(place, "attrs"))
    for name in was._metadata:  # what a subclass keeps
        if name != "_name":
            found += compare(getattr(was, name, None), getattr(now, name, None), below(place, name))
    flags = was.flags.allows_duplicate_labels, now.flags.allows_duplicate_labels
    return found + compare(*flags, below(place, "flags.allows_duplicate_labels"))


def _of_labels(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
    place = below(place, "columns")
    in_order = len(was.columns) == len(now.columns) and was.columns.equals(now.columns)
    if not in_order and sorted(map(repr, was.columns)) == sorted(map(repr, now.columns)):
        return [Difference(place, "order", shown(list(was.columns)), shown(list(now.columns)))]
    return _of_indexes(was.columns, now.columns, place, compare)


def _of_all_columns(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
    """The columns of one label; those of no unique label by their number."""
    if len(was) != len(now):
        return []  # the index has been told of
    label = _labels(was)
    found: list[Difference] = []
    if was.columns.is_unique and now.columns.is_unique:
        common = [name for name in was.columns if name in now.columns]
        pairs = [(f"[{name!r}]", was[name], now[name]) for name in common]
    else:
        number = min(was.shape[1], now.shape[1])
        pairs = [(f".iloc[:, {n}]", was.iloc[:, n], now.iloc[:, n]) for n in range(number)]
    for name, one, other in pairs:
        found += _of_columns(one, other, f"{place}{name}".lstrip("."), compare, label)
    return listed(found, place)


def _of_indexes(was: Any, now: Any, place: str, compare: Compare) -> list[Difference]:
    if type(was) is not type(now):
        kinds = type(was).__name__, type(now).__name__
        found = [Difference(place, "type", *kinds)]
    else:
        found = _of_zones(was, now, place)
    if isinstance(was, pd.MultiIndex) or isinstance(now, pd.MultiIndex):
        if was.nlevels == now.nlevels and len(was) == len(now):
            found += compare(list(was.names), list(now.names), below(place, "names"))
            for level in range(was.nlevels):
                values = was.get_level_values(level), now.get_level_values(level)
                at = below(place, f"get_level_values({level})")
                found += _of_zones(*values, at)
                levels = was.levels[level], now.levels[level]
                if levels[0].equals(levels[1]):  # which may hold more than is used
                    found += _of_freqs(*levels, below(place, f"levels[{level}]"))
                found += _of_values(*values, at, compare, str)
            return found
        return [*found, Difference(below(place, "shape"), "shape", _shape(was), _shape(now))]
    found += compare(was.name, now.name, below(place, "name"))
    return found + _of_values(was, now, place, compare, str)


def _of_zones(was: Any, now: Any, place: str) -> list[Difference]:
    """Of two indexes without levels: freq, and time zone."""
    one, other = getattr(was, "tz", None), getattr(now, "tz", None)
    found = _of_freqs(was, now, place)
    if str(one) != str(other):
        found.append(Difference(below(place, "tz"), "tz", str(one), str(other)))
    return found


def _of_freqs(was: Any, now: Any, place: str) -> list[Difference]:
    one, other = getattr(was, "freq", None), getattr(now, "freq", None)
    if one == other and str(one) == str(other):
        return []
    texts = shown(one), shown(other)
    if texts[0] == texts[1]:
        texts = f"{texts[0]} of other days", texts[1]  # it does not show its holidays
    return [Difference(below(place, "freq"), "freq", *texts)]


def _shape(index: Any) -> str:
    return f"({len(index)}, {index.nlevels})"


def _of_values(was: Any, now: Any, place: str, compare: Compare, label: Label) -> list[Difference]:
    """Of two indexes: dtype and values, or their lengths."""
    if len(was) != len(now):
        return [Difference(place, "length", str(len(was)), str(len(now)))]
    return _of_columns(was, now, place, compare, label)


def _of_columns(was: Any, now: Any, place: str, compare: Compare, label: Label) -> list[Difference]:
    """Of two columns (or indexes, or arrays): dtype and values."""
    if len(was) != len(now):
        return []  # the index has been told of
    found = []
    if _is_writeable(was) and not _is_writeable(now):
        found.append(Difference(below(place, "flags.writeable"), "flags", "True", "False"))
    one, other = was.dtype, now.dtype
    if isinstance(one, pd.CategoricalDtype) and isinstance(other, pd.CategoricalDtype):
        if one.ordered != other.ordered:
            at = below(place, "dtype.ordered")
            found.append(Difference(at, "categories", str(one.ordered), str(other.ordered)))
        if not one.categories.equals(other.categories):
            at = below(place, "dtype.categories")
            names = shown(list(one.categories)), shown(list(other.categories))
            found.append(Difference(at, "categories", *names))
        else:  # 1 or 1.0, 0.0 or -0.0
            at = below(place, "dtype.categories")
            found += _of_columns(one.categories, other.categories, at, compare, str)
    elif one != other and not _differ_by_tz(was, now):
        found.append(Difference(below(place, "dtype"), "dtype", str(one), str(other)))
    if not found and _are_at_once_equal(was, now):
        return []
    return found + value_differences(_values(was), _values(now), place, compare, label)


def _is_writeable(column: Any) -> bool:
    """Whether its memory takes changes in place; those of an index never reach it."""
    memory = getattr(getattr(column, "array", column), "_ndarray", None)
    return memory is None or isinstance(column, pd.Index) or bool(memory.flags.writeable)


def _are_at_once_equal(was: Any, now: Any) -> bool:
    """What long columns of pandas' own dtypes say; it would take -0.0 for 0.0."""
    if isinstance(was.dtype, np.dtype) or was.dtype.kind in "fc":
        return False
    one, other = (getattr(column, "array", column) for column in (was, now))
    return bool(one.equals(other))


def _differ_by_tz(was: Any, now: Any) -> bool:
    """Whether the zones of two indexes differ, which is told of as such."""
    if not isinstance(was, pd.DatetimeIndex) or not isinstance(now, pd.DatetimeIndex):
        return False
    return was.unit == now.unit and str(was.tz) != str(now.tz)


def _values(column: Any) -> Any:
    """As an array of NumPy's: its own, or of objects."""
    if isinstance(column.dtype, np.dtype):
        return column.to_numpy()
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return np.asarray(column, dtype=f"datetime64[{column.dtype.unit}]")
    return np.asarray(column, dtype=object)


def _labels(frame: Any) -> Label:
    index = frame.index
    return lambda number: str(index[number])
