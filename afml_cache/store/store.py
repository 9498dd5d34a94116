"""The store: from the digest of a call to its result, for threads and processes at once.

It never raises for a fault of its own: whatever is wrong with the disk, the index, a
file or the secret becomes a :class:`Missing` with a reason, a counter and one warning a
cause. What it does give out has been sealed by the secret in force.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from sqlite3 import Cursor
from time import monotonic, time
from typing import Any

from afml_cache.errors import CacheWarning, ClearingError
from afml_cache.notices import warn_once
from afml_cache.outcomes import Outcome, Reason
from afml_cache.store import exits, rows
from afml_cache.store.bringback import BringBack, Taken
from afml_cache.store.catalog import Catalog
from afml_cache.store.claims import (
    BadEntryError,
    Claim,
    Counters,
    Entry,
    Missing,
    Problem,
    UnavailableError,
)
from afml_cache.store.cleared import Cleared
from afml_cache.store.codec import encode
from afml_cache.store.faults import MISSING, Faults, not_stored
from afml_cache.store.flight import Flight, Flights
from afml_cache.store.flusher import Flusher
from afml_cache.store.index import Index
from afml_cache.store.intake import Call, Intake
from afml_cache.store.lookup import Lookup
from afml_cache.store.pending import Tally
from afml_cache.store.seal import Sealer
from afml_cache.store.secret import find_secret
from afml_cache.store.sweep import Sweeper
from afml_cache.store.takeout import take_out
from afml_cache.store.tally import Ledger
from afml_cache.store.vault import NEVER, Vault
from afml_cache.store.verify import verify

__all__ = ["Claim", "Counters", "Entry", "Flight", "Missing", "Problem", "Store", "Tally"]

#: Seconds between two looks after the index.
_TEND_EVERY = 2.0


class Store:
    """A durable, sealed map from digests to values.

    Parameters
    ----------
    directory : Path
        Where everything lies; made at the first use, not before.
    secret : bytes, optional
        Seals the entries. None: ``$AFML_CACHE_SECRET``, else the user's secret file.
    size_limit : int, optional
        Bytes; over it, what is cheapest to recompute a megabyte is evicted.
    age_limit : float, optional
        Seconds; an entry that has not been used for so long has expired.
    read_only : bool, optional
        Give out what is there, and write, make and remove nothing.
    durable : bool, optional
        False: do not wait for the disk, for a store that need not outlive the machine.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, Store(Path(folder), secret=b"s" * 32) as store:
    ...     store.get(b"0123456789abcdef")
    ...     claim = Claim("mod.f", code=b"c", environment=b"e", arguments=b"a")
    ...     store.put(b"0123456789abcdef", [1, 2], claim)
    ...     store.get(b"0123456789abcdef")
    Missing(None)
    [1, 2]
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        secret: bytes | None = None,
        size_limit: int | None = None,
        age_limit: float | None = None,
        read_only: bool = False,
        durable: bool = True,
    ) -> None:
        self.directory = Path(os.path.abspath(directory))  # noqa: PTH100 - keeps symlinks
        self.size_limit = size_limit
        self.age_limit = age_limit
        self.read_only = read_only
        self._secret = secret
        self._sealer: Sealer | None = None
        self._suffix: bytes | None = None  # the sealer's id; None until it is known
        self._index = Index(self.directory, read_only=read_only, durable=durable)
        self._vault = Vault(self._index.values)
        self._opened = self._vault.opened
        self._flights = Flights(self.directory / "flights")
        self.ledger = Ledger(self._index)
        self._faults = Faults(self.directory, self.ledger)
        self._catalog = Catalog(self._index, self._faults, lambda: self._ready().id)
        self._touched = self.ledger.touched
        self._lookup = Lookup(self._index, self._vault, self._touched, age_limit, self._ready)
        self._intake = Intake(
            self._index, self._vault, self.ledger, Sweeper(self._flights), size_limit, age_limit
        )
        self._due = 0.0
        self._flusher = Flusher(self.ledger, self._index, read_only, self._look_soon)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store({str(self.directory)!r})"

    @property
    def journal(self) -> str | None:
        """How the index is kept: "wal", or "delete" on a network; None before the first use."""
        return self._index.journal

    def same_as(self, other: Store) -> bool:
        """Whether the other store has the same directory, secret, limits and mode."""
        mine, others = (
            (one.directory, one._secret, one.size_limit, one.age_limit, one.read_only)
            for one in (self, other)
        )
        return mine == others

    def open(self) -> None:
        """Make what is missing and open the index, as the first use would."""
        self._faults.ask(lambda: self._index.read(lambda _: None), None)

    # -- values ----------------------------------------------------------------------

    def get(self, digest: bytes) -> Any:
        """The value stored under ``digest``, or a :class:`Missing` that says why there is none.

        Every call gives out an object of its own. Test the answer with
        ``type(answer) is Missing``.
        """
        try:
            suffix = self._suffix
            if suffix is None or monotonic() >= self._due:
                suffix = self._tend()
            slot = digest + suffix
            body = self._index.body(slot)
            opened = self._opened.get(slot)
            if opened is None or opened[0] != body or self.age_limit is not None:
                return self._lookup.open(slot, body)
            if opened[1] != NEVER and time() >= opened[1]:
                return MISSING[Reason.EXPIRED]
            load = opened[2]
            if load is None:
                value = opened[3]
            else:
                value = load(opened[3])
                if not self._due:  # loading took so long that the thread that writes has ended
                    self._tend()
            self._touched[slot] += 1
            return value
        except CacheWarning:  # the program has made errors of warnings
            raise
        except BadEntryError as bad:
            fault: tuple[str, str, Reason] = bad.reason, bad.detail, bad.reason
        except UnavailableError as down:
            fault = down.cause, down.detail, Reason.STORE_UNAVAILABLE
        except Exception as error:  # noqa: BLE001 - what a class raises while it is unpickled
            fault = Reason.UNREADABLE, f"unpickling raised {error!r}", Reason.UNREADABLE
        return self._faults.missing(*fault)

    def contains(self, digest: bytes) -> bool:
        """Whether :meth:`get` would find an entry; its value is not opened."""

        def look() -> bool:
            entry = self.entry(digest)
            return entry is not None and self._lookup.has(digest + self._ready().id, entry.expires)

        return not self._index.absent() and self._faults.ask(look, False)

    def put(
        self,
        digest: bytes,
        value: object,
        claim: Claim,
        *,
        missed: Reason | None = None,
        adopted: bool = False,
    ) -> Reason | None:
        """Store ``value``; an entry of the same digest is replaced.

        Parameters
        ----------
        digest : bytes
            The key of the call, 16 bytes.
        value : object
            Anything that can be pickled.
        claim : Claim
            What the entry says about the value.
        missed : Reason, optional
            Why the value was computed. It is counted together with the entry, so that a worker
            that is killed right afterwards leaves both or neither; a refused put counts nothing.
        adopted : bool
            The value comes from an older cache; that is counted in the same way.

        Returns
        -------
        Reason or None
            None when it is stored, else why it is not. A value larger than the size limit
            counts as stored and evicted at once.
        """
        try:
            encoded = encode(value)
        except Exception as error:  # noqa: BLE001 - a value's own pickling may raise anything
            warn_once(
                ("unpicklable", str(self.directory), claim.function),
                f"The result of {claim.function} cannot be stored, so it is computed at every "
                f"call: a {type(value).__name__} cannot be pickled ({error}). Return something "
                "that can be, or do not cache this function.",
            )
            return Reason.RESULT_UNPICKLABLE
        try:
            sealer = self._ready()
            call: Call | None = None if missed is None else (Outcome.COMPUTED, missed)
            if adopted:
                call = Outcome.ADOPTED, None
            self._intake.add(digest + sealer.id, encoded, claim, sealer, call)
            return None
        except CacheWarning:  # the program has made errors of warnings
            raise
        except UnavailableError as down:
            fault = down.cause, down.detail
        except Exception as error:  # noqa: BLE001 - no fault of a disk may reach the caller
            fault = not_stored(self.directory, error)
        self._faults.missing(*fault, Reason.STORE_UNAVAILABLE)
        return Reason.STORE_UNAVAILABLE

    def delete(self, digests: Iterable[bytes], reason: Reason = Reason.CLEARED) -> int:
        """Remove entries; the next :meth:`get` of one gives ``reason``. Returns how many."""

        def slots(cursor: Cursor) -> list[bytes]:
            return [slot for digest in wanted for slot in rows.slots_of(cursor, digest)]

        wanted = list(digests)
        return self._faults.ask(lambda: self._intake.remove(slots, reason), 0)

    def clear(self, function: str | None = None) -> int:
        """Remove the entries of one function, or all; returns how many there were."""
        where = "SELECT slot FROM claim" + ("" if function is None else " WHERE function=?")

        def slots(cursor: Cursor) -> list[bytes]:
            found = cursor.execute(where, () if function is None else (function,))
            return [slot for (slot,) in found.fetchall()]

        removed = self._faults.ask(lambda: self._intake.remove(slots, Reason.CLEARED), 0)
        if removed:
            self._faults.ask(self._intake.sweep_notes, None)
        return removed

    def take_out(self) -> Cleared:
        """Move everything that is cache in the directory aside; raises `ClearingError`."""
        if self.read_only:
            raise ClearingError(
                f"the cache {self.directory} is not cleared in mode 'readonly'; "
                "configure(mode='on') first"
            )
        self.close()
        return take_out(self._index)

    def bring_back(self, folder: Path) -> Taken:
        """Take over the entries and counters of a cleared folder; raises `ClearingError`."""
        return BringBack(folder, self._index, self._vault).run()

    # -- what is stored --------------------------------------------------------------

    def entries(self, function: str | None = None) -> Iterator[Entry]:
        """The entries that can be opened with the secret in force, by digest."""
        return self._catalog.all(function)

    def entry(self, digest: bytes) -> Entry | None:
        """The entry of one digest."""
        found = self._catalog.where("slot=?", lambda sealer: (digest + sealer,))
        return found[0] if found else None

    def description(self, digest: bytes) -> dict[str, Any]:
        """What the entry of one digest says about its arguments; empty when there is none."""
        return self._catalog.description(digest)

    def note(self, digest: bytes) -> dict[str, Any]:
        """What the descriptions refer to by a digest; empty when it is not kept."""
        return self._catalog.note(digest)

    def known(self, function: str) -> bool:
        """Whether any entry of this function is there."""
        return bool(self._catalog.where("function=?", lambda _: (function,), at_most=1))

    def siblings(self, function: str, arguments: bytes) -> list[Entry]:
        """The entries of one function for the same arguments, whatever its code."""
        return self._catalog.where("function=? AND arguments=?", lambda _: (function, arguments))

    def sizes(self) -> dict[str, tuple[int, int]]:
        """How many entries each function has, and their bytes, whoever sealed them."""
        return self._catalog.sizes()

    def last_used(self) -> dict[str, float]:
        """When an entry of each function was last used or stored, in seconds since the epoch."""
        return self._catalog.last_used()

    def verify(self) -> list[Problem]:
        """Check every byte of every entry against its seal; an empty list is good news."""
        return self._faults.ask(lambda: verify(self._index, self._vault, self._ready()), [])

    # -- counters --------------------------------------------------------------------

    def tally(self, function: str) -> Tally:
        """The hits of one function; the caller adds to its ``hits`` and ``seconds``."""
        exits.enter(self)
        return self.ledger.tally(function)

    def count(
        self,
        function: str,
        outcome: Outcome,
        reason: Reason | None = None,
        *,
        seconds: float = 0.0,
        took: float | None = None,
    ) -> None:
        """Count a call that was no plain hit; written later, with others.

        ``seconds`` were spent in computing, or saved; a hit ``took`` so long, if it was timed.
        """
        exits.enter(self)
        self.ledger.count(function, outcome, reason, seconds, took)
        self._flusher.keep_up()

    def counters(self, function: str | None = None) -> dict[str, Counters]:
        """How the calls of each function went, over all processes that have written theirs."""
        found = self.ledger.counters()
        if function is None:
            return found
        return {function: found.get(function, Counters())}

    def faults(self) -> dict[str, int]:
        """How often the store met unreadable, tampered or foreign entries or was unavailable."""
        return self.ledger.faults()

    def flush(self) -> None:
        """Write the counters that have piled up in memory."""
        self._flusher.write()
        self.ledger.tell()

    def close(self) -> None:
        """Write what is pending and close the index; the next use opens it again."""
        self.flush()
        self._index.close()
        self._suffix = None  # the next use enters it again
        exits.leave(self)

    # -- flights ---------------------------------------------------------------------

    def flight(self, digest: bytes) -> Flight:
        """The right to compute ``digest``, not yet taken."""
        return self._flights.flight(digest)

    def sealer(self) -> Sealer:
        """What makes and checks seals with the secret in force; raises `UnavailableError`."""
        return self._ready()

    # -- housekeeping ----------------------------------------------------------------

    def _ready(self) -> Sealer:
        sealer = self._sealer
        if sealer is None:
            sealer = self._sealer = Sealer(find_secret(self._secret))
        return sealer

    def _tend(self) -> bytes:
        """Now and then: see that the index is still there, write what has piled up."""
        sealer = self._ready()
        now = monotonic()
        self._due = now + _TEND_EVERY
        if self._suffix is None:
            exits.enter(self)
            self._suffix = sealer.id
            self.ledger.due = self._due
        self._index.refresh()
        self._flusher.keep_up()
        return sealer.id

    def _look_soon(self) -> None:
        """Nobody writes any more: the next look-up sees to it."""
        self._due = 0.0

    def after_fork(self) -> None:
        """In a child: begin anew; what has piled up is the parent's to write."""
        self.ledger.after_fork()
        self._suffix = None
