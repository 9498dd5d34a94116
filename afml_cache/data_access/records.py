"""``<base>/records/data_access.sqlite``: every access that was logged, never cleared or evicted.

One row a data set, purpose, stretch of time and line of code, with a count. Each access is
committed before the call goes on, so that a process that is killed loses nothing that it logged,
and counts of many processes add up.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from afml_cache import notices
from afml_cache.data_access.anew import move_rows, set_orphans_aside
from afml_cache.data_access.caller import Caller
from afml_cache.data_access.purposes import Use, use_of
from afml_cache.data_access.trained import Trained, note_training, trained_before
from afml_cache.keys.extent import Extent
from afml_cache.store import location
from afml_cache.store.as_it_lies import reading

FILE = "data_access.sqlite"

#: Seconds to wait for other processes that write.
_PATIENCE = 30.0

_TABLE = """
CREATE TABLE IF NOT EXISTS access (
    dataset TEXT NOT NULL,
    purpose TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    aware INTEGER NOT NULL,
    file TEXT NOT NULL,
    line INTEGER NOT NULL,
    function TEXT NOT NULL,
    count INTEGER NOT NULL,
    first_use REAL NOT NULL,
    last_use REAL NOT NULL,
    PRIMARY KEY (dataset, purpose, first, last, aware, file, line, function)
) WITHOUT ROWID
"""
#: When a stretch was last tested by a process that had trained on nothing itself; 0: never.
_TESTED_TABLE = """
CREATE TABLE IF NOT EXISTS tested (
    dataset TEXT NOT NULL,
    purpose TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    aware INTEGER NOT NULL,
    alone REAL NOT NULL,
    PRIMARY KEY (dataset, purpose, first, last, aware)
) WITHOUT ROWID
"""
#: What a process tested, with what it had trained on since the test before and overlaps it.
_TRAINED_TABLE = """
CREATE TABLE IF NOT EXISTS trained (
    dataset TEXT NOT NULL,
    purpose TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    aware INTEGER NOT NULL,
    trained_purpose TEXT NOT NULL,
    trained_first INTEGER NOT NULL,
    trained_last INTEGER NOT NULL,
    trained_aware INTEGER NOT NULL,
    PRIMARY KEY (
        dataset, purpose, first, last, aware,
        trained_purpose, trained_first, trained_last, trained_aware
    )
) WITHOUT ROWID
"""
_TEST = """
INSERT INTO tested VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET alone = max(alone, excluded.alone)
"""
_TRAIN = "INSERT OR IGNORE INTO trained VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_COUNT = """
INSERT INTO access VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?)
ON CONFLICT DO UPDATE SET
    count = count + 1,
    first_use = min(first_use, excluded.first_use),
    last_use = max(last_use, excluded.last_use)
