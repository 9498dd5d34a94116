"""Checking every byte of a store, without unpickling any of it."""

from __future__ import annotations

from collections.abc import Callable

from afml_cache.outcomes import Reason
from afml_cache.store import rows
from afml_cache.store.claims import BadEntryError, Problem
from afml_cache.store.index import Index
from afml_cache.store.seal import Sealer
from afml_cache.store.vault import Vault


def verify(
    index: Index, vault: Vault, sealer: Sealer, told: Callable[[int], None] | None = None
) -> list[Problem]:
    """What is wrong with the index and the entries; raises as `Index.read`.

    ``told`` is called with the number of entries that have been looked at.
    """
    looked = 0
    said = index.read(lambda cursor: cursor.execute("PRAGMA integrity_check(20)").fetchall())
    problems = [
        Problem(None, None, Reason.UNREADABLE, str(text)) for (text,) in said if text != "ok"
    ]
    after: bytes | None = b""
    while after is not None:
        start = after
        found, after = index.read(lambda cursor, start=start: rows.bodies(cursor, start))  # type: ignore[misc]
        for slot, body, function in found:
            try:
                _check(vault, slot, body, sealer)
            except BadEntryError as bad:
                digest = slot[: rows.DIGEST_SIZE]
                problems.append(Problem(digest, function, bad.reason, bad.detail))
            looked += 1
            if told is not None:
                told(looked)
    return problems


def _check(vault: Vault, slot: bytes, body: object, sealer: Sealer) -> None:
    if slot[rows.DIGEST_SIZE :] != sealer.id:
        raise BadEntryError(Reason.OTHER_SECRET, "sealed with another secret, so not checked")
    try:
        vault.check(slot, body, sealer)
    except OSError as error:
        raise BadEntryError(Reason.UNREADABLE, str(error)) from error
