"""What is said and counted when the store cannot do what it was asked.

A fault becomes a `Missing` with its reason, a counter, and one warning a cause and store.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from afml_cache.errors import CacheWarning
from afml_cache.notices import warn_once
from afml_cache.outcomes import Reason
from afml_cache.store.claims import Missing, UnavailableError
from afml_cache.store.schema import cause_of
from afml_cache.store.tally import Ledger

T = TypeVar("T")

MISSING = {reason: Missing(reason) for reason in (None, *Reason)}

_WHAT = {
    Reason.UNREADABLE: "could not be read back",
    Reason.TAMPERED: "do not match their seal",
    Reason.OTHER_SECRET: "were sealed with another secret",
}


def not_stored(directory: Path, error: Exception) -> tuple[str, str]:
    """The cause and the words for a result that could not be stored."""
    return cause_of(error) or "put", (
        f"The cache {directory} could not store a result ({error!r}). See that the disk has room "
        "and the directory can be written to."
    )


class Faults:
    """The faults of one store."""

    def __init__(self, directory: Path, ledger: Ledger) -> None:
        self._directory = directory
        self._ledger = ledger

    def missing(self, cause: str, detail: str, reason: Reason) -> Missing:
        """Count and tell a fault; returns the answer to give.

        Parameters
        ----------
        cause : str
            A second fault of one cause is counted and not told.
        detail : str
            What happened.
        """
        self._ledger.fault(reason)
        if reason in _WHAT:
            detail = (
                f"Entries of the cache {self._directory} {_WHAT[reason]}; they are not used and "
                f"their results are computed again (the first: {detail})."
            )
        warn_once((cause, str(self._directory)), detail)
        return MISSING[reason]

    def ask(self, look: Callable[[], T], otherwise: T) -> T:
        """What the index answers; where it cannot, ``otherwise`` and a fault."""
        try:
            return look()
        except CacheWarning:  # the program has made errors of warnings
            raise
        except UnavailableError as down:
            cause, detail = down.cause, down.detail
        except Exception as error:  # noqa: BLE001 - damaged rows; no fault may reach the caller
            cause = "index"
            detail = f"The index of the cache {self._directory} cannot be read ({error!r})."
        self.missing(cause, detail, Reason.STORE_UNAVAILABLE)
        return otherwise
