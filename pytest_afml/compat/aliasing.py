"""What two values share, and how to change a value in place: the ways in which results leak."""

from __future__ import annotations

import bisect
import functools
import itertools
import sys
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pytest_afml.compat.attributes import slots
from pytest_afml.compat.immutable import is_immutable

#: What pandas keeps the values of a column in, where it is no array of NumPy's.
_COLUMN = "api.extensions.ExtensionArray"
_PLAIN = frozenset({list, dict, set, deque})


def shares(one: object, other: object) -> bool:
    """Whether changing one value in place could change the other.

    >>> part = [1]
    >>> shares({"a": part}, (part,)), shares({"a": [1]}, ([1],)), shares("a", "a")
    (True, False, False)
    """
    mine, theirs = _parts(one, _memory), _parts(other, _memory)
    if mine.keys() & theirs.keys():
        return True
    return _Memory(theirs.values()).holds(*mine.values())


def common(one: object, other: object) -> list[Any]:
    """The parts of a value that another one has too, memory included.

    >>> part = [1]
    >>> common([part, [2]], (part, [2]))
    [[1]]
    """
    found: dict[int, Any] = {}
    for inside in (_contents, _memory):
        mine, theirs = _parts(one, inside), _parts(other, inside)
        memory = _Memory(theirs.values())
        for number, part in mine.items():
            if number in theirs or memory.holds(part):
                found[number] = part
    return list(found.values())


def change(value: object, spared: Iterable[Any] = ()) -> bool:
    """Change a value in place wherever it can be changed, but for parts that are to be spared.

    False where nothing could be changed.

    >>> row = ([1, 2], {"a": 1})
    >>> change(row, spared=[row[1]]), row
    (True, ([1, 2, 'changed'], {'a': 1}))
    """
    kept = list(spared)
    ids, memory = {id(part) for part in kept}, _Memory(kept)
    changed = [
        _change(part)
        for number, part in _parts(value, _contents).items()
        if number not in ids and not memory.holds(part)
    ]
    return any(changed)


def _change(part: Any) -> bool:
    """Change one part, itself."""
    try:
        return _changed_by_kind(part)
    except Exception:  # noqa: BLE001 - it is protected, in a way of its own
        return False


def _changed_by_kind(part: Any) -> bool:
    if isinstance(part, list | deque):
        part.append("changed")
    elif isinstance(part, dict):
        part["changed"] = "changed"
    elif isinstance(part, set):
        part.add("changed")
    elif isinstance(part, bytearray):
        part += b"changed"
    elif _is_a("pandas", "DataFrame", part):
        for number in range(part.shape[1]):
            part.iloc[:, number] = part.iloc[::-1, number].array
        part["changed"] = "changed"
    elif _is_a("pandas", "Series", part):
        part.iloc[:] = part.iloc[::-1].array
        part.name = "changed"
    elif _is_a("pandas", "Index", part):
        part.names = ["changed"] * part.nlevels
    elif _is_a("pandas", _COLUMN, part):
        part[:] = part[::-1]
        part[0] = None
    elif _is_a("numpy", "ndarray", part):
        return _change_array(part)
    elif hasattr(part, "__dict__"):
        part.changed = "changed"
    else:
        setattr(part, slots(part)[0], "changed")
    return True


def _change_array(array: Any) -> bool:
    """Change every value; of texts and objects, one."""
    import numpy as np

    if not array.size or not array.flags.writeable:
        return False
    first = (0,) * array.ndim
    if array.dtype.names is not None and array.dtype.hasobject:
        changed = [_change_array(array[name]) for name in array.dtype.names]
        return any(changed)
    if array.dtype.kind == "b":
        array[...] = ~array
    elif array.dtype.kind in "OUS":
        array[first] = "changed"
    else:
        other = np.array(array, order="C", subok=False)
        other.reshape(-1).view(np.uint8)[...] += 1  # changed twice, it is not what it was
        array[...] = other
    return True


#: What lies directly within a value.
_Inside = Callable[[Any], Iterable[Any]]


