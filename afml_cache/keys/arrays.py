"""numpy: arrays, scalars, dtypes, masked arrays and sources of random numbers.

An array counts by dtype, shape and its elements in C order; how it lies in memory does not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from afml_cache.keys.atoms import ATOMS, block, gather, in_blocks, integer, text
from afml_cache.keys.blocks import Array, Plan, add_elements, block_digests, is_plain, preparation
from afml_cache.keys.objects import attributes, mapping
from afml_cache.keys.stream import (
    BLOCK,
    BLOCKS,
    REFERENCE,
    Label,
    Node,
    Refused,
    Rule,
    Stream,
    compose,
    digest_of,
    join,
    tag,
    u64,
)

_ARRAY = tag("ndarray")


def array(value: Array) -> Stream:
    """An array: dtype and shape, then the digests of its blocks."""
    head = b"".join((_ARRAY, dtype_stream(value.dtype), shape_bytes(value.shape)))
    return elements(head, np.asarray(value))


def elements(head: bytes, value: Array) -> Stream:
    """``head`` and the elements of an array of any dtype, in C order."""
    dtype = value.dtype
    if is_plain(dtype):
        return join_digests(head, block_digests(value))
    if dtype.names is not None:
        fields = [elements(tag("field"), value[name]) for name in dtype.names]
        names = dtype.names
        return compose(head, fields, lambda i: f"[{names[i]!r}]")
    return in_blocks(head, _object_blocks(value))


def join_digests(head: bytes, digests: list[bytes]) -> bytes:
    """A stream over the digests of blocks."""
    return join(head, [REFERENCE + digest for digest in digests], BLOCKS)


def _object_blocks(value: Array) -> Iterator[Stream]:
    shape = value.shape
    # numpy before 2.5 cannot take a slice of `flat` of its own strings.
    flat = value.flat if value.dtype.kind == "O" else value.reshape(-1)
    for start in range(0, value.size, BLOCK):
        items = flat[start : start + BLOCK].tolist()
        yield block(items, _element_label(shape, start))


def _element_label(shape: tuple[int, ...], start: int) -> Label:
    def label(position: int) -> str:
        place = np.unravel_index(start + position, shape)
        return f"[{', '.join(map(str, place))}]"

    return label


def shape_bytes(shape: tuple[int, ...]) -> bytes:
    """Number of dimensions and their lengths."""
    return b"".join(map(u64, (len(shape), *shape)))


_dtype_streams: dict[np.dtype[Any], bytes] = {}


def dtype_stream(dtype: np.dtype[Any]) -> bytes:
    """A dtype: kind, size, unit and byte order; names, places and dtypes of fields."""
    if dtype.names is None and dtype.subdtype is None and dtype.kind != "T":
        known = _dtype_streams.get(dtype)
        if known is None:
            known = _dtype_streams[dtype] = tag("dtype") + text(dtype.str)
        return known
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return tag("subarray") + shape_bytes(shape) + dtype_stream(base)
    if dtype.names is None:
        return _string_dtype(dtype)
    record = b"r" if dtype.type is np.record else b"v"
    parts = [tag("struct"), record, u64(dtype.itemsize), u64(len(dtype.names))]
    fields: Any = dtype.fields
    for name in dtype.names:
        kind, offset, *_ = fields[name]
        parts += [text(name), u64(offset), dtype_stream(kind)]
    return b"".join(parts)


def _string_dtype(dtype: Any) -> bytes:
    """numpy 2's strings of any length."""
    missing = getattr(dtype, "na_object", Ellipsis)  # absent: there are no missing values
    atom = ATOMS.get(type(missing))
    shown = atom(missing) if atom else text(type(missing).__name__)
    return tag("StringDType") + integer(int(dtype.coerce)) + shown


def scalar(value: np.generic) -> Stream:
    """A numpy scalar, which is no Python number: dtype and bytes."""
    dtype = value.dtype
    if is_plain(dtype):
        prepared = preparation(dtype)(np.asarray(value).reshape(1))
        return b"".join((tag("scalar"), dtype_stream(dtype), prepared.tobytes()))
    return elements(tag("scalar") + dtype_stream(dtype), np.asarray(value))


def masked(value: Any) -> Stream:
    """A masked array; what is hidden under the mask does not count."""
    dtype = value.dtype
    head = tag("masked") + dtype_stream(dtype) + shape_bytes(value.shape)
    members = [
        gather(tag("tuple"), (bool(value.hardmask),)),
        array(np.asarray(value.fill_value)),
        _masked_elements(np.asarray(value.data), np.ma.getmaskarray(value)),
    ]
    return compose(head, members, lambda i: ".fill_value" if i == 1 else "")


