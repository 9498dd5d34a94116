"""Checking a whole store for a person: with a count on the way, and removing what is damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from afml_cache.errors import ClearingError
from afml_cache.outcomes import Reason
from afml_cache.store.claims import Problem, UnavailableError
from afml_cache.store.store import Store
from afml_cache.store.verify import verify

#: An entry of another secret may be sound: whoever has the secret can tell.
REPAIRABLE = frozenset({Reason.TAMPERED, Reason.UNREADABLE})


def check(store: Store, told: Callable[[int], None] | None = None) -> list[Problem]:
    """Check every byte of every entry, as :meth:`Store.verify`.

    Unlike there, a store that cannot be read is a problem in the list, not an empty one.

    Parameters
    ----------
    store : Store
    told : callable, optional
        Called with the number of entries that have been looked at.
    """
    try:
        return verify(store._index, store._vault, store._ready(), told)
    except UnavailableError as down:
        return [Problem(None, None, Reason.STORE_UNAVAILABLE, down.detail)]


def repair(store: Store, problems: Iterable[Problem]) -> int:
    """Remove the entries that are damaged; their results are computed again at the next call.

    Entries of another secret, and the index, are left as they are.

    Returns
    -------
    int
        How many were removed.

    Raises
    ------
    ClearingError
        The store cannot be written to.
    """
    damaged: dict[Reason, set[bytes]] = {}
    for problem in problems:
        if problem.digest is not None and problem.reason in REPAIRABLE:
            damaged.setdefault(problem.reason, set()).add(problem.digest)
    if not damaged:
        return 0
    try:
        store._index.require_writable()
    except UnavailableError as down:
        raise ClearingError(f"Nothing was repaired. {down.detail}") from down
    return sum(store.delete(digests, reason) for reason, digests in damaged.items())
