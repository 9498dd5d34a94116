"""The queue of runs, ``<base>/records/mlflow-queue.sqlite``, and what became of each.

A record is written here before its function runs, again when that is over, and sent then; it stays
as the way from a key to its run. Whoever writes or sends one holds a lock of the kernel on it: a
record that has begun and is not locked belongs to a process that died. Records are sealed as the
values of the cache are, with the checksums of their files; what does not fit its seal is not sent.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from afml_cache.store import location
from afml_cache.store.claims import UnavailableError
from afml_cache.store.flight import FileLock
from afml_cache.store.seal import TRACKED, Sealer
from afml_cache.tracking.record import Record

T = TypeVar("T")

FILE, FOLDER = "mlflow-queue.sqlite", "mlflow-queue"
BEGUN, READY, SENT, REFUSED, ARCHIVED = "begun", "ready", "sent", "refused", "archived"
#: Seconds to wait for another process.
_PATIENCE = 3.0
#: Seconds until what could not be sent is tried again: at first, and at most.
_FIRST_PAUSE, _LAST_PAUSE = 5.0, 600.0
#: Keys that are asked for in one question.
_AT_ONCE = 500
_TABLES = (
    "CREATE TABLE IF NOT EXISTS run (record TEXT PRIMARY KEY, key TEXT, function TEXT, state TEXT, "
    "body TEXT, sealer BLOB, seal BLOB, created REAL, tries INTEGER DEFAULT 0, due REAL DEFAULT 0, "
    "error TEXT, uri TEXT, run_id TEXT, status TEXT, hits INTEGER DEFAULT 0, "
    "told INTEGER DEFAULT 0, last_hit REAL, parent TEXT)",
    "CREATE INDEX IF NOT EXISTS run_by_key ON run (key, created)",
    "CREATE INDEX IF NOT EXISTS run_by_state ON run (state, due)",
    "CREATE INDEX IF NOT EXISTS run_by_parent ON run (parent) WHERE parent IS NOT NULL",
)
#: What a damaged, locked, full or missing file can raise.
FAULTS = (sqlite3.Error, OSError, UnavailableError, UnicodeError)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the queue knows of one record.

    ``tries`` counts how often it was begun to be sent; ``error`` is what kept it the last time.
    """

    record: str
    key: str
    function: str
    state: str
    created: float
    tries: int
    error: str | None
    uri: str
    run_id: str | None
    status: str | None
    hits: int
    parent: str | None = None


_COLUMNS = "record, key, function, state, created, tries, error, uri, run_id, status, hits, parent"


class DamagedRecordError(Exception):
    """A record or one of its files is not what was written."""


class OthersRecordError(DamagedRecordError):
    """A record is sealed with another secret: whoever has that can send it."""


