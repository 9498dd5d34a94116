"""A value <-> a pickle stream and the raw buffers beside it.

Protocol 5 moves the data of numpy, pandas and Arrow out of the stream: the stream of a
frame of a gigabyte is a few kilobytes, and only the stream can execute. What numpy
would put into the stream (dates, strided arrays) is moved out here. Classes and functions of
the running program go by the name that other programs import it by, never as ``__main__``.
"""

from __future__ import annotations

import copyreg
import io
import pickle
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from types import FunctionType
from typing import Any, Protocol

from afml_cache.main_module import MAIN_NAMES, main_global, main_name, stands_for_main

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

    def __init__(self, stream: bytes, parts: Sequence[Part]) -> None:
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
    encoded = _encode(value, pickle.Pickler)
    # Pickled twice only where it may name the program, which has a name of its own.
    if any(name in encoded.stream for name in _MAIN) and main_name() != "__main__":
        return _encode(value, _ProgramPickler)
    return encoded


def decode(stream: bytes | memoryview, buffers: Sequence[memoryview] = ()) -> Any:
    """The value again. The caller has checked the seal of ``stream``."""
    return loader(stream)(stream, buffers=buffers)


def loader(stream: bytes | memoryview) -> Callable[..., Any]:
    """What unpickles ``stream``: plain C, unless it may name the running program."""
    program = main_name()
    if program != "__main__":
        for name in (_MAIN[0], _text(program)):
            if (name in stream) if type(stream) is bytes else re.search(re.escape(name), stream):
                return _load_in_program
    return pickle.loads


def _encode(value: object, make: type[pickle.Pickler]) -> Encoded:
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
    pickler = make(target, 5, buffer_callback=keep)
    # A table of types, unlike `reducer_override`, costs nothing for other objects.
    reducers: dict[type, Callable[[Any], Any]] = dict(copyreg.dispatch_table)
    if "numpy" in sys.modules:  # else the value holds no array
        from afml_cache.store import arrays

        reducers.update(arrays.reducers(substitutes))
    if "vectorbt" in sys.modules:
        from afml_cache.store import portfolios

        reducers.update(portfolios.reducers())
    pickler.dispatch_table = reducers
    pickler.dump(value)
    return Encoded(target.getvalue(), parts)


class _ProgramPickler(pickle.Pickler):
    """Names what the running program defines by the program's stable name."""

    def reducer_override(self, obj: Any) -> Any:
        # The order is the pickler's own.
        kind = type(obj)
        if kind is type or kind is FunctionType:
            return _by_name(obj, obj.__qualname__, NotImplemented)
        reduce = self.dispatch_table.get(kind)
        if reduce is not None:
            reduced = reduce(obj)
        elif issubclass(kind, type):
            return _by_name(obj, obj.__qualname__, NotImplemented)
        else:
            reduced = obj.__reduce_ex__(5)
        return _by_name(obj, reduced, reduced) if isinstance(reduced, str) else reduced


def _by_name(obj: Any, name: str, otherwise: Any) -> Any:
    if pickle.whichmodule(obj, name) not in MAIN_NAMES:  # type: ignore[attr-defined]
        return otherwise
    return main_global, (main_name(), name)


class _ProgramUnpickler(pickle.Unpickler):
    """Finds what importers of the running program have stored in the program itself."""

    def find_class(self, module: str, name: str, /) -> Any:
        if module in MAIN_NAMES:
            # Programs with a name are stored by it; the class of a notebook is not ours.
            raise pickle.UnpicklingError(f"{name} was defined in an interactive session")
        if stands_for_main(module):
            return main_global(module, name)
        return super().find_class(module, name)


def _load_in_program(stream: bytes | memoryview, *, buffers: Sequence[memoryview] = ()) -> Any:
    return _ProgramUnpickler(io.BytesIO(stream), buffers=buffers).load()


def _text(text: str) -> bytes:
    """How a stream of protocol 5 begins to say a text."""
    data = text.encode("utf-8", "surrogatepass")
    size = len(data)
    return (b"\x8c" + bytes([size]) if size < 256 else b"X" + size.to_bytes(4, "little")) + data


_MAIN = tuple(map(_text, MAIN_NAMES))