def _parts(value: Any, inside: _Inside) -> dict[int, Any]:
    """Everything in a value that can be changed in place, the value itself included, by its id."""
    found: dict[int, Any] = {}
    left, met = deque([value]), []
    seen: set[int] = set()
    while left:
        one = left.popleft()
        if is_immutable(one) or id(one) in seen:
            continue
        seen.add(id(one))
        met.append(one)  # so that no other object gets its id
        if not isinstance(one, tuple | frozenset | types.MethodType):
            found[id(one)] = one
        left.extend(inside(one))
    return found


def _contents(value: Any) -> Iterable[Any]:
    """What a program reaches and can change; of frames and arrays, not the memory behind them."""
    if _is_a("pandas", "DataFrame", value):
        return [*_objects(value), value.attrs, value.index, value.columns]
    if _is_a("pandas", "Series", value):
        return [*_objects(value), value.attrs, value.index]
    return [] if _is_a("pandas", _COLUMN, value) else _items(value)


def _memory(value: Any) -> Iterable[Any]:
    """What changes with it: the memory behind frames and arrays, but no labels, which are views."""
    if _is_a("pandas", "DataFrame", value) or _is_a("pandas", "Series", value):
        return [*_own_memory(value), *_objects(value), value.attrs]
    return _items(value)


def _own_memory(value: Any) -> list[Any]:
    """The arrays behind a frame or a column."""
    if _is_a("pandas", "DataFrame", value):
        return [
            one for number in range(value.shape[1]) for one in _own_memory(value.iloc[:, number])
        ]
    if _is_a("pandas", "Series", value):
        return _own_memory(value.array)
    if not _is_a("pandas", _COLUMN, value):
        return []
    arrays = (getattr(value, name, None) for name in ("_ndarray", "_data", "_mask"))
    return [array for array in arrays if _is_a("numpy", "ndarray", array)]


def _objects(value: Any) -> list[Any]:
    """What lies in the columns of objects."""
    if _is_a("pandas", "Series", value):
        return list(value.array) if value.dtype == object else []
    columns = (value.iloc[:, number] for number in range(value.shape[1]))
    return [one for column in columns for one in _objects(column)]


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, dict | types.MappingProxyType):
        return [*value.values(), *getattr(value, "__dict__", {}).values()]
    if isinstance(value, list | tuple | set | frozenset | deque):
        return [*value, *getattr(value, "__dict__", {}).values()]
    if isinstance(value, types.MethodType):
        return [value.__self__]
    if isinstance(value, functools.partial):
        return [value.func, *value.args, *value.keywords.values()]
    if _is_a("pandas", "Index", value) or _is_a("numpy", "ndarray", value):
        return (
            list(value.flat if hasattr(value, "flat") else value) if value.dtype == object else []
        )
    if _is_a("pandas", _COLUMN, value):
        return _own_memory(value)
    missing = object()
    kept = (getattr(value, name, missing) for name in slots(value))
    return [*getattr(value, "__dict__", {}).values(), *(one for one in kept if one is not missing)]


class _Memory:
    """Where the arrays among some parts lie, sorted: a frame may have thousands of columns."""

    def __init__(self, parts: Iterable[Any]) -> None:
        spans = sorted(_spans(parts))
        self._starts = [start for start, _ in spans]
        self._ends = list(itertools.accumulate((end for _, end in spans), max))

    def holds(self, *parts: Any) -> bool:
        """Whether an array among the parts may lie where one of these does."""
        if not self._starts:
            return False
        for start, end in _spans(parts):
            before = bisect.bisect_left(self._starts, end)
            if before and self._ends[before - 1] > start:
                return True
        return False


def _spans(parts: Iterable[Any]) -> Iterator[tuple[int, int]]:
    """The addresses of the arrays among some parts, and of those behind frames and columns."""
    for part in parts:
        if type(part) in _PLAIN:
            continue
        for array in (part, *_own_memory(part)):
            if _is_a("numpy", "ndarray", array) and array.size:
                steps = list(zip(array.shape, array.strides, strict=True))
                first = array.__array_interface__["data"][0]
                back = sum((size - 1) * step for size, step in steps if step < 0)
                forth = sum((size - 1) * step for size, step in steps if step > 0)
                yield first + back, first + forth + array.itemsize


def _is_a(package: str, name: str, value: object) -> bool:
    kind: Any = sys.modules.get(package)
    if kind is None:
        return False
    for part in name.split("."):
        kind = getattr(kind, part)
    return isinstance(value, kind)
