"""pandas' indexes: names, frequency and values.

A ``RangeIndex`` counts as the integers it stands for, a ``MultiIndex`` by the values of its levels
row by row; levels that no row uses, and the order in which levels are kept, do not count.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
import pandas as pd

from afml_cache.keys import times
from afml_cache.keys.arrays import dtype_stream
from afml_cache.keys.atoms import gather, no_label
from afml_cache.keys.blocks import Array, Plan
from afml_cache.keys.columns import Column, column, plain_values
from afml_cache.keys.dtypes import dtype_part
from afml_cache.keys.stream import (
    BLOCK,
    Node,
    Rule,
    Stream,
    assemble,
    digest_of,
    reference,
    settle,
    tag,
)

_INDEX = tag("index")
_MULTI = tag("MultiIndex")


def index_stream(index: Any) -> Stream:
    """An index as a value of its own."""
    if type(index) not in EXACT:
        from afml_cache.keys.resolve import rule_for

        return rule_for(type(index))(index)
    plan = Plan()
    columns = index_columns(index, plan)
    plan.run()
    return assemble_index(index, [member.part() for member in columns])


def index_columns(index: Any, plan: Plan) -> list[Column]:
    """The values of an index: one column, of a MultiIndex one a level."""
    cls = type(index)
    if cls is pd.RangeIndex:
        return [_range(index.start, index.stop, index.step)]
    if cls is pd.MultiIndex:
        return [
            _level(np.asarray(codes), level)
            for codes, level in zip(index.codes, index.levels, strict=True)
        ]
    if cls is pd.DatetimeIndex or cls is pd.TimedeltaIndex:
        counts = plan.add(index.asi8.reshape(1, -1))[0]
        return [Column(dtype_part(index.dtype), len(index), counts)]
    return [column(plain_values(index), plan)]


def assemble_index(index: Any, columns: list[bytes | Node], *, keep: bool = False) -> Stream:
    """Names, frequency and values; with ``keep`` the columns stay nodes to be read afterwards."""
    multiple = type(index) is pd.MultiIndex
    names = tuple(index.names) if multiple else (index.name,)
    freq = index.freq if isinstance(index, _WITH_FREQUENCY) else None
    head = _MULTI if multiple else _INDEX
    parts = (_names(names), times.frequency(freq), *columns)
    return settle(assemble(head, parts, no_label, keep=keep))


def _names(names: tuple[Any, ...]) -> bytes | Node:
    known = _names_known.get(names) if {*map(type, names)} <= _PLAIN_NAMES else None
    if known is not None:
        return known
    part = reference(gather(tag("names"), names, label=lambda i: f".names[{i}]"))
    if isinstance(part, bytes) and {*map(type, names)} <= _PLAIN_NAMES and len(_names_known) < 1024:
        _names_known[names] = part
    return part


#: Names of these types are equal exactly when their streams are.
_PLAIN_NAMES = {str, type(None)}
_names_known: dict[tuple[Any, ...], bytes] = {}

_WITH_FREQUENCY = (pd.DatetimeIndex, pd.TimedeltaIndex)
_INT64 = np.dtype(np.int64)


@lru_cache(maxsize=64)
def _range_blocks(start: int, stop: int, step: int) -> list[bytes]:
    integers = range(start, stop, step)
    digests = []
    for first in range(0, len(integers), BLOCK):
        part = integers[first : first + BLOCK]
        chunk = np.arange(part.start, part.stop, part.step, dtype="<i8")
        digests.append(digest_of(chunk))
    return digests


def _range(start: int, stop: int, step: int) -> Column:
    length = len(range(start, stop, step))
    return Column(dtype_stream(_INT64), length, _range_blocks(start, stop, step))


def _level(codes: Array, level: Any) -> Column:
    """One level of a MultiIndex by what its rows hold.

    Values are numbered in the order in which rows first use them; a block holds the numbers of
    its rows and the values that none before it used, so equal first blocks mean equal first rows.
    """
    length, known = len(codes), len(level)
    first = np.full(known + 1, length)  # the last place is that of the code -1: missing
    first[codes[::-1]] = np.arange(length - 1, -1, -1)
    used = np.flatnonzero(first[:known] < length)
    used = used[np.argsort(first[used], kind="stable")]
    number = np.full(known + 1, -1, np.int64)
    number[used] = np.arange(len(used))
    numbers = number[codes].astype("<i8", copy=False)
    starts = range(0, length, BLOCK)
    cuts = [int(np.searchsorted(first[used], start)) for start in (*starts, length)]
    blocks: list[Stream] = []
    for place, start in enumerate(starts):
        new = level.take(used[cuts[place] : cuts[place + 1]])
        plan = Plan()
        values = index_columns(new, plan)[0]
        plan.run()
        rows = numbers[start : start + BLOCK]
        head = tag("level block") + digest_of(rows)
        blocks.append(settle(assemble(head, (values.part(),), no_label)))
    plan = Plan()
    dtype = index_columns(level[:0], plan)[0].dtype
    return Column(dtype, length, (), blocks)


def small_labels(labels: Any) -> bytes | None:
    """The stream of a short index of strings without a name, remembered by its labels."""
    if type(labels) is not pd.Index or labels.name is not None or len(labels) > _MOST_LABELS:
        return None
    values = getattr(labels, "_values", None)
    if type(values) is np.ndarray:
        if values.dtype.kind != "O":
            return None
        key: Any = tuple(values.tolist())
        if set(map(type, key)) != _ONLY_STRINGS:
            return None
        held: Any = None
    else:
        held = getattr(values, "_pa_array", None)  # immutable, so it is known by its identity
        if held is None:
            return None
        key = (id(held), getattr(values, "dtype", None))
    known = _labels.get(key)
    if known is not None:
        return known[1]
    stream = index_stream(labels)
    if type(stream) is not bytes:
        return None
    if len(_labels) >= _MOST_REMEMBERED:
        _labels.clear()
    _labels[key] = (held, stream)  # holding it keeps its id its own
    return stream


_labels: dict[Any, tuple[Any, bytes]] = {}
_ONLY_STRINGS = {str}
_MOST_LABELS = 1000
_MOST_REMEMBERED = 256

EXACT: Final[dict[type, Rule]] = dict.fromkeys(
    (
        pd.Index,
        pd.RangeIndex,
        pd.DatetimeIndex,
        pd.TimedeltaIndex,
        pd.PeriodIndex,
        pd.IntervalIndex,
        pd.CategoricalIndex,
        pd.MultiIndex,
    ),
    index_stream,
)

__all__ = ["EXACT", "assemble_index", "index_columns", "index_stream", "small_labels"]
