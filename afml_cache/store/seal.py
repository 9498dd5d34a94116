"""Seals and checksums: what tells our own bytes from forged or damaged ones.

A seal is a keyed BLAKE2b-256: only who holds the secret can make one, so a pickle
stream whose seal fits was written by us. A checksum is an unkeyed xxh3-128 over data
that cannot execute; the checksums themselves lie under the seal.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Iterable, Sequence

import xxhash

SEAL_SIZE = 32
SEALER_SIZE = 8
CHECKSUM_SIZE = 16

#: A longer buffer is hashed in blocks of this size, so that two threads can share the work.
BLOCK = 4 << 20
_WORTH_A_THREAD = 8 << 20


class Sealer:
    """Makes and checks seals with one secret.

    Attributes
    ----------
    id : bytes
        Names the secret without telling it: entries of another secret are recognised
        as such and are not mistaken for forgeries.
    """

    __slots__ = ("_keys", "id")

    def __init__(self, secret: bytes) -> None:
        root = hashlib.blake2b(secret, digest_size=32, person=b"afml cache root").digest()
        self.id = hashlib.blake2b(
            key=root, digest_size=SEALER_SIZE, person=b"afml cache name"
        ).digest()
        # A hash object keyed once and copied for each seal costs a third less than a new one.
        self._keys = {
            purpose: hashlib.blake2b(key=root, digest_size=SEAL_SIZE, person=purpose)
            for purpose in (ROW, FILE, RECORD, TRACKED)
        }

    def seal(self, purpose: bytes, *parts: bytes | memoryview) -> bytes:
        """The seal of the parts, all but the last of which must have a fixed length."""
        state = self._keys[purpose].copy()
        for part in parts:
            state.update(part)
        return state.digest()

    def fits(self, seal: bytes, purpose: bytes, *parts: bytes | memoryview) -> bool:
        """Whether ``seal`` is the seal of the parts."""
        return hmac.compare_digest(seal, self.seal(purpose, *parts))


#: What a seal is for: one made for a row never fits a file.
ROW = b"afml cache row"
FILE = b"afml cache file"
RECORD = b"afml cache rec"
TRACKED = b"afml mlflow run"


class Checksum:
    """The checksum of a stream of chunks; equal to that of the chunks joined."""

    __slots__ = ("_blocks", "_filled", "_open", "length")

    def __init__(self) -> None:
        self._open = xxhash.xxh3_128()
        self._filled = 0
        self._blocks: list[bytes] = []
        self.length = 0

    def update(self, chunk: memoryview) -> None:
        """Add the bytes of a one-dimensional view of format ``B``."""
        self.length += len(chunk)
        while len(chunk):
            if self._filled == BLOCK:
                self._blocks.append(self._open.digest())
                self._open = xxhash.xxh3_128()
                self._filled = 0
            take = min(BLOCK - self._filled, len(chunk))
            self._open.update(chunk[:take])
            self._filled += take
            chunk = chunk[take:]

    def digest(self) -> bytes:
        """16 bytes."""
        if not self._blocks:
            return self._open.digest()
        return _join([*self._blocks, self._open.digest()])


def checksums(buffers: Sequence[memoryview]) -> list[bytes]:
    """The checksum of each buffer; large ones on two threads (xxhash releases the GIL)."""
    blocks = [
        [buffer[start : start + BLOCK] for start in range(0, len(buffer), BLOCK)] or [buffer]
        for buffer in buffers
    ]
    work = [block for of_buffer in blocks for block in of_buffer]
    done: list[bytes] = [b""] * len(work)

    def hash_every_second(first: int) -> None:
        for position in range(first, len(work), 2):
            done[position] = xxhash.xxh3_128_digest(work[position])

    other: threading.Thread | None = None
    if len(work) > 1 and sum(map(len, buffers)) >= _WORTH_A_THREAD:
        other = threading.Thread(target=hash_every_second, args=(1,), name="afml-cache-checksum")
        try:
            other.start()
        except RuntimeError:  # the interpreter is shutting down or out of threads
            other = None
    hash_every_second(0)
    if other is None:
        hash_every_second(1)
    else:
        other.join()

    result, position = [], 0
    for of_buffer in blocks:
        digests = done[position : position + len(of_buffer)]
        result.append(digests[0] if len(digests) == 1 else _join(digests))
        position += len(of_buffer)
    return result


def _join(digests: Iterable[bytes]) -> bytes:
    return xxhash.xxh3_128_digest(b"".join(digests))
