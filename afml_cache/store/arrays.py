"""How numpy arrays leave the pickle stream and come back.

numpy itself moves only contiguous arrays out of the stream, and never dates. Here every
array without objects leaves it: dates as integers, strided ones piece by piece, so that
no copy of a large array is ever made.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afml_cache.store.codec import IN_STREAM, Part

_PIECE = 1 << 20

Array = NDArray[Any]


def reducers(
    substitutes: dict[int, tuple[pickle.PickleBuffer, Part]],
) -> dict[type, Callable[[Any], Any]]:
    """A pickle dispatch table for arrays.

    Parameters
    ----------
    substitutes : dict
        Filled while pickling: the part to write in place of an (empty) buffer, by the
        identity of that buffer, which is kept beside it so that the identity stays taken.
    """

    def reduce_array(array: Array) -> Any:
        kind = array.dtype
        if kind.hasobject or kind.kind == "T" or array.size == 0 or kind.itemsize == 0:
            return array.__reduce_ex__(5)
        order = "C"
        if not array.flags.c_contiguous and array.flags.f_contiguous:
            array, order = array.T, "F"
        shape = array.shape if order == "C" else array.shape[::-1]
        buffer: object
        if array.nbytes <= IN_STREAM:
            buffer = bytearray(array.tobytes())
        else:
            # An empty writable buffer stands for the array, which may be strided or
            # read-only: what comes back is neither.
            buffer = placeholder = pickle.PickleBuffer(bytearray())
            substitutes[id(placeholder)] = (placeholder, ArrayPart(array))
        return array_from_buffer, (buffer, _dtype_name(kind), shape, order)

    return {np.ndarray: reduce_array, **_blocks()}


def _blocks() -> dict[type, Callable[[Any], Any]]:
    """pandas copies a strided block when it is pickled by protocol 5, but not by older ones."""
    module = sys.modules.get("pandas.core.internals.blocks")
    names = ("NumpyBlock", "NumericBlock", "DatetimeLikeBlock")
    found = [getattr(module, name, None) for name in names]
    return {block: _reduce_plainly for block in found if isinstance(block, type)}


def _reduce_plainly(block: Any) -> Any:
    return block.__reduce__()


def array_from_buffer(
    buffer: bytes | bytearray | memoryview, dtype: Any, shape: tuple[int, ...], order: Any
) -> Array:
    """The array whose data is ``buffer``. Stored streams name this function: never move it."""
    kind = np.dtype(dtype)
    array: Array = np.frombuffer(buffer, dtype=np.uint8).view(kind).reshape(shape, order=order)
    return array


class ArrayPart:
    """The items of an array in C order, a piece at a time unless they lie side by side."""

    __slots__ = ("array",)

    def __init__(self, array: Array) -> None:
        self.array = array

    @property
    def length(self) -> int:
        return self.array.nbytes

    def pieces(self) -> Iterator[memoryview]:
        if self.array.flags.c_contiguous:
            yield _bytes_of(self.array)
            return
        if self.array.nbytes <= _PIECE:
            yield _bytes_of(np.ascontiguousarray(self.array))
            return
        items = max(1, _PIECE // self.array.itemsize)
        chunks = np.nditer(
            self.array,
            flags=["external_loop", "buffered", "zerosize_ok"],
            op_flags=["readonly"],
            order="C",
            buffersize=items,
        )
        for chunk in chunks:
            # A chunk that happens to lie straight is a view, another one a reused buffer.
            yield _bytes_of(np.ascontiguousarray(chunk))


def _bytes_of(array: Array) -> memoryview:
    """The bytes of a contiguous array, which dates and records do not export themselves."""
    return array.reshape(-1).view(np.uint8).data


def _dtype_name(dtype: np.dtype[Any]) -> object:
    """The dtype as text where that says everything, else the dtype itself."""
    if dtype.names is None and dtype.subdtype is None and dtype.metadata is None:
        return dtype.str
    return dtype
