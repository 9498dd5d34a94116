"""The values of a pandas column, Series or index: any dtype, in blocks of 65,536 rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from afml_cache.keys import times
from afml_cache.keys.arrays import array as array_rule
from afml_cache.keys.arrays import dtype_stream, masked_digests
from afml_cache.keys.atoms import block, text
from afml_cache.keys.blocks import Array, Plan, is_plain
from afml_cache.keys.dtypes import dtype_part
from afml_cache.keys.met import note
from afml_cache.keys.resolve import class_name
from afml_cache.keys.stream import (
    BLOCK,
    ORDERED,
    REFERENCE,
    Label,
    Node,
    Stream,
    assemble,
    compose,
    digest_of,
    reference,
    settle,
    tag,
    u64,
)


class Column(NamedTuple):
    """The values of a column, of which blocks may still be waiting for a plan to be run.

    ``dtype`` is a part, ``digests`` the digests of the blocks; where blocks hold Python objects
    they are given as streams in ``blocks`` instead.
    """

    dtype: bytes | Node
    length: int
    digests: Sequence[bytes]
    blocks: Sequence[Stream] = ()

    def part(self) -> bytes | Node:
        """The column as a part: its digest, or a node that has holes."""
        if not isinstance(self.dtype, bytes) or self.blocks:
            node = self.node()
            return node if node.holes else REFERENCE + digest_of(node.stream())
        digests = self.digests
        blocks = REFERENCE.join((b"", *digests))  # what node() makes, without making one
        count = u64(len(digests) + 1)
        stream = b"".join((_COLUMN, u64(self.length), ORDERED, count, self.dtype, blocks))
        return REFERENCE + digest_of(stream)

    def node(self) -> Node:
        """The column as a node: the dtype first, then a part a block."""
        head = _COLUMN + u64(self.length)
        if isinstance(self.dtype, bytes) and not self.blocks:
            return Node(head, [self.dtype, *[REFERENCE + digest for digest in self.digests]])
        parts = [REFERENCE + digest for digest in self.digests] or map(reference, self.blocks)
        return assemble(head, (self.dtype, *parts), _in_column)


def _in_column(position: int) -> str:
    return "" if position else ".dtype"


_COLUMN = tag("column")


def column(values: Any, plan: Plan) -> Column:
    """The column of a 1-D numpy array or extension array; complete when ``plan`` has been run."""
    if type(values) is np.ndarray:
        return numpy_column(values, plan)
    read = _READERS.get(type(values))
    return read(values, plan) if read is not None else _of_other_class(values, plan)


def numpy_column(values: Array, plan: Plan) -> Column:
    """The column of a 1-D array."""
    dtype = dtype_stream(values.dtype)
    if is_plain(values.dtype):
        return Column(dtype, len(values), plan.add(values.reshape(1, -1))[0])
    return Column(dtype, len(values), (), object_blocks(values))


def object_blocks(values: Any) -> list[Stream]:
    """The blocks of a vector of Python objects."""
    return [
        block(values[start : start + BLOCK].tolist(), _row_label(start))
        for start in range(0, len(values), BLOCK)
    ]


def _row_label(start: int) -> Label:
    return lambda position: f".iloc[{start + position}]"


def _wrapped(values: Any, plan: Plan) -> Column:
    return numpy_column(values.to_numpy(), plan)


def _datetimes(values: Any, plan: Plan) -> Column:
    # asi8: the count of units since 1970 as int64, without a copy
    counts = plan.add(values.asi8.reshape(1, -1))[0]
    return Column(dtype_part(values.dtype), len(values), counts)


def _categorical(values: pd.Categorical, plan: Plan) -> Column:
    codes = plan.add(np.asarray(values.codes).reshape(1, -1))[0]
    return Column(dtype_part(values.dtype), len(values), codes)


def _masked(values: Any, _: Plan) -> Column:
    missing = values.isna() if not hasattr(values, "_mask") else values._mask
    data = values._data if hasattr(values, "_data") else values.to_numpy(na_value=0)
    return Column(dtype_part(values.dtype), len(values), masked_digests(data, missing))


def _interval(values: Any, plan: Plan) -> Column:
    left = column(plain_values(values.left), plan)
    right = column(plain_values(values.right), plan)
    plan.run()
    joined = [
        digest_of(_INTERVALS + ends[0] + ends[1])
        for ends in zip(left.digests, right.digests, strict=True)
    ]
    return Column(dtype_part(values.dtype), len(values), joined)


_INTERVALS = tag("intervals")


def _sparse(values: Any, _: Plan) -> Column:
    """Sparse values: what is stored and where, cut by rows."""
    index = values.sp_index
    places = np.asarray(index.to_int_index().indices, np.int64)
    stored = values.sp_values
    blocks = []
    for start in range(0, len(values), BLOCK):
        first, last = np.searchsorted(places, (start, start + BLOCK))
        members = (array_rule(places[first:last] - start), array_rule(stored[first:last]))
        blocks.append(compose(tag("sparse") + text(values.kind), members, lambda _: ""))
    return Column(dtype_part(values.dtype), len(values), (), blocks)


def _python_strings(values: Any, _: Plan) -> Column:
    blocks = []
    for start in range(0, len(values), BLOCK):
        items = np.asarray(values[start : start + BLOCK], object).tolist()
        blocks.append(block([str(v) if isinstance(v, str) else None for v in items]))
    return Column(dtype_part(values.dtype), len(values), (), blocks)


def _arrow(values: Any, plan: Plan) -> Column:
    from afml_cache.keys import arrow

    chunks = values._pa_array if hasattr(values, "_pa_array") else values.__arrow_array__()
    digests = arrow.planned_digests(chunks, plan)
    if digests is not None:
        return Column(dtype_part(values.dtype), len(values), digests)
    return Column(dtype_part(values.dtype), len(values), (), arrow.blocks(chunks))


def _of_other_class(values: Any, plan: Plan) -> Column:
    """Subclasses of pandas' arrays, and arrays of other packages: those element by element."""
    for base in type(values).__mro__:
        read = _READERS.get(base)
        if read is not None:
            return read(values, plan)
    items = np.empty(len(values), object)
    items[:] = values.astype(object)
    return Column(dtype_part(values.dtype), len(values), (), object_blocks(items))


