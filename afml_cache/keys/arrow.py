"""pyarrow: arrays, tables and their types.

Chunks, offsets into buffers and what lies under a null do not count. Dictionary-encoded values
count as the values that they decode to, besides their type.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import numpy as np
import pyarrow as pa

from afml_cache.keys.arrays import join_digests
from afml_cache.keys.atoms import binary, block, gather, in_blocks, integer, no_label, text
from afml_cache.keys.blocks import Array, Plan, preparation
from afml_cache.keys.objects import literal, mapping
from afml_cache.keys.stream import BLOCK, Rule, Stream, compose, digest_of, tag, u64

_FIXED = tag("arrow fixed")
_STRINGS = tag("arrow strings")


def planned_digests(values: pa.ChunkedArray, plan: Plan) -> list[bytes] | None:
    """One digest a block, filled when ``plan`` is run; None for nested types."""
    if not _is_flat(values.type):
        return None
    digests = [b""] * -(-len(values) // BLOCK)
    for number in range(len(digests)):
        plan.call(partial(_hash_block, digests, number, values), values.nbytes // len(digests))
    return digests


def _hash_block(digests: list[bytes], number: int, values: pa.ChunkedArray) -> None:
    digests[number] = digest_of(_flat(_slice(values, number * BLOCK)))


def blocks(values: pa.ChunkedArray) -> list[Stream]:
    """The streams of the blocks of an array of any type."""
    return [_any(_slice(values, start)) for start in range(0, len(values), BLOCK)]


def _slice(values: pa.ChunkedArray, start: int) -> pa.Array:
    chunks = [_decoded(chunk) for chunk in values.slice(start, BLOCK).chunks if len(chunk)]
    return chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)


def _decoded(values: pa.Array) -> pa.Array:
    while True:
        if isinstance(values, pa.DictionaryArray):
            values = values.dictionary_decode()
        elif isinstance(values, pa.ExtensionArray):
            values = values.storage
        else:
            return values


def _is_flat(kind: pa.DataType) -> bool:
    return _is_text(kind) or _is_fixed(kind)


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
    )


def _is_fixed(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_primitive(kind) or types.is_decimal(kind) or types.is_fixed_size_binary(kind)
    )


def _flat(values: pa.Array) -> bytes:
    return _strings(values) if _is_text(values.type) else _fixed(values)


def _any(values: pa.Array) -> Stream:
    values = _decoded(values)
    kind = values.type
    types = pa.types
    if _is_flat(kind):
        return _flat(values)
    if types.is_null(kind):
        return tag("arrow nulls") + u64(len(values))
    if types.is_struct(kind):
        head = tag("arrow struct") + u64(len(values)) + _missing(values)
        return compose(head, [_any(field) for field in values.flatten()], no_label)
    if types.is_list(kind) or types.is_large_list(kind):
        lengths = values.value_lengths().fill_null(0).cast(pa.int64())
        head = tag("arrow lists") + _missing(values) + digest_of(_fixed(lengths))
        return compose(head, [_any(values.flatten())], no_label)
    return block(values.to_pylist())


def _missing(values: pa.Array) -> bytes:
    """The places of nulls as bits; nothing where there is none."""
    if values.null_count == 0:
        return binary(b"")
    missing = values.is_null().to_numpy(zero_copy_only=False)
    return binary(np.packbits(missing, bitorder="little").tobytes())


def _fixed(values: pa.Array) -> bytes:
    kind = values.type
    missing = _missing(values)
    if pa.types.is_boolean(kind):
        bits = values.fill_null(False).to_numpy(zero_copy_only=False)
        data: Any = np.packbits(bits, bitorder="little")
    else:
        width = kind.bit_width // 8
        data = _window(values.buffers()[1], values.offset * width, len(values) * width)
        if values.null_count:
            data = data.copy()
            hidden = values.is_null().to_numpy(zero_copy_only=False)
            data.reshape(-1, width)[hidden] = 0
        if pa.types.is_floating(kind):
            data = preparation(np.dtype(f"f{width}"))(data.view(f"f{width}"))
    hashed = digest_of(data)
    return b"".join((_FIXED, u64(len(values)), hashed, missing))


def _strings(values: pa.Array) -> bytes:
    missing = _missing(values)
    ends, data = _ends_and_data(values)
    if values.null_count and len(data):
        hidden = values.is_null().to_numpy(zero_copy_only=False)
        if np.diff(ends, prepend=0)[hidden].any():
            empty = b"" if pa.types.is_binary(values.type) else ""
            empty = b"" if pa.types.is_large_binary(values.type) else empty
            ends, data = _ends_and_data(values.fill_null(empty))
    return b"".join(
        (
            _STRINGS,
            u64(len(values)),
            digest_of(ends),
            digest_of(data),
            missing,
        )
    )


def _ends_and_data(values: pa.Array) -> tuple[Array, Array]:
    """Where each string ends, counted from the first one's start, and the bytes of all."""
    length = len(values)
    if not length:
        return np.empty(0, "<i8"), np.empty(0, np.uint8)
    _, offsets_buffer, data_buffer = values.buffers()
    is_large = pa.types.is_large_string(values.type) or pa.types.is_large_binary(values.type)
    width = 8 if is_large else 4
    window = _window(offsets_buffer, values.offset * width, (length + 1) * width)
    offsets = window.view(f"i{width}")
    first, last = int(offsets[0]), int(offsets[-1])
    ends = np.subtract(offsets[1:], first, dtype="<i8")
    return ends, _window(data_buffer, first, last - first)


