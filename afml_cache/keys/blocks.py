"""Digests of long runs of numpy data, in blocks of 65,536, where the data lies.

Nothing is copied but a tile at a time, and only where the elements do not lie side by side or a
NaN has unusual bits. Above a few megabytes the blocks are shared out among threads (the hash
releases the GIL), which never changes a digest.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, Final

import numpy as np
from xxhash import xxh3_128, xxh3_128_digest

from afml_cache.keys.stream import BLOCK, FORMAT

Array = np.ndarray[Any, Any]
#: Contiguous elements -> a buffer of the bytes that count, in little-endian order.
Prepare = Callable[[Array], Any]

#: Bytes from which on a second thread pays for its start.
_THREADS_FROM: Final = 4_000_000
_MOST_THREADS: Final = 4

#: Rows of strided data are gathered in tiles that stay in the processor's cache.
_TILE_BYTES: Final = 262_144
_TILE_ROWS: Final = 16

_largest = np.maximum.reduce


class Plan:
    """Blocks that are to be hashed: added first, then hashed together by :meth:`run`."""

    __slots__ = ("_jobs", "_size")

    def __init__(self) -> None:
        self._jobs: deque[Callable[[], None]] = deque()
        self._size = 0

    def add(self, rows: Array) -> list[list[bytes]]:
        """One list of block digests for each row of a 2-D array; filled by :meth:`run`.

        Parameters
        ----------
        rows : ndarray of shape (k, n)
            Of a plain dtype (:func:`is_plain`). A row is what a user calls a column.
        """
        if rows.dtype.kind in "mM":
            rows = rows.view(rows.dtype.byteorder.replace("|", "=") + "i8")
        count, length = rows.shape
        prepare = preparation(rows.dtype)
        contiguous = rows.strides[1] == rows.itemsize or length <= 1
        if not contiguous and rows.nbytes <= _TILE_BYTES:
            rows, contiguous = np.ascontiguousarray(rows), True
        if length <= BLOCK and rows.nbytes <= _TILE_BYTES and length and rows.flags.c_contiguous:
            return _small(rows, prepare)
        digests = [[b""] * -(-length // BLOCK) for _ in range(count)]
        self._size += rows.nbytes
        if contiguous:
            for row, row_digests in zip(rows, digests, strict=True):
                for number, start in enumerate(range(0, length, BLOCK)):
                    chunk = row[start : start + BLOCK]
                    self._jobs.append(partial(_hash_chunk, row_digests, number, prepare, chunk))
        else:
            for first in range(0, count, _TILE_ROWS):
                group = slice(first, first + _TILE_ROWS)
                for number, start in enumerate(range(0, length, BLOCK)):
                    part = rows[group, start : start + BLOCK]
                    self._jobs.append(partial(_hash_strided, digests[group], number, prepare, part))
        return digests

    def call(self, job: Callable[[], None], size: int) -> None:
        """Have ``job`` run with the others; it reads ``size`` bytes."""
        self._jobs.append(job)
        self._size += size

    def run(self) -> None:
        """Do all jobs, with more than one thread where that is worth it."""
        if self._jobs:
            helpers = _helpers() if self._size >= _THREADS_FROM else 0
            _run(self._jobs, min(helpers, len(self._jobs) - 1))


def is_plain(dtype: np.dtype[Any]) -> bool:
    """Whether elements are their bytes: numbers, times, fixed-width strings, raw bytes."""
    return dtype.kind in "fiubcmMSUV" and dtype.names is None and dtype.subdtype is None


def block_digests(values: Array) -> list[bytes]:
    """The digests of the blocks of a plain array, taken in C order.

    ``values`` may have any shape and strides; a block has 65,536 elements, the last one fewer.
    """
    plan = Plan()
    digests = add_elements(plan, values)
    plan.run()
    return digests


def add_elements(plan: Plan, values: Array) -> list[bytes]:
    """As :func:`block_digests`, to be filled when ``plan`` is run."""
    if values.ndim > 1 and not values.flags.c_contiguous:
        if values.nbytes <= _TILE_BYTES:
            values = np.ascontiguousarray(values)
        else:
            return _add_scattered(plan, values)
    return plan.add(values.reshape(1, -1))[0]


def _add_scattered(plan: Plan, values: Array) -> list[bytes]:
    """Elements of an array of several dimensions that does not lie in C order."""
    if values.dtype.kind in "mM":
        values = values.view(values.dtype.byteorder.replace("|", "=") + "i8")
    prepare = preparation(values.dtype)
    digests = [b""] * -(-values.size // BLOCK)
    for number in range(len(digests)):
        plan.call(
            partial(_hash_scattered, digests, number, prepare, values), BLOCK * values.itemsize
        )
    return digests


@lru_cache(maxsize=256)
def preparation(dtype: np.dtype[Any]) -> Prepare:
    """What makes equal elements of this dtype equal bytes."""
    prepare = _native_preparation(dtype)
    little = dtype.newbyteorder("<")
    if dtype == little or dtype.kind in "SV":
        return prepare
    native = dtype.newbyteorder("=")

    def swapped(chunk: Array) -> Any:
        chunk = prepare(chunk.astype(native))
        return chunk.astype(chunk.dtype.newbyteorder("<")) if sys.byteorder == "big" else chunk

    return swapped


def _native_preparation(dtype: np.dtype[Any]) -> Prepare:
    if dtype.kind == "f":
        return _one_nan if dtype.itemsize <= 8 else _long_double
    if dtype.kind == "c":
        part = np.dtype(f"f{dtype.itemsize // 2}")
        prepare = _one_nan if part.itemsize <= 8 else _long_double
        return lambda chunk: prepare(chunk.view(part))
    if dtype.kind in "SUV":
        return _bytes
    if dtype.kind in "mM":
        return lambda chunk: chunk.view(np.int64)
    return lambda chunk: chunk


def _bytes(chunk: Array) -> Any:
    return chunk.view(np.uint8) if chunk.dtype.itemsize else np.empty(0, np.uint8)


_NAN_BITS: Final = {
    size: (np.dtype(f"u{size}"), np.array(np.nan, f"f{size}").view(f"u{size}")[()])
    for size in (2, 4, 8)
}


def _one_nan(chunk: Array) -> Array:
    """``chunk`` itself, or a copy where a NaN in it has other than the usual bits."""
    largest = _largest(chunk)  # NaN wherever there is one, at the speed of the cache
    if largest == largest:
        return chunk
    as_bits, usual = _NAN_BITS[chunk.dtype.itemsize]
    where = chunk != chunk
    bits = chunk.view(as_bits)
    if (bits[where] == usual).all():
        return chunk
    bits = bits.copy()
    bits[where] = usual
    return bits


def _long_double(chunk: Array) -> Any:
    where = chunk != chunk
    if where.any():
        chunk = chunk.copy()
        chunk[where] = np.nan
    if np.finfo(chunk.dtype).nmant == 63:  # x87: ten bytes, the others are padding
        width = chunk.dtype.itemsize
        return np.ascontiguousarray(chunk.view(np.uint8).reshape(-1, width)[:, :10])
    return chunk.view(np.uint8)


def _small(rows: Array, prepare: Prepare) -> list[list[bytes]]:
    """One block a row, all in the cache: the preparation looks at all rows at once."""
    prepared = prepare(rows.reshape(-1)).reshape(len(rows), -1)
    return [[xxh3_128_digest(row, FORMAT)] for row in prepared]


def _hash_chunk(digests: list[bytes], number: int, prepare: Prepare, chunk: Array) -> None:
    digests[number] = xxh3_128_digest(prepare(chunk), FORMAT)


def _hash_strided(digests: list[list[bytes]], number: int, prepare: Prepare, part: Array) -> None:
    """One block of several rows whose elements lie apart, tile by tile."""
    count, length = part.shape
    width = max(1, _TILE_BYTES // max(1, count * part.itemsize))
    buffer = np.empty(count * min(width, length), part.dtype)
    hashers = [xxh3_128(seed=FORMAT) for _ in range(count)]
    for start in range(0, length, width):
        source = part[:, start : start + width]
        tile = buffer[: source.size].reshape(source.shape)
        np.copyto(tile, source)
        prepared = prepare(buffer[: source.size]).reshape(count, -1)
        for hasher, row in zip(hashers, prepared, strict=True):
            hasher.update(row)
    for row_digests, hasher in zip(digests, hashers, strict=True):
        row_digests[number] = hasher.digest()


def _hash_scattered(digests: list[bytes], number: int, prepare: Prepare, values: Array) -> None:
    hasher = xxh3_128(seed=FORMAT)
    pieces: Any = np.nditer(
        values, flags=["external_loop", "buffered", "ranged"], order="C", buffersize=8192
    )
    pieces.iterrange = (number * BLOCK, min(values.size, (number + 1) * BLOCK))
    for piece in pieces:
        hasher.update(prepare(np.ascontiguousarray(piece)))
    digests[number] = hasher.digest()


def _run(jobs: deque[Callable[[], None]], helpers: int) -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            while True:
                try:
                    job = jobs.popleft()
                except IndexError:
                    return
                job()
        except BaseException as error:  # noqa: BLE001 - raised again below, in the caller's thread
            failures.append(error)
            jobs.clear()

    threads = []
    try:
        for _ in range(helpers):
            # Made anew each time: threads of a pool would not survive a fork.
            thread = threading.Thread(target=work, name="afml-cache-hash", daemon=True)
            thread.start()
            threads.append(thread)
    except RuntimeError:  # no more threads to be had, or the interpreter is shutting down
        pass
    work()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _helpers() -> int:
    """Threads beside the caller's own."""
    try:
        processors = len(os.sched_getaffinity(0))
    except AttributeError:  # not on this platform
        processors = os.cpu_count() or 1
    return min(_MOST_THREADS, processors) - 1