def plain_values(values: Any) -> Any:
    """The values of a Series, index or array: of numpy's dtypes an ndarray."""
    if isinstance(values, pd.Index | pd.Series):
        values = values.array
    if type(values) is pd.arrays.NumpyExtensionArray:
        return values.to_numpy()
    return values


def array_values(values: Any) -> Stream:
    """An extension array as a value of its own."""
    plan = Plan()
    read = column(values, plan)
    plan.run()
    freq = getattr(values, "freq", None) if isinstance(values, _WITH_FREQUENCY) else None
    note(type(values))
    head = tag("extension array") + text(class_name(type(values)))
    return settle(assemble(head, (read.part(), times.frequency(freq))))


_WITH_FREQUENCY = (pd.arrays.DatetimeArray, pd.arrays.TimedeltaArray)

_READERS: Final[dict[type, Callable[[Any, Plan], Column]]] = {
    pd.arrays.DatetimeArray: _datetimes,
    pd.arrays.TimedeltaArray: _datetimes,
    pd.arrays.PeriodArray: _datetimes,
    pd.Categorical: _categorical,
    pd.arrays.IntegerArray: _masked,
    pd.arrays.FloatingArray: _masked,
    pd.arrays.BooleanArray: _masked,
    pd.arrays.IntervalArray: _interval,
    pd.arrays.SparseArray: _sparse,
    pd.arrays.StringArray: _python_strings,
    pd.arrays.ArrowExtensionArray: _arrow,
    pd.arrays.NumpyExtensionArray: _wrapped,
}
