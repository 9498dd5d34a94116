"""What two values share, and how to change a value in place: the ways in which results leak."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import Enum
from types import ModuleType
from typing import Any

#: Deeper parts are not looked at.
_DEEPEST = 20
#: Not looked into: what is never changed, and what belongs to the whole process.
_IMMUTABLE = (str, bytes, int, float, complex, type(None), type, range, Enum, ModuleType)


def shares(one: object, other: object) -> bool:
    """Whether changing one value in place could change the other.

    >>> part = [1]
    >>> shares({"a": part}, (part,)), shares({"a": [1]}, ([1],)), shares("a", "a")
    (True, False, False)
    """
    mine = {id(part): part for part in _parts(one)}
    theirs = {id(part): part for part in _parts(other)}
    if mine.keys() & theirs.keys():
        return True
    if "numpy" not in sys.modules:
        return False
    import numpy as np

    arrays = [
        [part for part in parts.values() if isinstance(part, np.ndarray)]
        for parts in (mine, theirs)
    ]
    return any(np.may_share_memory(a, b) for a in arrays[0] for b in arrays[1])


def change(value: object) -> bool:
    """Change a value in place, wherever it can be changed; False where it nowhere can.

    >>> row = ([1, 2], {"a": 1})
    >>> change(row), row
    (True, ([1, 2, 'changed'], {'a': 1, 'changed': 'changed'}))
    """
    changed = [_change(part) for part in list(_parts(value, into_arrays=False))]
    return any(changed)


def _change(part: Any) -> bool:
    """Change one part, itself."""
    try:
        if isinstance(part, list):
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
        elif _is_a("numpy", "ndarray", part):
            return _change_array(part)
        elif hasattr(part, "__dict__") and not callable(part):
            part.changed = "changed"
        else:
            return False
    except (TypeError, ValueError, AttributeError):  # it is protected against changes
        return False
    return True


def _change_array(array: Any) -> bool:
    """Change every value; of texts and objects, one."""
    import numpy as np

    flat = array.ravel(order="K")
    if not array.size or not array.flags.writeable or not np.shares_memory(flat, array):
        return False
    if array.dtype.kind == "b":
        flat[...] = ~flat
    elif array.dtype.kind in "iufcmM":
        flat.view(np.uint8)[...] += 1  # changed twice, it is not what it was
    elif array.dtype.kind in "OUS":
        flat[0] = "changed"
    else:
        return False
    return True


def _parts(value: Any, depth: int = 0, *, into_arrays: bool = True) -> Iterator[Any]:
    """Everything in a value that can be changed in place, the value itself included."""
    if depth > _DEEPEST or isinstance(value, _IMMUTABLE) or callable(value):
        return
    if not isinstance(value, tuple | frozenset):
        yield value
    inside: list[Any] = []
    if isinstance(value, dict):
        inside = list(value.values())
    elif isinstance(value, list | tuple | set | frozenset):
        inside = list(value)
    elif _is_a("pandas", "DataFrame", value):
        columns = (value.iloc[:, number] for number in range(value.shape[1]))
        inside = [_array(column) for column in columns] if into_arrays else []
        inside.append(value.attrs)
    elif _is_a("pandas", "Series", value):
        inside = [_array(value), value.attrs] if into_arrays else [value.attrs]
    elif _is_a("pandas", "Index", value) or _is_a("numpy", "ndarray", value):
        inside = list(value) if value.dtype == object and into_arrays else []
    elif hasattr(value, "__dict__"):
        inside = list(vars(value).values())
    for part in inside:
        yield from _parts(part, depth + 1, into_arrays=into_arrays)


def _array(series: Any) -> Any:
    """The memory of a column; None where it has none of NumPy's."""
    return getattr(series.array, "_ndarray", None)


def _is_a(package: str, name: str, value: object) -> bool:
    kind = getattr(sys.modules.get(package), name, None)
    return kind is not None and isinstance(value, kind)
