"""From what a row holds to a value, and back: small values in the row, others in a file.

Nothing is unpickled here before its seal has been checked, and no file is opened whose
name is not one that this module gives.
"""

from __future__ import annotations

import contextlib
import secrets
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from afml_cache.outcomes import Reason
from afml_cache.store import location, rows, valuefile
from afml_cache.store.claims import BadEntryError, Claim
from afml_cache.store.codec import ATOMS, Encoded, decode, loader
from afml_cache.store.seal import ROW, SEAL_SIZE, Sealer

#: A value whose stream is no longer than this, without buffers, lives in its row.
IN_ROW = 8192
#: Bytes of opened rows, and number of checked files, that are remembered by a process, so that
#: a seal or a checksum is checked once.
_ROWS_REMEMBERED = 32 << 20
_FILES_REMEMBERED = 16_384
#: What Python needs beside the bytes of a remembered row, about.
_OVERHEAD = 400

_EXPIRES = struct.Struct("<d")
_ROW_START = SEAL_SIZE + _EXPIRES.size
NEVER = float("inf")


class ExpiredError(Exception):
    """The entry is past the time that is sealed with it. Never leaves the store."""


class Vault:
    """The values of one store.

    Attributes
    ----------
    opened : dict
        By slot: the body that was opened, when it expires, what unpickles its stream, and the
        stream; of an immutable builtin, which may be shared, None and the value itself. A row
        that equals ``body`` need not be checked again.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.opened: dict[bytes, tuple[bytes, float, Callable[[Any], Any] | None, Any]] = {}
        self._room = _ROWS_REMEMBERED
        self._checked: dict[bytes, tuple[str, tuple[int, ...]]] = {}

    def open(self, slot: bytes, body: object, sealer: Sealer, now: float) -> Any:
        """The value of a row, whose ``body`` is the sealed value or the name of a file.

        Raises
        ------
        BadEntryError, ExpiredError
            It cannot be given out.
        FileNotFoundError
            The file is gone; the row may have been replaced meanwhile.
        """
        if type(body) is bytes:
            return self._open_row(slot, body, sealer, now)
        path = self.path(slot, body)
        before = self._checked.get(slot)
        known = before[1] if before is not None and before[0] == path.name else None
        opened = valuefile.open_sealed(path, slot[: rows.DIGEST_SIZE], sealer, known)
        if opened.version != known:
            if len(self._checked) >= _FILES_REMEMBERED:
                self._checked.clear()
            self._checked[slot] = (path.name, opened.version)
        if opened.expires is not None and now >= opened.expires:
            raise ExpiredError
        return decode(opened.stream, opened.buffers)

    def _open_row(self, slot: bytes, body: bytes, sealer: Sealer, now: float) -> Any:
        expires, stream = _check_row(slot, body, sealer)
        if now >= expires:
            raise ExpiredError
        load = loader(stream)
        value = load(stream)
        self._forget(slot)
        shared = type(value) in ATOMS
        self.opened[slot] = (body, expires, *((None, value) if shared else (load, stream)))
        self._room -= 2 * len(body) + _OVERHEAD
        while self._room < 0 and self.opened:
            with contextlib.suppress(RuntimeError, StopIteration):  # other threads do it too
                self._forget(next(iter(self.opened)))
        return value

    def _forget(self, slot: bytes) -> None:
        gone = self.opened.pop(slot, None)
        if gone is not None:
            self._room += 2 * len(gone[0]) + _OVERHEAD

    def check(self, slot: bytes, body: object, sealer: Sealer) -> dict[str, Any] | None:
        """Check every byte of an entry without unpickling it; raises as :meth:`open`.

        Returns what a value file says of itself; a row has no such record.
        """
        if type(body) is bytes:
            _check_row(slot, body, sealer)
            return None
        return valuefile.check_whole(self.path(slot, body), slot[: rows.DIGEST_SIZE], sealer)

    def keep(
        self, slot: bytes, value: Encoded, claim: Claim, sealer: Sealer, now: float
    ) -> rows.Row:
        """Seal a value; returns the row that is to be added.

        Where the row does not hold the value itself, its file is in place when this returns.
        """
        described = valuefile.pack_record(dict(claim.description))
        if not value.parts and len(value.stream) <= IN_ROW:
            expires = NEVER if claim.expires is None else claim.expires
            rest = _EXPIRES.pack(expires) + value.stream
            body = sealer.seal(ROW, slot, rest) + rest
            size = len(body) + len(described)
            return rows.row_from_claim(slot, body, claim, described, size, now)
        digest = slot[: rows.DIGEST_SIZE]
        name = f"{digest.hex()}-{secrets.token_hex(8)}"
        path = self.path(slot, name)
        record = valuefile.pack_record(rows.record_from_claim(claim, now))
        location.make_folder(self.directory.parent, path.parent)
        size = valuefile.write(path, digest, sealer, value, claim.expires, record)
        return rows.row_from_claim(slot, name, claim, described, size + len(described), now)

    def path(self, slot: bytes, name: object) -> Path:
        """Where a value file lies. The index is not sealed: it may name nothing else."""
        if (
            not isinstance(name, str)
            or not rows.is_value_name(name)
            or not name.startswith(slot[: rows.DIGEST_SIZE].hex())
        ):
            raise BadEntryError(Reason.UNREADABLE, "a row of the index names no value file")
        return self.directory / name[:2] / name

    def discard(self, names: Iterable[str]) -> None:
        """Unlink value files that no row names any more; values handed out keep theirs."""
        for name in names:
            if rows.is_value_name(name):
                with contextlib.suppress(OSError):  # else the sweep gets it
                    (self.directory / name[:2] / name).unlink()


def _check_row(slot: bytes, body: bytes, sealer: Sealer) -> tuple[float, bytes]:
    if len(body) <= _ROW_START or not sealer.fits(body[:SEAL_SIZE], ROW, slot, body[SEAL_SIZE:]):
        raise BadEntryError(Reason.TAMPERED, "a row of the index does not fit its seal")
    (expires,) = _EXPIRES.unpack_from(body, SEAL_SIZE)
    return expires, body[_ROW_START:]
