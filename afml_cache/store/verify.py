"""Checking every byte of a store, without unpickling any of it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from afml_cache.outcomes import Reason
from afml_cache.store import rows, valuefile
from afml_cache.store.claims import BadEntryError, Problem
from afml_cache.store.index import Index
from afml_cache.store.repair import value_files
from afml_cache.store.seal import Sealer
from afml_cache.store.vault import Vault

#: Called with the number of entries that have been looked at.
Tell = Callable[[int], None]


def verify(
    index: Index,
    vault: Vault,
    sealer: Sealer,
    told: Tell | None = None,
    *,
    is_intact: bool = False,
) -> list[Problem]:
    """What is wrong with the index and the entries; raises as `Index.read`.

    Parameters
    ----------
    told : callable, optional
    is_intact : bool
        The file of the index has been checked by itself, page by page.
    """
    looked = 0
    problems = [] if is_intact else _pages(index)
    after: bytes | None = b""
    while after is not None:
        start = after
        found, after = index.read(lambda cursor, start=start: rows.told(cursor, start))  # type: ignore[misc]
        for one in found:
            problems += _of_entry(vault, one, sealer)
            looked += 1
            if told is not None:
                told(looked)
    for slot, function in index.read(rows.claims_alone):
        detail = "the index has it down, and has no value of it: nothing is served"
        problems.append(_of_row(slot, function, detail))
    if lost := index.read(rows.without_a_slot):
        detail = f"{lost:,} rows have a key that is none"
        problems.append(Problem(None, None, Reason.TAMPERED, detail, row=True))
    return problems


def verify_files(
    values: Path, sealer: Sealer, told: Tell | None = None
) -> tuple[int, list[Problem]]:
    """How many value files there are, and what is wrong with them, without an index."""
    problems = []
    looked = 0
    for path in value_files(values):
        digest, function = bytes.fromhex(path.name[: 2 * rows.DIGEST_SIZE]), None
        try:
            _, owner, record = valuefile.read_record(path, sealer)
            function = str(record.get("function"))
            _refuse_other(owner, sealer)
            valuefile.check_whole(path, digest, sealer)
        except BadEntryError as bad:
            problems.append(Problem(digest, function, bad.reason, bad.detail))
        except OSError as error:
            problems.append(Problem(digest, function, Reason.UNREADABLE, str(error)))
        looked += 1
        if told is not None:
            told(looked)
    return looked, problems


def _pages(index: Index) -> list[Problem]:
    said = index.read(lambda cursor: cursor.execute("PRAGMA integrity_check(20)").fetchall())
    return [Problem(None, None, Reason.UNREADABLE, str(text)) for (text,) in said if text != "ok"]


def _of_entry(vault: Vault, one: rows.Told, sealer: Sealer) -> Iterator[Problem]:
    function = one.function if isinstance(one.function, str) else None
    record: dict[str, Any] | None = None
    size: int | None = None
    try:
        record = _check(vault, one.slot, one.body, sealer)
        size = _size_of(vault, one)
    except BadEntryError as bad:
        yield Problem(one.slot[: rows.DIGEST_SIZE], function, bad.reason, bad.detail)
        if bad.reason is not Reason.OTHER_SECRET:
            return  # it goes, with its rows
    for detail in _wrong_in_rows(one, record, size):
        yield _of_row(one.slot, one.function, detail)


def _of_row(slot: bytes, function: object, detail: str) -> Problem:
    name = function if isinstance(function, str) else None
    return Problem(slot[: rows.DIGEST_SIZE], name, Reason.TAMPERED, detail, row=True)


def _check(vault: Vault, slot: bytes, body: object, sealer: Sealer) -> dict[str, Any] | None:
    _refuse_other(slot[rows.DIGEST_SIZE :], sealer)
    try:
        return vault.check(slot, body, sealer)
    except OSError as error:
        raise BadEntryError(Reason.UNREADABLE, str(error)) from error


def _refuse_other(owner: bytes, sealer: Sealer) -> None:
    if owner != sealer.id:
        raise BadEntryError(Reason.OTHER_SECRET, "sealed with another secret, so not checked")


def _size_of(vault: Vault, one: rows.Told) -> int | None:
    """What the value takes; None where that cannot be told."""
    if isinstance(one.body, bytes):
        return len(one.body)
    with contextlib.suppress(OSError, BadEntryError):
        return vault.path(one.slot, one.body).stat().st_size
    return None


def _wrong_in_rows(
    one: rows.Told, record: dict[str, Any] | None, actual: int | None
) -> Iterator[str]:
    """What the rows beside a value say that cannot be so; a value file says it itself."""
    described: dict[str, Any] | None = None
    if isinstance(one.packed, bytes):
        with contextlib.suppress(BadEntryError):
            described = valuefile.unpack_record(one.packed)
    if described is None:
        yield "its description is missing or cannot be read"
    if not one.claimed:
        yield "it is served, and the index does not say of which function it is"
        return
    if not (isinstance(one.function, str) and _is_amount(one.seconds) and _is_amount(one.size)):
        yield "the index has no function, time or size of it that could be one"
        return
    if actual is not None and isinstance(one.packed, bytes) and isinstance(one.size, int):
        # The description counts, too, unless the row was made again from the file.
        most = math.inf if not described else actual + len(one.packed)
        if not actual <= one.size <= most:
            yield f"the index says that it takes {one.size:,} bytes, and it takes {actual:,}"
    said = None if record is None else record.get("function")
    if described and said is None and "qualname" in described:
        said = f"{described.get('module')}.{described['qualname']}"
    if said is not None and said != one.function:
        yield f"the index has it down as {one.function}, and it is of {said}"
    if record is not None and record.get("seconds") != one.seconds:
        yield f"the index says that it took {one.seconds} s, and it took {record.get('seconds')} s"


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < math.inf
