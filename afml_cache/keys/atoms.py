"""Atoms (numbers, strings, None) as bytes, and how runs of them are packed.

An atom's stream stands in the stream of its container as it is. Sequences of sixteen or more
atoms are packed by type, which is what makes a column of a million strings cheap.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Callable, Iterable, Sequence
from struct import Struct, error
from types import EllipsisType, NotImplementedType
from typing import Any, Final

from afml_cache.keys.stream import (
    BLOCK,
    BLOCKS,
    ORDERED,
    PACKED,
    Label,
    Node,
    Stream,
    compose,
    join,
    tag,
    u64,
)

#: Shorter runs are joined atom by atom: packing pays only from about here on.
PACK_FROM: Final = 16

_INT = tag("i")
_LONG = tag("I")
_FLOAT = tag("f")
_COMPLEX = tag("c")
_STR = tag("s")
_BYTES = tag("b")
_NONE = tag("N")
_TRUE = tag("T")
_FALSE = tag("F")

_pack_int = Struct("<2sq").pack
_pack_float = Struct("<2sd").pack
_pack_complex = Struct("<2sdd").pack
_pack_size = Struct("<2sQ").pack

#: The one NaN that stands for all of them: quiet, positive, no payload.
NAN = math.nan
_NAN_ATOM = _pack_float(_FLOAT, NAN)


def text(value: str) -> bytes:
    """The stream of a string; lone surrogates are kept."""
    data = value.encode("utf-8", "surrogatepass")
    return _pack_size(_STR, len(data)) + data


def integer(value: int) -> bytes:
    """The stream of an integer of any size."""
    try:
        return _pack_int(_INT, value)
    except error:
        data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        return _pack_size(_LONG, len(data)) + data


def real(value: float) -> bytes:
    """The stream of a float; all NaN are one, ``0.0`` and ``-0.0`` are two."""
    return _pack_float(_FLOAT, value) if value == value else _NAN_ATOM


def _complex(value: complex) -> bytes:
    a, b = value.real, value.imag
    return _pack_complex(_COMPLEX, a if a == a else NAN, b if b == b else NAN)


def binary(value: bytes) -> bytes:
    """The stream of a bytes object."""
    return _pack_size(_BYTES, len(value)) + value


#: type -> stream, for exactly these types. Only they stand in a container as they are.
ATOMS: Final[dict[type, Callable[[Any], bytes]]] = {
    int: integer,
    str: text,
    float: real,
    bool: lambda value: _TRUE if value else _FALSE,
    type(None): lambda _: _NONE,
    bytes: binary,
    complex: _complex,
    EllipsisType: lambda _: tag("Ellipsis"),
    NotImplementedType: lambda _: tag("NotImplemented"),
}

NONE: Final = _NONE


def sequence(head: bytes, values: Sequence[object], label: Label | None = None) -> Stream:
    """An ordered stream over values: packed where it can be, in blocks where it is long."""
    if len(values) <= BLOCK:
        return _items(head, values, label or item_label)
    blocks = []
    for start in range(0, len(values), BLOCK):
        name = _shifted(label or item_label, start)
        blocks.append(block(values[start : start + BLOCK], name))
    return in_blocks(head, blocks)


def in_blocks(head: bytes, blocks: Iterable[Stream]) -> Stream:
    """A stream over blocks, each of which contributes its digest."""
    return compose(head, blocks, no_label, BLOCKS)


_BLOCK_HEAD = tag("block")


def block(values: Sequence[object], label: Label | None = None) -> Stream:
    """The stream of one block of a long sequence, of an object array or an object column."""
    return _items(_BLOCK_HEAD, values, label or item_label)


def item_label(position: int) -> str:
    """``[3]``: the path of an item of a sequence."""
    return f"[{position}]"


def no_label(_: int) -> str:
    """Parts that a user does not see, such as blocks, add nothing to a path."""
    return ""


def _shifted(label: Label, start: int) -> Label:
    return lambda position: label(start + position)


def _items(head: bytes, values: Sequence[object], label: Label) -> Stream:
    if len(values) >= PACK_FROM:
        packed = _packed(values)
        if packed is not None:
            return b"".join((head, PACKED, *packed))
    return gather(head, values, ORDERED, label)


def gather(
    head: bytes, values: Iterable[object], order: bytes = ORDERED, label: Label | None = None
) -> Stream:
    """A stream with one part a value: atoms as they are, all others as holes."""
    parts: list[bytes] = []
    holes: list[tuple[int, object]] = []
    for value in values:
        atom = ATOMS.get(type(value))
        if atom is not None:
            parts.append(atom(value))
        else:
            holes.append((len(parts), value))
            parts.append(b"")
    if holes:
        return Node(head, parts, holes, order, label or item_label)
    return join(head, parts, order)


_CODES: Final[dict[type, int]] = {type(None): 0, bool: 1, int: 2, float: 3, str: 4, bytes: 5}


def _packed(values: Sequence[Any]) -> list[bytes] | None:
    """The payload of a packed run; None where the values cannot be packed."""
    types = set(map(type, values))
    if not types <= _CODES.keys():
        return None
    parts = [u64(len(values)), bytes(sorted(_CODES[kind] for kind in types))]
    if len(types) == 1:
        (kind,) = types
        payload = _PAYLOADS[kind](values)
        return None if payload is None else [*parts, *payload]
    parts.append(bytes(map(_CODES.__getitem__, map(type, values))))
    for kind in sorted(types, key=_CODES.__getitem__):
        payload = _PAYLOADS[kind]([value for value in values if type(value) is kind])
        if payload is None:
            return None
        parts += payload
    return parts


def little_endian(numbers: array[Any]) -> bytes:
    """The bytes of ``numbers`` as a little-endian machine has them."""
    if sys.byteorder == "big":  # pragma: no cover - no such machine in the tests
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()


def _pack_ints(values: Sequence[int]) -> list[bytes] | None:
    try:
        return [little_endian(array("q", values))]
    except OverflowError:  # an integer past 64 bits: the run is not packed
        return None


def _pack_floats(values: Sequence[float]) -> list[bytes]:
    if math.isnan(sum(values)):  # also for inf - inf; then nothing changes below
        values = [value if value == value else NAN for value in values]
    return [little_endian(array("d", values))]


def _pack_texts(values: Sequence[str]) -> list[bytes]:
    data = "".join(values).encode("utf-8", "surrogatepass")
    return [little_endian(array("q", map(len, values))), u64(len(data)), data]


def _pack_bytes(values: Sequence[bytes]) -> list[bytes]:
    data = b"".join(values)
    return [little_endian(array("q", map(len, values))), u64(len(data)), data]


_PAYLOADS: Final[dict[type, Callable[[Any], list[bytes] | None]]] = {
    type(None): lambda _: [],
    bool: lambda values: [bytes(values)],
    int: _pack_ints,
    float: _pack_floats,
    str: _pack_texts,
    bytes: _pack_bytes,
}