def _window(buffer: pa.Buffer | None, start: int, size: int) -> Array:
    if buffer is None or not size:
        return np.empty(0, np.uint8)
    return np.frombuffer(buffer, np.uint8, size, start)


def data_type(kind: pa.DataType) -> Stream:
    """A type: its name and parameters, those of nested types field by field."""
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        extra = getattr(kind, "__arrow_ext_serialize__", bytes)()
        head = tag("arrow extension") + text(kind.extension_name) + binary(extra)
        return compose(head, (data_type(kind.storage_type),))
    if types.is_dictionary(kind):
        head = tag("arrow dictionary") + integer(int(kind.ordered))
        return compose(head, (data_type(kind.index_type), data_type(kind.value_type)))
    if kind.num_fields:
        head = tag("arrow nested") + integer(kind.id) + text(str(getattr(kind, "list_size", "")))
        return compose(head, [_field(kind.field(place)) for place in range(kind.num_fields)])
    return tag("arrow type") + text(str(kind))


def _field(field: pa.Field) -> Stream:
    head = tag("arrow field") + text(field.name) + integer(int(field.nullable))
    return compose(head, (data_type(field.type), mapping(dict(field.metadata or {}))))


def _schema(schema: pa.Schema) -> Stream:
    members = [_field(field) for field in schema]
    return compose(tag("arrow schema"), (*members, mapping(dict(schema.metadata or {}))))


class _Column:
    """The values of an array or of a table's column, to be read when the plan has been run."""

    def __init__(self, values: pa.ChunkedArray, plan: Plan) -> None:
        self.head = tag("arrow column") + u64(len(values))
        self.digests = planned_digests(values, plan)
        self.values = values

    def stream(self) -> Stream:
        if self.digests is not None:
            return join_digests(self.head, self.digests)
        return in_blocks(self.head, blocks(self.values))


def _array(value: pa.Array | pa.ChunkedArray) -> Stream:
    is_chunked = isinstance(value, pa.ChunkedArray)
    chunked = value if is_chunked else pa.chunked_array([value])
    plan = Plan()
    column = _Column(chunked, plan)
    plan.run()
    head = tag("arrow chunked" if is_chunked else "arrow array")
    return compose(head, (data_type(value.type), column.stream()), no_label)


def _tabular(name: str) -> Rule:
    head = tag(name)

    def table(value: Any) -> Stream:
        plan = Plan()
        chunked = [
            c if isinstance(c, pa.ChunkedArray) else pa.chunked_array([c]) for c in value.columns
        ]
        columns = [_Column(c, plan) for c in chunked]
        plan.run()
        streams = [column.stream() for column in columns]
        names = value.schema.names
        return compose(
            head + u64(value.num_rows),
            (_schema(value.schema), *streams),
            lambda i: f"[{literal(names[i - 1])}]" if i else ".schema",
        )

    return table


def _scalar(value: pa.Scalar) -> Stream:
    return compose(tag("arrow scalar"), (_array(pa.array([value.as_py()], value.type)),), no_label)


def _buffer(value: pa.Buffer) -> Stream:
    return gather(tag("arrow buffer"), (value.to_pybytes(),))


EXACT: Final[dict[type, Rule]] = {
    pa.Table: _tabular("arrow table"),
    pa.RecordBatch: _tabular("arrow batch"),
    pa.Schema: _schema,
    pa.Field: _field,
    pa.Buffer: _buffer,
}
FAMILY: Final[dict[type, Rule]] = {
    pa.Array: _array,
    pa.ChunkedArray: _array,
    pa.Scalar: _scalar,
    pa.DataType: data_type,
}

__all__ = ["EXACT", "FAMILY", "blocks", "data_type", "planned_digests"]
