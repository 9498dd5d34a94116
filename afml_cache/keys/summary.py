"""A short account of a value beside its digest: type, dtype, shape, span, column digests.

It is what an entry keeps of its arguments, so that a miss can be explained; it never holds data.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

from afml_cache.keys import resolve
from afml_cache.keys.atoms import ATOMS
from afml_cache.keys.objects import literal
from afml_cache.keys.stream import BLOCK, REFERENCE, Node, Stream, digest_of

Finish = Callable[[Stream], bytes]

#: Longest literal, and most items, that a summary shows.
_LONGEST = 80
_MOST_ITEMS = 256


def described(value: Any, finish: Finish) -> tuple[bytes, dict[str, Any]]:
    """The digest of a value and its summary.

    Parameters
    ----------
    value : object
    finish : callable
        Fills the holes of a stream, in place, and returns its digest.
    """
    pandas = sys.modules.get("pandas")
    if pandas is not None and type(value) in (pandas.DataFrame, pandas.Series):
        return _pandas(value, pandas, finish)
    stream = resolve.rule_for(type(value))(value)
    return finish(stream), outline(value, stream)


def outline(value: Any, stream: Stream | None = None) -> dict[str, Any]:
    """The summary of a value other than a frame; ``stream`` is its filled stream, if at hand."""
    summary: dict[str, Any] = {"type": type_name(type(value))}
    shown = _literal(value)
    if shown is not None:
        summary["repr"] = shown
    elif type(value) in (str, bytes):
        summary["length"] = len(value)
    elif type(value) in (list, tuple, dict):
        if len(value) <= _MOST_ITEMS and stream is not None:
            summary["items"] = _items(value, stream)
        else:
            summary["shape"] = [len(value)]
    else:
        summary.update(_data(value))
        if type(stream) is bytes and _is_plain_vector(value):
            blocks = _tail(stream, value.size)
            summary["values"] = {
                "dtype": summary["dtype"],
                "digest": digest_of(stream).hex(),
                "blocks": blocks,
            }
            summary["row_block"] = BLOCK
    return summary


def type_name(cls: type) -> str:
    """``int``, ``pandas.DataFrame``, ``package.module.Class``."""
    root = cls.__module__.partition(".")[0]
    if root == "builtins":
        return cls.__qualname__
    if getattr(sys.modules.get(root), cls.__qualname__, None) is cls:
        return f"{root}.{cls.__qualname__}"
    return f"{cls.__module__}.{cls.__qualname__}"


_DATES = frozenset(
    {"date", "datetime", "time", "timedelta", "Timestamp", "Timedelta", "datetime64"}
)


def _literal(value: Any) -> str | None:
    """Numbers and dates as one would write them; never texts, which may be secrets."""
    cls = type(value)
    shown = None
    if cls is int:
        shown = str(value) if value.bit_length() < _LONGEST * 3 else None
    elif cls in (float, complex, bool, type(None)):
        shown = repr(value)
    elif _is_date(cls) or _is_numpy_number(value):
        shown = str(value)
    return shown if shown is not None and len(shown) <= _LONGEST else None


def _is_numpy_number(value: Any) -> bool:
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    shape = getattr(value, "shape", None)
    return type(value).__module__ == "numpy" and shape == () and kind in "biufc"


def _is_date(cls: type) -> bool:
    return cls.__name__ in _DATES and cls.__module__.partition(".")[0] in _TIME_PACKAGES


_TIME_PACKAGES = frozenset({"datetime", "pandas", "numpy"})


def _items(value: Any, stream: Stream) -> dict[str, str]:
    """The digest of each item of a small list, tuple or dictionary."""
    filled = dict(stream.holes) if type(stream) is Node else {}
    found: dict[str, str] = {}
    if type(value) is dict:
        items = [(literal_or_text(k), 2 * i + 1, v) for i, (k, v) in enumerate(value.items())]
    else:
        items = [(str(i), i, v) for i, v in enumerate(value)]
    for name, position, item in items:
        if position in filled:
            assert type(stream) is Node
            part = stream.parts[position]
            is_reference = part.startswith(REFERENCE)
            digest = part[len(REFERENCE) :] if is_reference else digest_of(part)
        else:
            digest = digest_of(ATOMS[type(item)](item))
        found[_unique(name, found)] = digest.hex()
    return found


def literal_or_text(key: object) -> str:
    """A label as text: strings as they are, all others as literals."""
    return key if type(key) is str else literal(key)


def _unique(name: str, taken: dict[str, Any]) -> str:
    unique, number = name, 1
    while unique in taken:
        number += 1
        unique = f"{name} #{number}"
    return unique


def _data(value: Any) -> dict[str, Any]:
    """dtype, shape and span of what has any."""
    found: dict[str, Any] = {}
    package = type(value).__module__.partition(".")[0]
    if package not in ("numpy", "pandas", "pyarrow", "scipy"):
        pandas = sys.modules.get("pandas")
        if pandas is None or not isinstance(value, pandas.DataFrame | pandas.Series):
            return found
    dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", None)
    if dtype is not None and not isinstance(value, type):
        found["dtype"] = str(dtype)[:_LONGEST]
    if isinstance(shape, tuple) and all(isinstance(length, int) for length in shape):
        found["shape"] = list(shape)
    span = span_of(getattr(value, "index", value))
    return {**found, "span": span} if span else found


def span_of(index: Any) -> list[str] | None:
    """First and last moment of a time index, as ISO text."""
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(index, pandas.DatetimeIndex | pandas.PeriodIndex):
        return None
    if not len(index):
        return None
    # Of a slice: an index remembers that it was asked, and joblib's hash of it would change.
    ends = (index[:1][0], index[-1:][0])
    if ends[0] is pandas.NaT or ends[1] is pandas.NaT:
        return None
    if isinstance(index, pandas.PeriodIndex):
        ends = (ends[0].start_time, ends[1].end_time)
    return [moment.isoformat() for moment in ends]


def _is_plain_vector(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    if numpy is None or type(value) is not numpy.ndarray or value.ndim != 1:
        return False
    from afml_cache.keys.blocks import is_plain

    return is_plain(value.dtype)


def _tail(stream: bytes, length: int) -> list[str]:
    """The block digests that a stream over them ends with."""
    size = len(REFERENCE) + 16
    count = math.ceil(length / BLOCK)
    parts = stream[len(stream) - count * size :]
    return [parts[i + len(REFERENCE) : i + size].hex() for i in range(0, len(parts), size)]


def _pandas(value: Any, pandas: Any, finish: Finish) -> tuple[bytes, dict[str, Any]]:
    from afml_cache.keys import frames

    is_frame = type(value) is pandas.DataFrame
    parts = (frames.frame_parts if is_frame else frames.series_parts)(value, keep=True)
    digest = finish(parts.stream)
    assert type(parts.stream) is Node
    references = [part[len(REFERENCE) :].hex() for part in parts.stream.parts]
    summary: dict[str, Any] = {"type": type_name(type(value)), **_data(value), "row_block": BLOCK}
    if parts.index_columns:
        summary["index"] = {
            "dtype": str(value.index.dtype),
            "digest": references[1],
            "blocks": _joined_blocks(parts.index_columns),
            **_index(value.index),
        }
    # Without attrs there is a constant in their place.
    summary["attrs"] = references[2] if value.attrs else ""
    if not is_frame:
        summary["values"] = {
            "dtype": summary["dtype"],
            "digest": references[-1],
            "blocks": _blocks(parts.columns[0]),
        }
        summary["name"] = literal_or_text(value.name)
        return digest, summary
    columns: dict[str, Any] = {}
    dtypes = [str(dtype)[:_LONGEST] for dtype in value.dtypes]
    first = len(references) - len(parts.columns)
    for label, dtype, node, reference in zip(
        value.columns, dtypes, parts.columns, references[first:], strict=True
    ):
        entry = {"dtype": dtype, "digest": reference, "blocks": _blocks(node)}
        columns[_unique(literal_or_text(label), columns)] = entry
    summary["columns"] = columns
    return digest, summary


def _index(index: Any) -> dict[str, Any]:
    """What an index is besides its values, and the first and last moment of each block of rows."""
    pandas = sys.modules["pandas"]
    found: dict[str, Any] = {"names": [literal_or_text(name) for name in index.names]}
    if not isinstance(index, pandas.DatetimeIndex):
        return found
    # Not of the index, which would remember that it was asked.
    found["freq"] = None if index.freq is None else index.freq.freqstr
    starts = range(0, len(index), BLOCK)
    if len(starts) > 1:
        ends = [(index[i : i + 1][0], index[i : i + BLOCK][-1:][0]) for i in starts]
        if not any(moment is pandas.NaT for pair in ends for moment in pair):
            found["ends"] = [[moment.isoformat() for moment in pair] for pair in ends]
    return found


def _blocks(column: Node) -> list[str]:
    """The block digests of a filled column, whose first part is the dtype."""
    return [part[len(REFERENCE) :].hex() for part in column.parts[1:]]


def _joined_blocks(columns: list[Node]) -> list[str]:
    """One digest for each block of rows of an index, over all its levels."""
    if len(columns) == 1:
        return _blocks(columns[0])
    rows = zip(*(column.parts[1:] for column in columns), strict=True)
    return [digest_of(b"".join(parts)).hex() for parts in rows]
