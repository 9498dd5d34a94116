"""What is wrong with an index file, found out without opening it as a store does.

Whoever uses a store repairs a damaged index on the way, so that a person who asks has to look
first. Nothing is made or changed by looking.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from afml_cache.outcomes import Reason
from afml_cache.store.claims import Problem
from afml_cache.store.header import check_header
from afml_cache.store.repair import value_files
from afml_cache.store.schema import (
    CORRUPT,
    ERRORS,
    NewerIndexError,
    cause_of,
    is_current,
)

_INDEX, _VALUES = "index.sqlite", "values"
#: What an index keeps for itself, and is lost with it.
_LOST = "small results and all statistics, which it held by itself, are lost with it"
_PERHAPS_LOST = "small results and statistics are lost as far as they cannot be read any more"
#: So often a file is looked at again that somebody has begun to write to meanwhile.
_LOOKS = 5


@dataclass(frozen=True, slots=True)
class IndexState:
    """What an index file looks like.

    Parameters
    ----------
    problem : Problem or None
        What is wrong with the file; what its rows say of each other is another matter.
    entries : int or None
        How many entries it names; None where that cannot be read.
    """

    problem: Problem | None = None
    entries: int | None = None


def state_of(base: Path, *, thoroughly: bool = True) -> IndexState:
    """Look at the index of the store in a directory.

    Parameters
    ----------
    base : Path
    thoroughly : bool, optional
        Read every page. False: the header and the tables.
    """
    index = base / _INDEX
    if not index.exists() or (index.is_file() and index.stat().st_size == 0):
        return _of_none(index, base / _VALUES)
    for _ in range(_LOOKS):
        before = _version(index)
        state = _look(index, thoroughly)
        if state.problem is None or _version(index) == before:
            return state
    return _look(index, thoroughly, in_use=True)


def missing_files(base: Path) -> tuple[int, int]:
    """How many value files the index names, and how many of them are gone."""
    query = "SELECT body FROM entry WHERE typeof(body) = 'text'"
    with contextlib.suppress(*ERRORS), reading(base / _INDEX) as cursor:
        named = {str(body) for (body,) in cursor.execute(query)}
        present = {path.name for path in value_files(base / _VALUES)}
        return len(named), len(named - present)
    return 0, 0


def contradictions(base: Path) -> int:
    """How many entries have a row in one table of the index and none in another."""
    query = (
        "SELECT (SELECT count(*) FROM entry WHERE slot NOT IN (SELECT slot FROM claim)) + "
        "(SELECT count(*) FROM claim WHERE slot NOT IN (SELECT slot FROM entry))"
    )
    with contextlib.suppress(*ERRORS), reading(base / _INDEX) as cursor:
        return int(cursor.execute(query).fetchone()[0])
    return 0


def owners(base: Path) -> dict[bytes, int]:
    """How many entries each secret has sealed, by its id."""
    query = "SELECT substr(slot, 17), count(*) FROM entry WHERE typeof(slot) = 'blob' GROUP BY 1"
    with contextlib.suppress(*ERRORS), reading(base / _INDEX) as cursor:
        return {bytes(owner): int(count) for owner, count in cursor.execute(query)}
    return {}


@contextlib.contextmanager
def reading(index: Path, *, in_use: bool = False) -> Iterator[sqlite3.Cursor]:
    """Read an index; where nobody has it open, nothing is made beside it.

    ``in_use``: somebody has it open, though nothing beside it shows that.
    """
    log, shared, journal = (
        index.with_name(index.name + suffix) for suffix in ("-wal", "-shm", "-journal")
    )
    in_use = in_use or journal.exists()
    in_use = in_use or (log.exists() and (shared.exists() or log.stat().st_size > 0))
    how = "mode=ro" if in_use else "mode=ro&immutable=1"
    address = f"{index.absolute().as_uri()}?{how}"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=1.0)) as connection:
        yield connection.cursor()


def _version(index: Path) -> tuple[object, ...]:
    log = index.with_name(index.name + "-wal")
    with contextlib.suppress(FileNotFoundError):
        status = index.stat()
        return status.st_ino, status.st_size, status.st_mtime_ns, log.exists()
    return ()


def _look(index: Path, thoroughly: bool, *, in_use: bool = False) -> IndexState:
    try:
        check_header(index)
        with reading(index, in_use=in_use) as cursor:
            if not is_current(cursor):
                return _of_none(index, index.with_name(_VALUES))
            said = []
            if thoroughly:
                said = [str(text) for (text,) in cursor.execute("PRAGMA integrity_check(20)")]
            (entries,) = cursor.execute("SELECT count(*) FROM entry").fetchone()
            wrong = [text for text in said if text != "ok"]
            return IndexState(_damaged(wrong[0]) if wrong else None, entries)
    except (*ERRORS, NewerIndexError, OSError) as error:
        if cause_of(error) != CORRUPT:
            return IndexState()  # opening it as a store tells what hinders it
        return IndexState(_damaged(error))


def _of_none(index: Path, values: Path) -> IndexState:
    """Without an index: was there one?"""
    if not values.is_dir() or not any(values.iterdir()):
        return IndexState(entries=0)
    left = sum(1 for _ in value_files(values))
    what = "it is empty" if index.exists() else "it is gone"
    told = f"{what}, while {left:,} value files are there: {_LOST}"
    return IndexState(_problem(told), 0)


def _damaged(why: object) -> Problem:
    return _problem(f"it is damaged ({why}): {_PERHAPS_LOST}")


def _problem(detail: str) -> Problem:
    return Problem(None, None, Reason.UNREADABLE, detail)
