"""Rows of the index: the statements that add, change and remove them.

Every insertion and removal goes through :func:`insert` and :func:`remove`, which keep
the total size, so that no put has to add up the sizes of all entries.
"""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from afml_cache.outcomes import Reason
from afml_cache.store import removals
from afml_cache.store.claims import BadEntryError, Claim, Entry, Extent
from afml_cache.store.schema import DamagedIndexError
from afml_cache.store.seal import SEALER_SIZE
from afml_cache.store.valuefile import pack_record

DIGEST_SIZE = 16
SLOT_SIZE = DIGEST_SIZE + SEALER_SIZE

#: So many removals are remembered with their reason.
TOMBSTONES = 10_000

_CLAIM = (
    "slot, function, code, environment, arguments, first, last, aware, seconds, size, created, "
    "used, expires"
)
_AT_ONCE = 500

#: Seconds of computation that a megabyte kept will save: the rank under a size limit. A small
#: row takes its share of a page all the same, so that nothing counts as less than 512 bytes.
WORTH = "seconds / max(size, 512) * 1e6"


class ArrivedError(Exception):
    """The entry that was absent is there now. Never leaves the store."""


@dataclass(slots=True)
class Row:
    """Everything that the index holds about one entry."""

    slot: bytes
    body: bytes | str  #: the sealed value itself, or the name of its file
    function: str
    code: bytes
    environment: bytes
    arguments: bytes
    first: int | None
    last: int | None
    aware: int | None
    seconds: float
    size: int
    created: float
    used: float
    expires: float | None
    described: bytes = field(repr=False)  #: packed

    def __post_init__(self) -> None:
        numbers = (self.seconds, self.size, self.created, self.used)
        if not all(isinstance(number, int | float) for number in numbers):
            raise TypeError("a number of the row is none")


def row_from_claim(
    slot: bytes, body: bytes | str, claim: Claim, described: bytes, size: int, now: float
) -> Row:
    """The row of a value that has just been computed."""
    first, last, aware = claim.extent or (None, None, None)
    return Row(
        slot,
        body,
        claim.function,
        claim.code,
        claim.environment,
        claim.arguments,
        first,
        last,
        None if aware is None else int(aware),
        claim.seconds,
        size,
        now if claim.created is None else claim.created,
        now,
        claim.expires,
        described,
    )


def record_from_claim(claim: Claim, now: float) -> dict[str, Any]:
    """The claim as a JSON-able mapping: what a value file carries to make its row again."""
    return {
        "function": claim.function,
        "code": claim.code.hex(),
        "environment": claim.environment.hex(),
        "arguments": claim.arguments.hex(),
        "extent": claim.extent,
        "seconds": claim.seconds,
        "created": now if claim.created is None else claim.created,
        "expires": claim.expires,
        "description": dict(claim.description),
    }


def row_from_record(slot: bytes, record: dict[str, Any], name: str, size: int) -> Row:
    """The row again, from the record of a value file."""
    try:
        claim = Claim(
            function=str(record["function"]),
            code=bytes.fromhex(record["code"]),
            environment=bytes.fromhex(record["environment"]),
            arguments=bytes.fromhex(record["arguments"]),
            extent=_extent(*record["extent"]) if record["extent"] else None,
            seconds=float(record["seconds"]),
            expires=None if record["expires"] is None else float(record["expires"]),
        )
        described = pack_record(dict(record["description"]))
        return row_from_claim(slot, name, claim, described, size, float(record["created"]))
    except (KeyError, TypeError, ValueError) as error:
        raise BadEntryError(Reason.UNREADABLE, f"{name}: {error!r} in its record") from error


#: What :func:`row_from_fields` takes, of every entry with a claim.
SELECT_ROWS = (
    "SELECT slot, body, function, code, environment, arguments, first, last, aware, seconds, "
    "size, created, used, expires, packed FROM entry JOIN claim USING (slot) "
    "LEFT JOIN description USING (slot)"
)


def row_from_fields(fields: tuple[Any, ...]) -> Row | None:
    """The row that :data:`SELECT_ROWS` has found; None where it is damaged."""
    *values, packed = fields
    described = packed if isinstance(packed, bytes) else pack_record({})
    if not (isinstance(values[0], bytes) and isinstance(values[1], bytes | str)):
        return None
    try:
        return Row(*(*values, described))
    except TypeError:
        return None