"""


@dataclass(frozen=True, slots=True)
class Access:
    """Accesses of one line of code to one stretch of a data set, for one purpose.

    ``first_use`` and ``last_use`` are seconds since 1970.
    """

    dataset: str
    purpose: str
    extent: Extent
    by: Caller
    count: int
    first_use: float
    last_use: float


#: A data set, a purpose, and the stretch that was tested.
Tested = tuple[str, str, Extent]


@dataclass(frozen=True, slots=True)
class Judged:
    """What tests were of.

    ``alone``: when a stretch was last tested by a process that had trained on nothing itself (0:
    never). ``trained``: what overlaps a tested stretch, and had been trained on for that test.
    """

    alone: dict[Tested, float]
    trained: dict[Tested, list[Trained]]


class AccessRecords:
    """The records below one cache directory. Reading and writing raise OSError or sqlite3.Error."""

    __slots__ = ("directory", "path")

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / location.RECORDS / FILE

    def count(self, dataset: str, purpose: str, extent: Extent, by: Caller) -> None:
        """Count one access, now."""
        now = time.time()
        values = (
            *(dataset, purpose, extent.first, extent.last, int(extent.aware)),
            *(_storable(by.file), by.line, by.function, now, now),
        )
        use = use_of(purpose)
        if use is not Use.TESTING:
            with _connected(self) as db:
                db.execute(_COUNT, values)
            if use in (Use.TRAINING, Use.TUNING):
                note_training(self.path, dataset, (purpose, extent))
            return
        trained = trained_before(self.path, dataset, extent)
        tested = values[:5]
        with _connected(self) as db, _at_once(db):
            db.execute(_COUNT, values)
            db.execute(_TEST, (*tested, now if trained is None else 0.0))
            for of, span in trained or ():
                db.execute(_TRAIN, (*tested, of, span.first, span.last, int(span.aware)))

    def accesses(self) -> list[Access]:
        """All of them, by data set and in the order of their first use."""
        return self.judged()[0]

    def judged(self) -> tuple[list[Access], Judged]:
        """All of them, and what tests were of, at one moment."""
        judged = Judged({}, {})
        if not self.path.exists():
            return [], judged
        query = "SELECT * FROM access ORDER BY dataset, first_use"
        with reading(self.path, _PATIENCE) as db, _at_once(db, "BEGIN"):
            accesses = [_access(*row) for row in db.execute(query)]
            names = db.execute("SELECT name FROM sqlite_master WHERE name IN ('tested', 'trained')")
            if len(names.fetchall()) < 2:  # begun before tests were judged, and not opened since
                return accesses, judged
            for dataset, purpose, first, last, aware, alone in db.execute("SELECT * FROM tested"):
                judged.alone[dataset, purpose, Extent(first, last, bool(aware))] = alone
            for dataset, purpose, first, last, aware, *of in db.execute("SELECT * FROM trained"):
                tested = dataset, purpose, Extent(first, last, bool(aware))
                trained = of[0], Extent(of[1], of[2], bool(of[3]))
                judged.trained.setdefault(tested, []).append(trained)
        return accesses, judged

    def begin_anew(self) -> Path | None:
        """Move all of them to an archive beside the file; None where there are none."""
        if not self.path.exists():
            return None
        with _locked(self):
            return move_rows(self.path, _PATIENCE, _make_tables)


def _access(
    dataset: str,
    purpose: str,
    first: int,
    last: int,
    aware: int,
    file: str,
    line: int,
    function: str,
    count: int,
    first_use: float,
    last_use: float,
) -> Access:
    extent, by = Extent(first, last, bool(aware)), Caller(file, line, function)
    return Access(dataset, purpose, extent, by, count, first_use, last_use)


def _storable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()


@dataclass(slots=True)
class _Open:
    """The connection of this process, and the file that it was opened to."""

    path: Path
    process: int
    inode: tuple[int, int]
    db: sqlite3.Connection


_lock = threading.Lock()
_open: _Open | None = None


@contextlib.contextmanager
def _connected(records: AccessRecords) -> Iterator[sqlite3.Connection]:
    """The connection of this process, for one thread at a time; made where there is none."""
    global _open
    with _lock:
        known = _open
        if (
            known is None
            or known.path != records.path
            or known.process != os.getpid()
            or known.inode != _inode(records.path)  # somebody moved the records away
        ):
            if known is not None and known.process == os.getpid():
                known.db.close()
            _open = None
            db = _new(records)
            _open = known = _Open(records.path, os.getpid(), _inode(records.path), db)
        yield known.db


def _inode(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return (0, 0)
    return found.st_dev, found.st_ino


@contextlib.contextmanager
def _locked(records: AccessRecords) -> Iterator[None]:
    """One process at a time: changing the journal does not wait for those that do the same."""
    from filelock import FileLock, Timeout

    lock = FileLock(records.path.with_suffix(".lock"), timeout=_PATIENCE, mode=0o600)
    try:
        lock.acquire()
    except Timeout as error:
        raise sqlite3.OperationalError(f"another process keeps {lock.lock_file} locked") from error
    try:
        yield
    finally:
        lock.release()


def _new(records: AccessRecords) -> sqlite3.Connection:
    location.make_folder(records.directory, records.path.parent)
    with _locked(records):
        return _set_up(records)


def _make_tables(db: sqlite3.Connection) -> None:
    for table in (_TABLE, _TESTED_TABLE, _TRAINED_TABLE):
        db.execute(table)


@contextlib.contextmanager
def _at_once(db: sqlite3.Connection, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """All statements in one transaction."""
    db.execute(begin)
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _set_up(records: AccessRecords) -> sqlite3.Connection:
    if not records.path.exists():
        for log in set_orphans_aside(records.path):
            notices.warn_once(
                ("access_log_left", str(log)),
                f"{records.path} was moved away without its write-ahead log, which holds accesses: "
                f"it lies in {log.name} now; rename it to the name of the moved file with '-wal' "
                "added, beside that file, and they are read again. To begin anew, use "
                "DataAccessTracker().begin_anew(), which takes all along",
            )
        # Names of files and functions lie there; the folder may be one that others can read.
        os.close(os.open(records.path, os.O_CREAT | os.O_RDWR, 0o600))
    db = sqlite3.connect(
        records.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
    )
    try:
        # A log that is written ahead takes a commit without waiting for the disk, and survives
        # the death of any process; on a network it would need memory that machines share.
        network = location.is_network(records.directory)
        db.execute(f"PRAGMA journal_mode={'delete' if network else 'wal'}")
        db.execute(f"PRAGMA synchronous={'full' if network else 'normal'}")
        _make_tables(db)
    except BaseException:
        db.close()
        raise
    return db


def _after_fork() -> None:
    global _lock, _open
    _lock = threading.Lock()  # another thread of the parent may have held it
    # The parent's connection must not be used, and not be closed here either.
    if _open is not None:
        _left_alone.append(_open)
    _open = None


_left_alone: list[_Open] = []
os.register_at_fork(after_in_child=_after_fork)
