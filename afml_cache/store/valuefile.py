"""Value files: one sealed entry a file, written once, renamed in, never changed.

Layout (``docs/store-format.md``): a header under seal, the table of buffers, the pickle
stream, the buffers aligned to 64 bytes, and at the end a record, sealed on its own, from
which a lost row of the index can be made again.
"""

from __future__ import annotations

import contextlib
import json
import math
import mmap
import os
import stat
import struct
import sys
import weakref
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afml_cache.outcomes import Reason
from afml_cache.store.claims import BadEntryError
from afml_cache.store.codec import Encoded
from afml_cache.store.seal import (
    CHECKSUM_SIZE,
    FILE,
    RECORD,
    SEAL_SIZE,
    Checksum,
    Sealer,
    checksums,
)

MAGIC = b"\x93AFMLv1\n"
ALIGNMENT = 64
_HEADER = struct.Struct("<8s8s16sdQQQQ24x")
_SEALED = _HEADER.size  # the seal follows, over all that lies before it and the stream after it
HEADER_SIZE = _SEALED + SEAL_SIZE
_ROW = struct.Struct(f"<Q{CHECKSUM_SIZE}s")

#: Smaller files are read, larger ones mapped: a map costs a descriptor and page faults.
READ_WHOLE = 256 << 10
#: Before Python 3.13 a map holds a descriptor open; past this many, files are read instead.
_MAPS = 256
_LONGEST_RECORD = 1 << 28
_maps: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()


@dataclass(frozen=True, slots=True)
class Opened:
    """A value file whose header and stream fit their seal."""

    stream: memoryview
    buffers: list[memoryview]
    expires: float | None
    version: tuple[int, ...]  #: inode, size and times: the same again means the same file