def insert(cursor: sqlite3.Cursor, row: Row) -> list[str]:
    """Add an entry in place of an earlier one; returns the files that are no longer needed."""
    # A new index takes up every file that it finds, perhaps this one, which has no row yet.
    files = [name for name in remove(cursor, [row.slot], None) if name != row.body]
    cursor.execute("INSERT INTO entry VALUES (?, ?)", (row.slot, row.body))
    cursor.execute(
        f"INSERT INTO claim ({_CLAIM}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            row.slot,
            row.function,
            row.code,
            row.environment,
            row.arguments,
            row.first,
            row.last,
            row.aware,
            row.seconds,
            row.size,
            row.created,
            row.used,
            row.expires,
        ),
    )
    cursor.execute(
        f"UPDATE claim SET priority=? + {WORTH} WHERE slot=?", (inflation(cursor), row.slot)
    )
    cursor.execute("INSERT INTO description VALUES (?, ?)", (row.slot, row.described))
    cursor.execute("UPDATE meta SET value = value + ? WHERE name='total'", (row.size,))
    return files


def remove(
    cursor: sqlite3.Cursor,
    slots: Iterable[bytes],
    reason: Reason | None,
    limit: int | None = None,
) -> list[str]:
    """Remove entries, and remember why unless ``reason`` is None; returns their files.

    ``limit`` is the size limit (bytes) that they had to go for.
    """
    files: list[str] = []
    buried: list[int] = []
    freed = 0
    for slot in slots:
        gone = cursor.execute("SELECT body FROM entry WHERE slot=?", (slot,)).fetchone()
        size = cursor.execute("SELECT size FROM claim WHERE slot=?", (slot,)).fetchone()
        if gone and isinstance(gone[0], str):
            files.append(gone[0])
        if bool(gone) != bool(size):
            raise DamagedIndexError("it has an entry without a claim, or a claim without one")
        if size:
            freed += size[0] if isinstance(size[0], int) else 0
        if gone:
            for table in ("entry", "claim", "description"):
                cursor.execute(f"DELETE FROM {table} WHERE slot=?", (slot,))
        if reason is None:
            cursor.execute("DELETE FROM tombstone WHERE slot=?", (slot,))
        elif gone:
            buried.append(_bury(cursor, slot, reason))
    if freed:
        cursor.execute("UPDATE meta SET value = max(value - ?, 0) WHERE name='total'", (freed,))
    if buried and reason is not None:
        removals.log(cursor, buried[0], buried[-1], reason, limit)
        cursor.execute(
            "DELETE FROM tombstone WHERE id <= (SELECT max(id) FROM tombstone) - ?", (TOMBSTONES,)
        )
    return files


def bury(cursor: sqlite3.Cursor, slot: bytes, reason: Reason, limit: int | None = None) -> None:
    """Remember why ``slot`` has no entry although it never had a row."""
    number = _bury(cursor, slot, reason)
    removals.log(cursor, number, number, reason, limit)


def _bury(cursor: sqlite3.Cursor, slot: bytes, reason: Reason) -> int:
    query = "INSERT OR REPLACE INTO tombstone (slot, reason) VALUES (?, ?)"
    return cursor.execute(query, (slot, reason)).lastrowid or 0


def inflation(cursor: sqlite3.Cursor) -> float:
    """How worthy an entry has to be, by now, not to be evicted."""
    row = cursor.execute("SELECT value FROM meta WHERE name='inflation'").fetchone()
    value = row[0] if row else 0.0
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0


def total_size(cursor: sqlite3.Cursor) -> int:
    """Bytes of all entries, whoever sealed them."""
    row = cursor.execute("SELECT value FROM meta WHERE name='total'").fetchone()
    return row[0] if row and isinstance(row[0], int) else 0


#: The counter that holds when a function was last called, in seconds since the epoch.
LAST = "last"


def add_counter(cursor: sqlite3.Cursor, function: str, name: str, value: float) -> None:
    """Add to a counter; processes add up. Of two times the later one stays."""
    added = "max(value, excluded.value)" if name == LAST else "value + excluded.value"
    cursor.execute(
        f"INSERT INTO counter VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = {added}",
        (function, name, value),
    )


def range_of(digest: bytes) -> tuple[bytes, bytes]:
    """Bounds of the slots of one digest, whoever sealed them."""
    return digest, digest + b"\xff" * (SEALER_SIZE + 1)


def slots_of(cursor: sqlite3.Cursor, digest: bytes) -> list[bytes]:
    """The slots of one digest that have an entry."""
    found = cursor.execute("SELECT slot FROM entry WHERE slot BETWEEN ? AND ?", range_of(digest))
    return [slot for (slot,) in found if isinstance(slot, bytes)]