def _masked_elements(data: Array, mask: Array) -> Stream:
    if data.dtype.names is not None:
        names = data.dtype.names
        fields = [_masked_elements(data[name], mask[name]) for name in names]
        return compose(tag("fields"), fields, lambda i: f"[{names[i]!r}]")
    head = tag("values")
    if is_plain(data.dtype):
        data, mask = np.ascontiguousarray(data), np.ascontiguousarray(mask)
        return join_digests(head, masked_digests(data.reshape(-1), mask.reshape(-1)))
    hidden = data.astype(object)
    hidden[mask] = None
    bits = digest_of(np.packbits(mask, bitorder="little").tobytes())
    return elements(head + bits, hidden)


def masked_digests(data: Array, mask: Array) -> list[bytes]:
    """The digests of the blocks of a vector of which some elements are hidden.

    Parameters
    ----------
    data : ndarray of shape (n,)
        Of a plain dtype.
    mask : ndarray of bool of shape (n,)
        True where the element is missing.
    """
    prepare = preparation(data.dtype)
    digests = []
    for start in range(0, len(data), BLOCK):
        chunk, hidden = data[start : start + BLOCK], mask[start : start + BLOCK]
        bits = b""
        if hidden.any():
            chunk = chunk.copy()
            chunk[hidden] = np.zeros(1, chunk.dtype)[0]
            bits = np.packbits(hidden, bitorder="little").tobytes()
        values = digest_of(prepare(np.ascontiguousarray(chunk)))
        digests.append(digest_of(b"".join((_MASKED_BLOCK, values, bits))))
    return digests


_MASKED_BLOCK = tag("masked block")


def _dtype(value: np.dtype[Any]) -> Stream:
    return dtype_stream(value)


def _ufunc(value: np.ufunc) -> Stream:
    name = value.__name__
    for module in ("numpy", "scipy.special"):
        if getattr(sys.modules.get(module), name, None) is value:
            return tag("ufunc") + text(f"{module}.{name}")
    raise Refused(
        f"the ufunc {name}, which no module offers by its name",
        "Pass the Python function that it is made from.",
    )


def _calendar(value: np.busdaycalendar) -> Stream:
    return compose(tag("busdaycalendar"), (array(value.weekmask), array(value.holidays)))


def _bit_generator(value: Any) -> Stream:
    seeds = getattr(value, "seed_seq", None)
    members = (mapping(value.state), gather(tag("seed"), (seeds,), label=lambda _: ".seed_seq"))
    return compose(tag("BitGenerator"), members, lambda _: "")


def _generator(value: np.random.Generator) -> Stream:
    return compose(tag("Generator"), (_bit_generator(value.bit_generator),), lambda _: "")


def _random_state(value: np.random.RandomState) -> Stream:
    state: Any = value.get_state(legacy=False)
    return compose(tag("RandomState"), (mapping(state),), lambda _: "")


def _seed_sequence(value: np.random.SeedSequence) -> Stream:
    state: Any = value.state
    return compose(tag("SeedSequence"), (mapping(state),), lambda _: "")


def _vectorize(value: Any) -> Stream:
    """``np.vectorize``; the ufunc that it makes at its first call does not count."""
    names = ("pyfunc", "otypes", "cache", "signature", "excluded")
    return gather(
        tag("vectorize"), [getattr(value, name) for name in names], label=lambda i: f".{names[i]}"
    )


def _array_state(value: Any) -> dict[str, object]:
    return attributes(value)


def _masked_state(value: Any) -> dict[str, object]:
    return {k: v for k, v in attributes(value).items() if not k.startswith("_")}


EXACT: Final[dict[type, Rule]] = {
    np.ndarray: array,
    np.memmap: array,
    np.ma.MaskedArray: masked,
    type(np.ma.masked): lambda _: tag("masked constant"),
    np.busdaycalendar: _calendar,
    np.random.Generator: _generator,
    np.random.RandomState: _random_state,
    np.random.SeedSequence: _seed_sequence,
    np.vectorize: _vectorize,
}
FAMILY: Final[dict[type, Rule]] = {
    np.generic: scalar,
    np.dtype: _dtype,
    np.ufunc: _ufunc,
    np.random.BitGenerator: _bit_generator,
}
STATE: Final = {np.ndarray: _array_state, np.ma.MaskedArray: _masked_state}

__all__ = [
    "Node",
    "Plan",
    "add_elements",
    "array",
    "dtype_stream",
    "elements",
    "join_digests",
    "masked_digests",
    "scalar",
    "shape_bytes",
]
