"""What can be read of damaged records, carried over into new ones.

Rows are read around the damage, down to the single row. A file whose first page is damaged, which
says where everything lies, is read through a copy with a first page as that of any such file. The
ledger lies there three times: as the trials, as the index of them, and in the runs, of which each
is a trial. Only where all of that is damaged may there have been more trials than are counted.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from afml_cache.backtests import tables
from afml_cache.store.repair import BESIDE
from afml_cache.store.schema import ERRORS

#: Looks that fail before the rest is given up: a lost leaf of ten rows takes some twenty.
_FAILURES = 200_000
#: Bytes that a row takes at the least, and commonly.
_LEAST, _COMMON = 16, 256
#: The largest time that is believed, in seconds since the epoch: a hundred centuries.
_LATEST = 2.5e11
_INDEXES = {
    "run": ("run_by_strategy", "run_by_call"),
    "trial": ("sqlite_autoindex_trial_1",),
}


@dataclass(slots=True)
class Carried:
    """What was carried over.

    Attributes
    ----------
    rows : dict
        Table -> rows.
    exact : bool
        Whether every trial that was in the ledger is in it again.
    """

    rows: dict[str, int] = field(default_factory=dict)
    exact: bool = False

    def __str__(self) -> str:
        return ", ".join(f"{count:,} {table}s" for table, count in self.rows.items()) or "nothing"


def carry_over(aside: Path, cursor: sqlite3.Cursor) -> Carried:
    """Copy what can be read of a damaged file into new tables, within a transaction."""
    with _opened(aside, "ro") as old:
        if _has_tables(old):
            return _copy(old, aside.stat().st_size, cursor)
    with _with_new_first_page(aside) as patched, _opened(patched, "rw") as old:
        return _copy(old, patched.stat().st_size, cursor)


@contextlib.contextmanager
def _opened(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    address = f"{path.as_uri()}?mode={mode}"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=0)) as old:
        with contextlib.suppress(*ERRORS):  # which every further question raises
            old.execute("PRAGMA writable_schema=ON")  # reads a file that is shorter than it says
            old.execute("PRAGMA cell_size_check=ON")
        yield old


def _has_tables(old: sqlite3.Connection) -> bool:
    query = "SELECT count(*) FROM sqlite_master WHERE type='table' AND name IN ('run', 'trial')"
    try:
        return bool(old.execute(query).fetchone()[0] == 2)
    except ERRORS:
        return False


@contextlib.contextmanager
def _with_new_first_page(aside: Path) -> Iterator[Path]:
    """A copy whose first page is that of new records, in which all tables lie at the same place."""
    with contextlib.closing(sqlite3.connect(":memory:")) as new:
        tables.create(new.cursor())
        (size,) = new.execute("PRAGMA page_size").fetchone()
        page = bytearray(new.serialize()[:size])
    copy = aside.with_name(f"{aside.name}.copy")
    log = aside.with_name(f"{aside.name}-wal")
    try:
        shutil.copyfile(aside, copy)
        if log.exists():
            shutil.copyfile(log, copy.with_name(f"{copy.name}-wal"))
            page[18:20] = b"\2\2"  # there is a write-ahead log, to be read
        page[28:32] = (copy.stat().st_size // size).to_bytes(4, "big")
        page[92:96] = page[24:28]  # believe that number of pages
        with copy.open("r+b") as file:
            file.write(page)
        yield copy
    finally:
        for suffix in ("", *BESIDE):
            copy.with_name(copy.name + suffix).unlink(missing_ok=True)


def _copy(old: sqlite3.Connection, size: int, cursor: sqlite3.Cursor) -> Carried:
    before = {table: _count(cursor, table) for table in _INDEXES}
    whole = {}
    for table, columns in (("run", tables.RUN), ("trial", f"id, {tables.SAID}")):
        marks = ", ".join("?" * len(columns.split(", ")))
        insert = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})"
        whole[table] = True
        for row in _rows(old, table, columns, size):
            if row is None or not _is_sound(dict(zip(columns.split(", "), row, strict=True))):
                whole[table] = False
            else:
                cursor.execute(insert, row)
    # What each of them proves to have been tried is tried.
    cursor.execute(
        f"INSERT OR IGNORE INTO trial (id, {tables.SAID}) SELECT trial, {tables.SAID} FROM run "
        "ORDER BY created, rowid"
    )
    indexed = True
    for row in _indexed(old):
        if row is None or not (type(row[0]) is str and type(row[1]) is bytes and len(row[1]) == 16):
            indexed = False
        else:
            cursor.execute(_NAMELESS, row)
    rows = {table: _count(cursor, table) - before[table] for table in _INDEXES}
    return Carried(rows, exact=(whole["trial"] or indexed) and not _is_marked(old))


#: A trial of which nothing else is known. It was made before all of which more is known.
_NAMELESS = (
    f"INSERT OR IGNORE INTO trial (strategy, id, {tables.SAID.removeprefix('strategy, ')}) "
    "VALUES (?, ?, '', x'', x'', x'', '{}', '{}', '[]', '{}', '{}', 0.0, 0.0, NULL)"
)


def _count(cursor: sqlite3.Cursor, table: str) -> int:
    return int(cursor.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def _is_marked(old: sqlite3.Connection) -> bool:
    try:
        return tables.is_lower_bound(old.cursor())
    except ERRORS:
        return True


def _rows(
    old: sqlite3.Connection, table: str, columns: str, size: int
) -> Iterator[tuple[Any, ...] | None]:
    """The rows of a table; None for each stretch that cannot be read."""
    query = f"SELECT rowid, {columns} FROM {table} WHERE rowid BETWEEN ? AND ? ORDER BY rowid"
    stretches, failures = [(1, _last(old, table, size))], 0
    while stretches:
        low, high = stretches.pop()
        try:
            for rowid, *row in old.execute(query, (low, high)):
                low = max(low, rowid + 1)
                yield tuple(row)
        except ERRORS:
            failures += 1
            if low >= high or failures > _FAILURES:
                yield None
                continue
            middle = (low + high) // 2
            stretches += [(middle + 1, high), (low, middle)]


def _last(old: sqlite3.Connection, table: str, size: int) -> int:
    """The greatest number of a row, as any of table and indexes has it."""
    found = []
    for index in ("", *(f"INDEXED BY {name}" for name in _INDEXES[table])):
        with contextlib.suppress(*ERRORS):
            (last,) = old.execute(f"SELECT max(rowid) FROM {table} {index}").fetchone()
            found.append(last or 0)
    return min(max(found), size // _LEAST) if found else size // _COMMON


def _indexed(old: sqlite3.Connection) -> Iterator[tuple[Any, ...] | None]:
    """Strategy and id of the trials, from their index: from the front, and then from the back."""
    (index,) = _INDEXES["trial"]
    for direction in ("ASC", "DESC"):
        try:
            yield from old.execute(
                f"SELECT strategy, id FROM trial INDEXED BY {index} "
                f"ORDER BY strategy {direction}, id {direction}"
            )
            return
        except ERRORS:
            yield None


def _is_sound(row: dict[str, Any]) -> bool:
    """Whether a row can have been written; one that cannot would break every question."""
    texts = ("strategy", "function", *_JSON)
    digests = ("parameters_digest", "data_digest", "code")
    if not all(type(row[name]) is str for name in texts):
        return False
    if not all(type(row[name]) is bytes for name in digests):
        return False
    if not all(type(row[name]) is float for name in ("seconds", "created")):
        return False
    trial = row.get("trial", row["id"])
    if type(trial) is not bytes or len(trial) != 16 or not 0 <= row["created"] < _LATEST:
        return False
    if "trial" in row and not (type(row["id"]) is str and _is_origin(row)):
        return False
    try:
        return all(type(json.loads(row[name])) is kind for name, kind in _JSON.items())
    except ValueError:
        return False


_JSON = {
    "parameters": dict,
    "parameter_types": dict,
    "data": list,
    "metrics": dict,
    "metric_types": dict,
}


def _is_origin(row: dict[str, Any]) -> bool:
    texts = ("user", "host", "git_commit", "trades", "equity")
    kinds = {**dict.fromkeys(texts, str), "pid": int, "split": int}
    return all(row[name] is None or type(row[name]) is kind for name, kind in kinds.items())