def why_absent(cursor: sqlite3.Cursor, slot: bytes) -> Reason | None:
    """Why a slot has no entry; None when nothing is known of it.

    Raises
    ------
    ArrivedError
        It has one: somebody stored it since the look-up.
    DamagedIndexError
        The tables contradict each other. SQLite does not notice by itself that a damaged
        page hides a row.
    """
    entry, claim = cursor.execute(  # one statement: both tables at the same moment
        "SELECT EXISTS (SELECT 1 FROM entry WHERE slot=:slot), "
        "EXISTS (SELECT 1 FROM claim WHERE slot=:slot)",
        {"slot": slot},
    ).fetchone()
    if entry:
        raise ArrivedError
    if claim:
        raise DamagedIndexError("it has a claim without an entry")
    if any(other != slot for other in slots_of(cursor, slot[:DIGEST_SIZE])):
        return Reason.OTHER_SECRET
    row = cursor.execute("SELECT reason FROM tombstone WHERE slot=?", (slot,)).fetchone()
    return Reason(row[0]) if row and row[0] in set(Reason) else None


def entries(
    cursor: sqlite3.Cursor, sealer: bytes, where: str, values: tuple[Any, ...], at_most: int = -1
) -> list[Entry]:
    """The entries that ``sealer`` sealed and the condition selects."""
    query = (
        f"SELECT {_CLAIM} FROM claim WHERE {where} AND substr(slot, {DIGEST_SIZE + 1}) = ? LIMIT ?"
    )
    return _readable(cursor.execute(query, (*values, sealer, at_most)).fetchall())


def page(
    cursor: sqlite3.Cursor, sealer: bytes, function: str | None, after: bytes
) -> tuple[list[Entry], bytes | None]:
    """Some hundred of the entries past ``after``, and where to go on; None at the end."""
    condition = "slot > ?" if function is None else "slot > ? AND +function = ?"
    found = cursor.execute(
        f"SELECT {_CLAIM} FROM claim WHERE {condition} ORDER BY slot LIMIT {_AT_ONCE}",
        (after,) if function is None else (after, function),
    ).fetchall()
    ours = [row for row in found if row[0][DIGEST_SIZE:] == sealer]
    return _readable(ours), found[-1][0] if len(found) == _AT_ONCE else None


@dataclass(frozen=True, slots=True)
class Told:
    """What the tables of the index say of one entry, unread; None where a row is missing."""

    slot: bytes
    body: object
    claimed: bool  #: there is a claim
    function: object
    seconds: object
    size: object
    packed: object


def told(cursor: sqlite3.Cursor, after: bytes) -> tuple[list[Told], bytes | None]:
    """Some hundred entries past ``after``, and where to go on; None at the end."""
    found = cursor.execute(
        "SELECT slot, body, claim.slot IS NOT NULL, function, seconds, size, packed FROM entry "
        "LEFT JOIN claim USING (slot) LEFT JOIN description USING (slot) "
        f"WHERE slot > ? ORDER BY slot LIMIT {_AT_ONCE}",
        (after,),
    ).fetchall()
    return [Told(*row) for row in found], found[-1][0] if len(found) == _AT_ONCE else None


def claims_alone(cursor: sqlite3.Cursor) -> list[tuple[bytes, object]]:
    """Slots and functions of the claims without an entry."""
    query = (
        "SELECT slot, function FROM claim WHERE slot NOT IN (SELECT slot FROM entry) "
        "AND typeof(slot) = 'blob'"
    )
    return cursor.execute(query).fetchall()


def without_a_slot(cursor: sqlite3.Cursor) -> int:
    """How many rows have something for a slot that is none; nobody ever looks them up."""
    wrong = f"typeof(slot) <> 'blob' OR length(slot) <> {SLOT_SIZE}"
    query = " + ".join(
        f"(SELECT count(*) FROM {table} WHERE {wrong})" for table in ("entry", "claim")
    )
    return int(cursor.execute(f"SELECT {query}").fetchone()[0])


def _readable(found: list[tuple[Any, ...]]) -> list[Entry]:
    result = []
    for row in found:
        try:
            result.append(_entry(row))
        except (TypeError, ValueError):
            continue  # a damaged row; `verify` names it
    return result


def _entry(row: tuple[Any, ...]) -> Entry:
    slot, function, code, environment, arguments, first, last, aware = row[:8]
    seconds, size, created, used, expires = row[8:]
    return Entry(
        digest=_bytes(slot)[:DIGEST_SIZE],
        function=str(function),
        code=_bytes(code),
        environment=_bytes(environment),
        arguments=_bytes(arguments),
        extent=None if first is None else _extent(first, last, aware),
        size=int(size),
        seconds=float(seconds),
        created=float(created),
        used=float(used),
        expires=None if expires is None else float(expires),
    )


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError("a digest of the row is none")
    return value


def _extent(first: Any, last: Any, aware: Any) -> Extent:
    return int(first), int(last), bool(aware)


_NAME = re.compile(r"[0-9a-f]{32}-[0-9a-f]{16}")


def is_value_name(name: str) -> bool:
    """Whether a file may be a value file by its name; nothing else is ever opened."""
    return _NAME.fullmatch(name) is not None