def write(
    path: Path, digest: bytes, sealer: Sealer, value: Encoded, expires: float | None, record: bytes
) -> int:
    """Write a new value file under a temporary name and rename it to ``path``.

    Returns
    -------
    int
        The size of the file. Nothing of it is left behind when this raises.
    """
    sums = _sums(value)
    stream_end = HEADER_SIZE + _ROW.size * len(value.parts) + len(value.stream)
    size = stream_end + _padding(stream_end)
    size += sum(part.length + _padding(part.length) for part in value.parts)
    record_size = len(record) + SEAL_SIZE
    size += record_size
    head = _HEADER.pack(
        MAGIC,
        sealer.id,
        digest,
        math.nan if expires is None else expires,
        size,
        len(value.stream),
        len(value.parts),
        record_size,
    ).ljust(_SEALED, b"\0")
    table = b"".join(
        _ROW.pack(part.length, check) for part, check in zip(value.parts, sums, strict=True)
    )
    seal = sealer.seal(FILE, head, table, value.stream)
    draft = path.with_name(f".{path.name}.part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        try:
            _write_all(descriptor, memoryview(head + seal + table))
            _write_all(descriptor, memoryview(value.stream))
            _write_all(descriptor, memoryview(bytes(_padding(stream_end))))
            for part in value.parts:
                for piece in part.pieces():
                    _write_all(descriptor, piece)
                _write_all(descriptor, memoryview(bytes(_padding(part.length))))
            tail = record + sealer.seal(RECORD, digest, seal, record)
            _write_all(descriptor, memoryview(tail))
        finally:
            os.close(descriptor)
        draft.rename(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    return size


def size_of(value: Encoded) -> int:
    """About how large the file of ``value`` will be."""
    return HEADER_SIZE + len(value.stream) + sum(part.length + ALIGNMENT for part in value.parts)


def open_sealed(
    path: Path, digest: bytes, sealer: Sealer, known: tuple[int, ...] | None = None
) -> Opened:
    """Open a value file and check it; nothing has been unpickled when this returns.

    Parameters
    ----------
    known : tuple, optional
        The ``version`` of an earlier opening in this process: when the file is still that
        one, its buffers (which cannot execute) are not read again. The seal of the stream
        is checked every time.

    Raises
    ------
    FileNotFoundError
        There is no such file (any more).
    BadEntryError
        It is damaged, forged or of another secret.
    """
    memory, version = _load(path)
    head, stream_start, sums, expires, record_size = _check_head(memory, path, digest, sealer)
    offset = len(head) + _padding(len(head))
    buffers = []
    for length, _ in sums:
        buffers.append(memory[offset : offset + length])
        offset += length + _padding(length)
    if offset + record_size != len(memory):
        raise BadEntryError(Reason.UNREADABLE, f"{path}: the parts do not add up to its size")
    if version != known:
        _check_buffers(memory, len(head), sums, buffers, path)
        record, seal = bytes(memory[offset:-SEAL_SIZE]), bytes(memory[-SEAL_SIZE:])
        if not sealer.fits(seal, RECORD, digest, bytes(head[_SEALED:HEADER_SIZE]), record):
            raise BadEntryError(Reason.TAMPERED, f"{path}: the record does not fit its seal")
    return Opened(memoryview(head)[stream_start:], buffers, expires, version)


def read_record(path: Path, sealer: Sealer | None) -> tuple[bytes, bytes, dict[str, Any]]:
    """Digest, sealer and record of a value file, without its value.

    Parameters
    ----------
    sealer : Sealer or None
        Whose seal the record must fit. The records of other secrets are taken as they are:
        their values are checked by whoever can open them.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEADER_SIZE)
            fields = _unpack(head, path)
            total, record_size = fields[4], fields[7]
            if os.fstat(file.fileno()).st_size != total or not SEAL_SIZE <= record_size < total:
                raise BadEntryError(Reason.UNREADABLE, f"{path}: cut short")
            file.seek(total - record_size)
            tail = file.read(record_size)
    except OSError as error:
        raise BadEntryError(Reason.UNREADABLE, f"{path}: {error}") from error
    record, seal = tail[:-SEAL_SIZE], tail[-SEAL_SIZE:]
    digest, owner = fields[2], fields[1]
    if (
        sealer is not None
        and owner == sealer.id
        and not sealer.fits(seal, RECORD, digest, head[_SEALED:HEADER_SIZE], record)
    ):
        raise BadEntryError(Reason.TAMPERED, f"{path}: the record does not fit its seal")
    return digest, owner, unpack_record(record, path)


def pack_record(record: dict[str, Any]) -> bytes:
    """A JSON-able mapping as bytes."""
    return zlib.compress(json.dumps(record, separators=(",", ":")).encode(), 1)


def unpack_record(packed: bytes, origin: object = "a record") -> dict[str, Any]:
    """The mapping again."""
    try:
        # Bounded: the records of other secrets are read before anybody has vouched for them.
        record = json.loads(zlib.decompressobj().decompress(packed, _LONGEST_RECORD))
    except (ValueError, zlib.error, RecursionError) as error:
        raise BadEntryError(Reason.UNREADABLE, f"{origin}: {error}") from error
    if not isinstance(record, dict):
        raise BadEntryError(Reason.UNREADABLE, f"{origin}: not a mapping")
    return record


def _unpack(head: bytes, path: Path) -> tuple[Any, ...]:
    if len(head) < HEADER_SIZE:
        raise BadEntryError(Reason.UNREADABLE, f"{path}: not a value file")
    if head[: len(MAGIC)] != MAGIC:
        raise BadEntryError(Reason.TAMPERED, f"{path}: it does not begin as a value file does")
    return _HEADER.unpack_from(head)


def _check_head(
    memory: memoryview, path: Path, digest: bytes, sealer: Sealer
) -> tuple[bytes, int, list[tuple[int, bytes]], float | None, int]:
    _, owner, named, expires, total, stream_size, parts, record_size = _unpack(
        bytes(memory[:HEADER_SIZE]), path
    )
    if owner != sealer.id:
        raise BadEntryError(Reason.OTHER_SECRET, f"{path}: sealed with another secret")
    if total != len(memory):
        raise BadEntryError(Reason.UNREADABLE, f"{path}: {len(memory)} bytes of {total}")
    stream_start = HEADER_SIZE + _ROW.size * parts
    if stream_start + stream_size > total:
        raise BadEntryError(Reason.UNREADABLE, f"{path}: the stream ends past the file")
    # A copy: what is checked is what is unpickled, whatever becomes of the file meanwhile.
    head = bytes(memory[: stream_start + stream_size])
    view = memoryview(head)
    if named != digest or not sealer.fits(
        head[_SEALED:HEADER_SIZE], FILE, view[:_SEALED], view[HEADER_SIZE:]
    ):
        raise BadEntryError(Reason.TAMPERED, f"{path}: the value does not fit its seal")
    table = list(_ROW.iter_unpack(view[HEADER_SIZE:stream_start]))
    return head, stream_start, table, None if math.isnan(expires) else expires, record_size


def _check_buffers(
    memory: memoryview,
    head_size: int,
    sums: Sequence[tuple[int, bytes]],
    buffers: Sequence[memoryview],
    path: Path,
) -> None:
    if checksums(buffers) != [expected for _, expected in sums]:
        raise BadEntryError(Reason.TAMPERED, f"{path}: a buffer does not fit its checksum")
    gaps = [(head_size, _padding(head_size))]
    offset = sum(gaps[0])
    for length, _ in sums:
        gaps.append((offset + length, _padding(length)))
        offset += length + _padding(length)
    if any(any(memory[start : start + length]) for start, length in gaps):
        raise BadEntryError(Reason.TAMPERED, f"{path}: bytes between the buffers")


def check_whole(path: Path, digest: bytes, sealer: Sealer) -> dict[str, Any]:
    """Check every byte of a value file; returns its record.

    Raises
    ------
    BadEntryError
        As for :func:`open_sealed`.
    """
    open_sealed(path, digest, sealer)
    return read_record(path, sealer)[2]


def _load(path: Path) -> tuple[memoryview, tuple[int, ...]]:
    # A link or a pipe planted under the name is refused instead of followed or waited for.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_size < HEADER_SIZE:
                raise BadEntryError(Reason.UNREADABLE, f"{path}: not a value file")
            memory = _memory(descriptor, status.st_size)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise
    except (OSError, EOFError, ValueError, MemoryError) as error:
        raise BadEntryError(Reason.UNREADABLE, f"{path}: {error}") from error
    version = (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )
    return memoryview(memory), version


def _memory(descriptor: int, size: int) -> bytearray | mmap.mmap:
    if size > READ_WHOLE:
        # Copy-on-write: the caller may change the value, the file never changes.
        if sys.version_info >= (3, 13):
            return mmap.mmap(descriptor, size, access=mmap.ACCESS_COPY, trackfd=False)
        if len(_maps) < _MAPS:
            mapped = mmap.mmap(descriptor, size, access=mmap.ACCESS_COPY)
            _maps.add(mapped)
            return mapped
        anonymous = mmap.mmap(-1, size)
        _read_into(descriptor, memoryview(anonymous))
        return anonymous
    memory = bytearray(size)
    _read_into(descriptor, memoryview(memory))
    return memory


def _read_into(descriptor: int, target: memoryview) -> None:
    filled = 0
    while filled < len(target):
        count = os.preadv(descriptor, [target[filled:]], filled)
        if not count:
            raise EOFError("cut short while it was read")
        filled += count


def _write_all(descriptor: int, data: memoryview) -> None:
    while len(data):
        data = data[os.write(descriptor, data) :]


def _sums(value: Encoded) -> list[bytes]:
    """The checksum of each part: those in one piece together, strided ones one by one."""
    whole: list[memoryview | None] = []
    sums: list[bytes] = []
    for part in value.parts:
        pieces: Iterator[memoryview] = part.pieces()
        first = next(pieces)
        if len(first) == part.length:
            whole.append(first)
            sums.append(b"")
            continue
        whole.append(None)
        check = Checksum()
        check.update(first)
        for piece in pieces:
            check.update(piece)
        sums.append(check.digest())
    together = iter(checksums([view for view in whole if view is not None]))
    return [check or next(together) for check in sums]


def _padding(length: int) -> int:
    return -length % ALIGNMENT
