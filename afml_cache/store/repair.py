"""Making an index again: from the value files, and from what a damaged one still gives.

Nothing is thrown away: the damaged index is moved aside under a name that says when,
and its entries are carried over as far as SQLite can read them. What is carried over
is trusted no more than any other row: its seal is checked when it is opened.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from afml_cache.store import notes
from afml_cache.store.claims import BadEntryError
from afml_cache.store.rows import (
    SLOT_SIZE,
    Row,
    add_counter,
    insert,
    is_value_name,
    row_from_record,
)
from afml_cache.store.schema import ERRORS
from afml_cache.store.valuefile import pack_record, read_record, unpack_record

#: The function of an entry of which nothing but its value is left.
UNKNOWN = "(unknown)"
#: What SQLite may keep beside an index, by what is added to its name.
BESIDE = ("-wal", "-shm", "-journal")


def set_aside(path: Path) -> Path:
    """Rename a damaged index and the files beside it; returns the new name."""
    stamp = time.strftime("%Y%m%dT%H%M%S")
    aside = path.with_name(f"{path.name}.corrupt-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.corrupt-{stamp}-{number}")
    path.rename(aside)
    for suffix in BESIDE:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def were_set_aside(base: Path) -> list[Path]:
    """Damaged indexes that were moved aside in a store's directory and are still there."""
    found = base.glob("index.sqlite.corrupt-*")
    return sorted(path for path in found if not path.name.endswith(BESIDE))


def attach_values(cursor: sqlite3.Cursor, values: Path) -> int:
    """Give every sound value file a row again; of two for one key the newer one gets it."""
    attached = 0
    best: dict[bytes, Row] = {}
    for path in value_files(values):
        try:
            digest, owner, record = read_record(path, None)
            row = row_from_record(digest + owner, record, path.name, path.stat().st_size)
        except (BadEntryError, OSError):
            continue  # half a file, or none of ours: it is left where it is
        held = best.get(row.slot)
        if held is None or held.created < row.created:
            best[row.slot] = row
    for row in best.values():
        insert(cursor, row)
        attached += 1
    return attached


def salvage(cursor: sqlite3.Cursor, damaged: Path) -> int:
    """Carry rows over from a damaged index; returns how many there were."""
    address = f"{damaged.as_uri()}?mode=ro"
    carried = 0
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=0)) as old:
        old.text_factory = lambda data: data.decode("utf-8", "replace")
        present = {slot for (slot,) in cursor.execute("SELECT slot FROM entry")}
        # A damaged page of one table does not hide what the other one names.
        named = [
            slot
            for table in ("entry", "claim")
            for (slot,) in _both_ways(old, table, "slot")
            if isinstance(slot, bytes) and slot not in present
        ]
        for slot in dict.fromkeys(named):
            row = _row(old, slot)
            if row is not None:
                insert(cursor, row)
                carried += 1
        # A value file does not know when it was last used: by that, it would be the first to go.
        for slot, used in _both_ways(old, "claim", "slot, used"):
            if slot in present and isinstance(used, int | float) and 0 < used < time.time() + 1:
                cursor.execute("UPDATE claim SET used=max(used, ?) WHERE slot=?", (used, slot))
        counted: set[tuple[str, str]] = set()
        for function, name, value in _both_ways(old, "counter", "function, name, value"):
            if (
                isinstance(function, str)
                and isinstance(name, str)
                and isinstance(value, int | float)
                and (function, name) not in counted
            ):
                counted.add((function, name))
                add_counter(cursor, function, name, value)
        with contextlib.suppress(*ERRORS):  # a note that is lost is told to be
            notes.copy(old.cursor(), cursor, notes.codes(old.cursor()))
    return carried


def value_files(values: Path) -> Iterator[Path]:
    """Every file in a folder of values that bears the name of one."""
    for folder in sorted(values.glob("[0-9a-f][0-9a-f]")):
        with contextlib.suppress(OSError), os.scandir(folder) as items:
            for item in items:
                if is_value_name(item.name) and item.is_file(follow_symlinks=False):
                    yield Path(item.path)


def _both_ways(old: sqlite3.Connection, table: str, columns: str) -> Iterator[tuple[Any, ...]]:
    """The rows of a table from the front until it breaks, then from the back."""
    first = columns.split(",")[0]
    for direction in ("ASC", "DESC"):
        # An error is where the damage begins.
        with contextlib.suppress(*ERRORS):
            yield from old.execute(f"SELECT {columns} FROM {table} ORDER BY {first} {direction}")
            return


def _row(old: sqlite3.Connection, slot: bytes) -> Row | None:
    """The row of a value that is in the index itself, from what of it can be read."""
    body = _one(old, "SELECT body FROM entry WHERE slot=?", slot)
    if len(slot) != SLOT_SIZE or not (body and isinstance(body[0], bytes)):
        return None  # rows that name a file have been made again from the file
    packed = _one(old, "SELECT packed FROM description WHERE slot=?", slot)
    described = packed[0] if packed and isinstance(packed[0], bytes) else pack_record({})
    try:
        says = unpack_record(described)
    except BadEntryError:
        says, described = {}, pack_record({})
    claim = _one(
        old,
        "SELECT function, code, environment, arguments, first, last, aware, seconds, size, "
        "created, used, expires FROM claim WHERE slot=?",
        slot,
    )
    function = claim[0] if claim and isinstance(claim[0], str) else UNKNOWN
    if isinstance(says.get("module"), str) and isinstance(says.get("qualname"), str):
        function = f"{says['module']}.{says['qualname']}"
    size, now = len(body[0]) + len(described), time.time()
    if claim:
        code, environment, arguments, first, last, aware, seconds, _, created, used = claim[1:11]
        digests = (code, environment, arguments)
        numbers = (seconds, created, used)
        if all(isinstance(one, bytes) for one in digests) and all(map(_is_number, numbers)):
            span = (first, last, aware)
            times = (created, used, claim[11])
            return Row(slot, body[0], function, *digests, *span, seconds, size, *times, described)
    # It is sealed and can be served; what it took, and of which code it is, nobody knows.
    return Row(
        *(slot, body[0], function, b"", b"", b"", None, None, None),
        *(0.0, size, now, now, None, described),
    )


def _one(old: sqlite3.Connection, query: str, slot: bytes) -> tuple[Any, ...] | None:
    try:
        found: tuple[Any, ...] | None = old.execute(query, (slot,)).fetchone()
    except ERRORS:
        return None
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and value >= 0
