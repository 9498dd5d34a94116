"""Opening the value of a row that was looked up, while others store, replace and evict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from time import time
from typing import Any

from afml_cache.outcomes import Reason
from afml_cache.store import rows
from afml_cache.store.claims import BadEntryError
from afml_cache.store.faults import MISSING
from afml_cache.store.index import Index
from afml_cache.store.seal import Sealer
from afml_cache.store.vault import ExpiredError, Vault

#: How often an entry that others keep replacing is looked up again before it is a miss.
_LOOKS = 10


class Lookup:
    """The look-ups of one store, but for those whose value is remembered.

    Parameters
    ----------
    index, vault
        Of the store.
    touched : defaultdict
        Slots and how often they were used; added to.
    age_limit : float, optional
        Seconds; an entry that has not been used for so long has expired.
    sealer : callable
        Gives the sealer in force.
    """

    def __init__(
        self,
        index: Index,
        vault: Vault,
        touched: defaultdict[bytes, int],
        age_limit: float | None,
        sealer: Callable[[], Sealer],
    ) -> None:
        self._index = index
        self._vault = vault
        self._touched = touched
        self._age_limit = age_limit
        self._sealer = sealer

    def open(self, slot: bytes, body: object) -> Any:
        """The value that a row leads to, or a `Missing`; ``body`` is what the row held just now.

        Raises
        ------
        BadEntryError, UnavailableError
            The entry is damaged or another secret's; the index cannot be read.
        """
        now = time()
        # What was looked up may have gone or come meanwhile.
        for _ in range(_LOOKS):
            if body is None:
                try:
                    return MISSING[self._why_absent(slot)]
                except rows.ArrivedError:
                    body = self._index.body(slot)
                    continue
            if self.is_unused_too_long(slot, now):
                return MISSING[Reason.EXPIRED]
            try:
                value = self._vault.open(slot, body, self._sealer(), now)
            except ExpiredError:
                return MISSING[Reason.EXPIRED]
            except FileNotFoundError as error:
                self._index.refresh()  # the whole store may have been removed
                found = self._index.body(slot)
                if found == body and not self._vault.path(slot, body).exists():
                    raise BadEntryError(Reason.UNREADABLE, str(error)) from error
                body = found
                continue
            self._touched[slot] += 1
            return value
        return MISSING[None]

    def has(self, slot: bytes, expires: float | None) -> bool:
        """Whether an entry that expires at a time could be opened; it is not."""
        body, now = self._index.body(slot), time()
        if body is None or (isinstance(body, str) and not self._vault.path(slot, body).exists()):
            return False
        return (expires is None or now < expires) and not self.is_unused_too_long(slot, now)

    def is_unused_too_long(self, slot: bytes, now: float) -> bool:
        """Whether an entry has passed the age limit at a time, in seconds since the epoch."""
        if self._age_limit is None or slot in self._touched:
            return False
        query = "SELECT used FROM claim WHERE slot=?"
        row = self._index.read(lambda cursor: cursor.execute(query, (slot,)).fetchone())
        return row is not None and isinstance(row[0], float) and row[0] < now - self._age_limit

    def _why_absent(self, slot: bytes) -> Reason | None:
        reason = self._index.read(lambda cursor: rows.why_absent(cursor, slot))
        if reason is Reason.OTHER_SECRET:
            raise BadEntryError(reason, "the call is known under another secret")
        return reason