class Outbox:
    """The queue of one cache directory; a connection a question, since questions are rare.

    Its methods raise one of `FAULTS` where the file cannot be read or written.
    """

    __slots__ = ("directory", "folder", "path")

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / location.RECORDS / FILE
        self.folder = directory / location.RECORDS / FOLDER

    # -- writing ---------------------------------------------------------------------

    def lock(self, record: str) -> FileLock:
        """The lock of a record, not yet taken."""
        return FileLock(self.folder / f"{record}.lock")

    def files(self, record: str) -> Path:
        """The folder of its files."""
        return self.folder / record

    def put(self, record: Record, state: str, sealer: Sealer) -> Record:
        """Write a record down, or anew; returns it with the checksums of its files."""
        record = replace(record, files=_checksums(self.files(record.record)))
        body = record.to_json()
        seal = sealer.seal(TRACKED, body.encode())
        row = (
            *(record.record, record.key, record.function, state, body, sealer.id, seal),
            *(time.time(), record.place.uri, record.run_id, record.status, record.parent),
        )
        self._write(
            lambda db: db.execute(
                "INSERT INTO run (record, key, function, state, body, sealer, seal, created, uri, "
                "run_id, status, parent) VALUES (?,?,?,?,?,?,?,?,?,?,?,?) "
                "ON CONFLICT (record) DO UPDATE SET state=excluded.state, body=excluded.body, "
                "seal=excluded.seal, run_id=excluded.run_id, status=excluded.status, "
                "uri=excluded.uri, parent=excluded.parent",
                row,
            )
        )
        return record

    def said(self, record: str, sealer: Sealer) -> Record:
        """A record as it was written; its files are left to who holds its lock.

        Raises
        ------
        DamagedRecordError
            It does not fit the seal, or (`OthersRecordError`) was sealed with another secret.
        """
        rows = self._read("SELECT body, seal, sealer FROM run WHERE record=?", (record,))
        if not rows or not isinstance(rows[0][0], str) or not isinstance(rows[0][1], bytes):
            raise DamagedRecordError("it is not there")
        body, seal, by = rows[0]
        if by != sealer.id:
            raise OthersRecordError("it was written with another secret (AFML_CACHE_SECRET)")
        if not sealer.fits(seal, TRACKED, body.encode()):
            raise DamagedRecordError("it does not fit its seal")
        return Record.from_json(body)

    def read(self, record: str, sealer: Sealer) -> Record:
        """A record as it was written, its files as they were: for who holds its lock.

        Files that are not of it are removed: a process that died has left them.

        Raises
        ------
        DamagedRecordError
            It, or one of its files, does not fit the seal.
        """
        found = self.said(record, sealer)
        for path in set(_files(self.files(record))) - set(found.files):
            (self.files(record) / path).unlink()  # who wrote it had no time to write it down
        for path, (size, mark) in found.files.items():
            file = self.files(record) / path
            if not file.is_file() or file.stat().st_size != size or _checksum(file) != mark:
                raise DamagedRecordError(f"its file {path} is not what was written")
        return found

    def begun(self, record: str, run_id: str) -> None:
        """Note which run was made of a record that is not over."""
        self._write(
            lambda db: db.execute("UPDATE run SET run_id=? WHERE record=?", (run_id, record))
        )

    def trying(self, record: str) -> int:
        """Note that it is about to be sent; how often that was begun before."""

        def note(db: sqlite3.Connection) -> int:
            db.execute("UPDATE run SET tries=tries+1 WHERE record=?", (record,))
            row = db.execute("SELECT tries FROM run WHERE record=?", (record,)).fetchone()
            return int(row[0]) - 1 if row else 0

        return self._write(note)

    def without_files(self, record: str) -> None:
        """Remove the files of a record: there is no room for them, or no use."""
        shutil.rmtree(self.files(record), ignore_errors=True)

    def sent(self, record: str, run_id: str, status: str) -> None:
        """Note that it is with MLflow, and remove its files."""
        self._write(
            lambda db: db.execute(
                "UPDATE run SET state=?, run_id=?, status=?, body=NULL, seal=NULL, error=NULL "
                "WHERE record=?",
                (SENT, run_id, status, record),
            )
        )
        shutil.rmtree(self.files(record), ignore_errors=True)

    def failed(self, record: str, why: str, *, for_good: bool = False) -> None:
        """Note that it could not be sent now; or that it never can be, and is kept as it is."""

        def note(db: sqlite3.Connection) -> None:
            (tries,) = db.execute("SELECT tries FROM run WHERE record=?", (record,)).fetchone()
            pause = min(_FIRST_PAUSE * 2 ** min(tries, 20), _LAST_PAUSE)
            db.execute(
                "UPDATE run SET error=?, due=?, state=CASE WHEN ? THEN ? ELSE state END "
                "WHERE record=?",
                (why[:2000], time.time() + pause, for_good, REFUSED, record),
            )

        self._write(note)

    def unanswered(self, records: list[str], why: str) -> None:
        """Note what keeps records that nobody has begun to send, or that are still being sent."""
        self._write(
            lambda db: db.executemany(
                "UPDATE run SET error=? WHERE record=? AND state IN (?, ?)",
                [(why[:2000], record, BEGUN, READY) for record in records],
            )
        )

    def add_hits(self, counted: dict[str, tuple[int, float]]) -> None:
        """Add to the hits of keys: how many, and when the last one was."""

        def add(db: sqlite3.Connection) -> None:
            for key, (count, last) in counted.items():
                db.execute(
                    "UPDATE run SET hits=hits+?, last_hit=MAX(COALESCE(last_hit, 0), ?) WHERE "
                    f"record=({_LATEST})",
                    (count, last, key),
                )

        self._write(add)

    def told(self, record: str, hits: int) -> None:
        """Note that the run says so many hits."""
        self._write(lambda db: db.execute("UPDATE run SET told=? WHERE record=?", (hits, record)))

    def imported(self, record: str, uri: str, run_id: str, status: str, created: float) -> None:
        """Note a run that was not made here, and is with MLflow."""
        row = record, "", "", SENT, created, uri, run_id, status
        self._write(
            lambda db: db.execute(
                "INSERT OR IGNORE INTO run (record, key, function, state, created, uri, run_id, "
                "status) VALUES (?,?,?,?,?,?,?,?)",
                row,
            )
        )

    def archived(self, record: str) -> None:
        """Note that the run lies in an archive, and no more with MLflow."""
        self._write(
            lambda db: db.execute("UPDATE run SET state=? WHERE record=?", (ARCHIVED, record))
        )

    def forget(self, records: list[str]) -> None:
        """Take off records whose runs are no more."""
        self._write(
            lambda db: db.executemany("DELETE FROM run WHERE record=?", [(one,) for one in records])
        )

    # -- reading ---------------------------------------------------------------------

    def waiting(self, sealer: Sealer, *, all_of_them: bool = False) -> list[str]:
        """Records of this secret that are to be sent and due, the oldest first."""
        query = "SELECT record FROM run WHERE state IN (?, ?) AND sealer=? AND due<=? "
        due = float("inf") if all_of_them else time.time()
        rows = self._read(query + "ORDER BY created", (BEGUN, READY, sealer.id, due))
        return [one for (one,) in rows]

    def untold(self) -> list[tuple[str, str, str, int, float]]:
        """Record, address, run, hits, last hit of each run that does not say all its hits."""
        return self._read(
            "SELECT record, uri, run_id, hits, last_hit FROM run WHERE state=? AND hits>told",
            (SENT,),
        )

    def latest(self, key: str) -> Kept | None:
        """The latest record of a call that is over, and did not fail; None where there is none."""
        query = f"SELECT {_COLUMNS} FROM run WHERE record=({_LATEST})"
        rows = self._read(query, (key,))
        return Kept(*rows[0]) if rows else None

    def runs_of(self, keys: Sequence[str]) -> list[tuple[str, str, str]]:
        """Key, run and status of all runs of these keys that are with MLflow, the oldest first."""
        found: list[tuple[str, str, str]] = []
        for start in range(0, len(keys), _AT_ONCE):
            some = tuple(keys[start : start + _AT_ONCE])
            found += self._read(
                "SELECT key, run_id, status FROM run WHERE state=? AND run_id IS NOT NULL AND "
                f"key IN ({','.join('?' * len(some))}) ORDER BY created",
                (SENT, *some),
            )
        return found

    def key_of(self, digits: str) -> str | None:
        """The key of a call that is recorded and begins with these hex digits."""
        query = "SELECT key FROM run WHERE key>=? AND key<? LIMIT 1"
        rows = self._read(query, (digits, f"{digits}g"))  # what follows the last hex digit
        return rows[0][0] if rows else None

    def kept(self, record: str) -> Kept | None:
        """What is known of a record; None where there is none."""
        rows = self._read(f"SELECT {_COLUMNS} FROM run WHERE record=?", (record,))
        return Kept(*rows[0]) if rows else None

    def children(self, record: str) -> int:
        """How many records there are of the combinations of a study."""
        rows = self._read("SELECT COUNT(*) FROM run WHERE parent=?", (record,))
        return int(rows[0][0]) if rows else 0

    def unsent_children(self, record: str) -> int:
        """How many of them wait."""
        query = "SELECT COUNT(*) FROM run WHERE parent=? AND state IN (?, ?)"
        rows = self._read(query, (record, BEGUN, READY))
        return int(rows[0][0]) if rows else 0

    def every(self, *states: str) -> list[Kept]:
        """What is known of all records in these states, the oldest first."""
        marks = ",".join("?" * len(states))
        query = f"SELECT {_COLUMNS} FROM run WHERE state IN ({marks}) ORDER BY created"
        return [Kept(*row) for row in self._read(query, states)]

    # -- the file --------------------------------------------------------------------

    def _read(self, query: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        if not self.path.exists():
            return []
        with _connected(f"{self.path.as_uri()}?mode=ro", uri=True) as db:
            try:
                return db.execute(query, parameters).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):  # nobody has written any yet
                    return []
                raise

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if not self.path.exists():
            location.make_folder(self.directory, self.path.parent)
            # Parameters and metrics lie there; the folder may be open to others.
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        with _connected(str(self.path)) as db:
            db.execute("BEGIN IMMEDIATE")
            for statement in _TABLES:
                db.execute(statement)
            result = work(db)
            db.execute("COMMIT")
            return result


_LATEST = (
    "SELECT record FROM run WHERE key=? AND state IN ('ready', 'sent', 'refused') "
    "AND status='FINISHED' ORDER BY created DESC LIMIT 1"
)


@contextlib.contextmanager
def _connected(place: str, *, uri: bool = False) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(
        sqlite3.connect(place, uri=uri, timeout=_PATIENCE, isolation_level=None)
    ) as db:
        yield db


def _checksums(folder: Path) -> dict[str, tuple[int, str]]:
    return {
        path: ((folder / path).stat().st_size, _checksum(folder / path)) for path in _files(folder)
    }


def _files(folder: Path) -> list[str]:
    """The paths of all files below a folder."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
