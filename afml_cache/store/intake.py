"""Adding entries and removing them: what a put and a clearing do to index and files.

A file is in place before its row names it, and is unlinked after no row does; so whatever
is interrupted leaves at worst a file too many, which the sweep gets.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from sqlite3 import Cursor

from afml_cache.notices import warn_once
from afml_cache.outcomes import Outcome, Reason
from afml_cache.store import evict, notes, rows, valuefile
from afml_cache.store.claims import Claim, Notes
from afml_cache.store.cleared import RoomBeside
from afml_cache.store.codec import Encoded
from afml_cache.store.index import Index
from afml_cache.store.seal import Sealer
from afml_cache.store.sweep import Sweeper
from afml_cache.store.tally import Ledger, write_call
from afml_cache.store.vault import Vault

#: How a call ended that brought a value, and why it was computed, if it was.
Call = tuple[Outcome, Reason | None]

#: Entries removed in one transaction; others can write between two of them.
_AT_ONCE = 2_000
#: How often an entry is written whose file was cleared away before its row was in place.
_ATTEMPTS = 3
#: Codes that a store remembers to have kept the notes of.
_CODES = 4096


class _ClearedMeanwhileError(Exception):
    """The file was moved aside between writing it and writing its row."""


class Intake:
    """The changes to one store. Raises `UnavailableError` where the store cannot be written."""

    def __init__(
        self,
        index: Index,
        vault: Vault,
        ledger: Ledger,
        sweeper: Sweeper,
        size_limit: int | None,
        age_limit: float | None,
    ) -> None:
        self._index = index
        self._vault = vault
        self._ledger = ledger
        self._sweeper = sweeper
        self._size_limit = size_limit
        self._age_limit = age_limit
        self._beside = RoomBeside(index.base)
        self._noted: dict[bytes, Notes] = {}  # by code

    def add(
        self, slot: bytes, value: Encoded, claim: Claim, sealer: Sealer, call: Call | None
    ) -> None:
        """Store a value, with the pending counts and one for the call that brought it."""
        now = time.time()
        self._index.require_writable()
        if self._size_limit is not None and valuefile.size_of(value) > self._size_limit:
            self._refuse(slot, value, claim, self._size_limit)
            if call is not None:
                self._ledger.count(claim.function, *call, claim.seconds)
            return
        for attempt in range(_ATTEMPTS):
            try:
                live = self._add(slot, value, claim, sealer, call, now)
                break
            except (FileNotFoundError, _ClearedMeanwhileError):
                # A folder that was there a moment ago has been moved aside.
                if attempt == _ATTEMPTS - 1:
                    raise
        if self._size_limit is not None:
            self.make_room_beside(self._size_limit - live)

    def make_room_beside(self, room: int) -> None:
        """Leave no more than ``room`` bytes to what was cleared and can be restored."""
        self._beside.make_room(room)

    def _add(
        self,
        slot: bytes,
        value: Encoded,
        claim: Claim,
        sealer: Sealer,
        call: Call | None,
        now: float,
    ) -> int:
        """Store a value; returns the bytes of all entries."""
        row = self._vault.keep(slot, value, claim, sealer, now)
        path = self._vault.path(slot, row.body) if isinstance(row.body, str) else None
        made = self._lacking_notes(claim)

        def work(cursor: Cursor) -> tuple[list[str], int]:
            if path is not None and not path.exists():
                raise _ClearedMeanwhileError  # nobody clears while this transaction is open
            files = evict.drop_expired_now_and_then(cursor, now, self._age_limit)
            files += rows.insert(cursor, row)
            if claim.notes is not None:
                notes.keep(cursor, claim.code, claim.notes, made)
            if call is not None:
                write_call(cursor, claim.function, *call, claim.seconds)
            if self._size_limit is not None:
                files += evict.make_room(cursor, self._size_limit, now)
            return files, rows.total_size(cursor)

        try:
            files, live = self._ledger.write_with(work, now)
        except BaseException:
            if isinstance(row.body, str):
                self._vault.discard([row.body])
            raise
        self._vault.discard(files)
        if path is not None:
            self._sweeper.sweep(path.parent, self._index)
        return live

    def _lacking_notes(self, claim: Claim) -> dict[bytes, bytes]:
        """Make the notes that nobody has kept, before others have to wait for the transaction."""
        wanted = claim.notes
        if wanted is None or self._noted.get(claim.code) is wanted:
            return {}  # this process has kept them, so they will hardly be gone by now
        if len(self._noted) >= _CODES:
            self._noted.clear()
        self._noted[claim.code] = wanted
        absent = self._index.read(lambda cursor: notes.lacking(cursor, claim.code, wanted))
        return notes.packed(wanted, absent)

    def sweep_notes(self) -> None:
        """Remove the notes that no entry needs any more."""
        self._index.write(notes.sweep)

    def _refuse(self, slot: bytes, value: Encoded, claim: Claim, limit: int) -> None:
        """A value over the limit by itself would sweep out all others, and then go too."""

        def work(cursor: Cursor) -> list[str]:
            files = rows.remove(cursor, [slot], Reason.EVICTED)
            rows.bury(cursor, slot, Reason.EVICTED, limit)
            return files

        self._vault.discard(self._ledger.write_with(work, time.time()))
        warn_once(
            ("too-large", str(self._index.base), claim.function),
            f"A result of {claim.function} takes {valuefile.size_of(value):,} bytes, more than "
            f"the size limit of the cache ({limit:,}); it is not stored. Raise the limit to keep "
            "it.",
        )

    def remove(self, select: Callable[[Cursor], list[bytes]], reason: Reason) -> int:
        """Remove the entries whose slots ``select`` finds; returns how many there were."""
        slots = self._index.read(select)
        for start in range(0, len(slots), _AT_ONCE):
            self._remove(slots[start : start + _AT_ONCE], reason)
        return len(slots)

    def _remove(self, slots: list[bytes], reason: Reason) -> None:
        # With what is pending: once an entry is gone, nobody can tell what its hits have saved.
        files = self._ledger.write_with(
            lambda cursor: rows.remove(cursor, slots, reason), time.time()
        )
        self._vault.discard(files)
