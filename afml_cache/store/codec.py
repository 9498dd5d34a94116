"""A value <-> a pickle stream and the raw buffers beside it.

Protocol 5 moves the data of numpy, pandas and Arrow out of the stream: the stream of a
frame of a gigabyte is a few kilobytes, and only the stream can execute. What numpy
would put into the stream (dates, strided arrays) is moved out here.
"""

from __future__ import annotations

import copyreg
import io
import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

#: Immutable builtins: no pickler with options is needed, and a decoded one may be shared.
ATOMS = frozenset({int, float, str, bytes, bool, complex, type(None)})

#: A buffer up to this size stays in the stream; opening a file for it would cost more.
IN_STREAM = 4096


class Part(Protocol):
    """The bytes of one out-of-band buffer, in pieces that need not lie in memory together."""

    @property
    def length(self) -> int:
        """Bytes in all."""

    def pieces(self) -> Iterator[memoryview]:
        """One-dimensional views of format ``B``, each valid until the next is taken."""


class Encoded:
    """What a value became: the stream, and the parts that lie beside it."""

    __slots__ = ("parts", "stream")

    def __init__(self, stream: bytes | memoryview, parts: Sequence[Part]) -> None:
        self.stream = stream
        self.parts = parts


class BufferPart:
    """A contiguous buffer, written from where it lies."""

    __slots__ = ("view",)

    def __init__(self, buffer: pickle.PickleBuffer) -> None:
        self.view = buffer.raw()

    @property
    def length(self) -> int:
        return len(self.view)

    def pieces(self) -> Iterator[memoryview]:
        yield self.view


def encode(value: object) -> Encoded:
    """Pickle ``value``; whatever pickling raises passes through."""
    if type(value) in ATOMS:
        return Encoded(pickle.dumps(value, 5), ())
    parts: list[Part] = []
    substitutes: dict[int, tuple[pickle.PickleBuffer, Part]] = {}

    def keep(buffer: pickle.PickleBuffer) -> bool:
        substitute = substitutes.get(id(buffer))
        if substitute is not None:
            parts.append(substitute[1])
            return False
        part = BufferPart(buffer)
        if part.length <= IN_STREAM:
            return True
        parts.append(part)
        return False

    target = io.BytesIO()
    pickler = pickle.Pickler(target, 5, buffer_callback=keep)
    if "numpy" in sys.modules:  # else the value holds no array
        from afml_cache.store import arrays

        # A table of types, unlike `reducer_override`, costs nothing for other objects.
        reducers: dict[type, Callable[[Any], Any]] = dict(copyreg.dispatch_table)
        reducers.update(arrays.reducers(substitutes))
        pickler.dispatch_table = reducers
    pickler.dump(value)
    return Encoded(target.getbuffer(), parts)


def decode(stream: bytes | memoryview, buffers: Sequence[memoryview] = ()) -> Any:
    """The value again. The caller has checked the seal of ``stream``."""
    return pickle.loads(stream, buffers=buffers)
