"""The index: one SQLite file, a row an entry, shared by threads and processes.

A look-up is one query on a table that holds nothing but keys and small values. Every
fault of SQLite ends here: it is waited out, repaired, or raised as `UnavailableError`.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from afml_cache.notices import warn_once
from afml_cache.store import location
from afml_cache.store.claims import UnavailableError
from afml_cache.store.flight import FileLock
from afml_cache.store.header import check_header
from afml_cache.store.pool import Pool
from afml_cache.store.repair import BESIDE, attach_values, salvage, set_aside
from afml_cache.store.schema import (
    CORRUPT,
    ERRORS,
    GONE,
    LOCKED,
    SELECT_BODY,
    MovedIndexError,
    NewerIndexError,
    cause_of,
    create,
    is_current,
)

T = TypeVar("T")

#: How long a reader and a writer wait for another process, in seconds.
READ_PATIENCE = 0.5
WRITE_PATIENCE = 3.0
#: After a wait in vain nobody waits again for this long: a lock that stays must not
#: make every call slow.
_RESPITE = 0.5
#: How often a store that could only be read is tried for writing again.
_DEGRADED_FOR = 10.0


class Index:
    """Connections to the index of one store.

    Parameters
    ----------
    base : Path
        The directory of the store.
    read_only : bool, optional
        Read what is there; make and write nothing.
    durable : bool, optional
        False: do not wait for the disk, for a store that need not outlive the machine.
    """

    def __init__(self, base: Path, *, read_only: bool = False, durable: bool = True) -> None:
        self.base = base
        self.path = base / "index.sqlite"
        self.values = base / "values"
        self.journal: str | None = None  #: "wal" or "delete"; None before the first use
        self.writable = False
        self._read_only = read_only
        self._pool = Pool(durable=durable)
        self._identity: tuple[int, ...] | None = None
        self._address = ""
        self._prepared_at = 0.0
        self._respite: dict[float, float] = {}

    # -- the way in ------------------------------------------------------------------

    def body(self, slot: bytes) -> Any:
        """What the row of ``slot`` holds: bytes, the name of a file, or None for no row."""
        idle = self._pool.idle
        try:
            cursor = idle.pop()
        except IndexError:
            return self.read(lambda cursor: _body(cursor, slot))
        try:
            row = cursor.execute(SELECT_BODY, (slot,)).fetchone()
        except ERRORS:
            self._pool.discard(cursor)  # the slow way finds out what is wrong, and repairs
            return self.read(lambda cursor: _body(cursor, slot))
        except BaseException:  # an interrupt: the connection must not be lost sight of
            self._pool.discard(cursor)
            raise
        idle.append(cursor)
        return None if row is None else row[0]

    def read(self, work: Callable[[sqlite3.Cursor], T]) -> T:
        """Run ``work`` with a cursor; it may be run again after a fault."""
        return self._run(work, READ_PATIENCE)

    def write(self, work: Callable[[sqlite3.Cursor], T], patience: float | None = None) -> T:
        """Run ``work`` in one transaction; it may be run again after a fault.

        Raises
        ------
        UnavailableError
            Nothing has been written.
        """

        def transaction(cursor: sqlite3.Cursor) -> T:
            self._refuse_unless_writable()
            return _in_transaction(cursor, lambda: self._unless_moved(work, cursor))

        with self._pool.writing:
            self.refresh()
            return self._run(transaction, WRITE_PATIENCE if patience is None else patience)

    def require_writable(self) -> None:
        """Raise `UnavailableError` unless the index is there and can be written to."""
        self.refresh()
        self.read(lambda _: self._refuse_unless_writable())

    def _refuse_unless_writable(self) -> None:
        if not self.writable:
            raise UnavailableError(
                "read-only",
                f"The cache {self.base} cannot be written to: what it holds is used, new results "
                "are not stored. Make it writable or choose another directory.",
            )

    def _unless_moved(self, work: Callable[[sqlite3.Cursor], T], cursor: sqlite3.Cursor) -> T:
        # Whoever moves the index away holds the lock that this transaction has now; what is
        # written to a moved one would be out of everybody's sight.
        if self._identify() != self._identity:
            raise MovedIndexError("the index was moved away")
        return work(cursor)

    def refresh(self) -> None:
        """Notice that the index was removed or replaced, or can be written to again."""
        if self._identity is None:
            return
        degraded = not self.writable and time.monotonic() > self._prepared_at + _DEGRADED_FOR
        if degraded or self._identify() != self._identity:
            self.close()

    def absent(self) -> bool:
        """Whether there is no index and nothing to make one of; who looks on needs none."""
        return self._identity is None and not (self.path.exists() or self.values.is_dir())

    def vanished(self) -> bool:
        """Whether there was an index, and somebody has removed it."""
        return self._prepared_at > 0.0 and not self.path.exists()

    def making(self) -> FileLock:
        """The lock under which an index is made; nobody makes one while it is held."""
        return FileLock(self.base / "flights" / "index.lock")

    def close(self) -> None:
        """Close the connections that are not in use; the next use opens new ones."""
        with self._pool.opening:
            self._identity = None
            self._pool.close()

    # -- connections -----------------------------------------------------------------

    def _run(self, work: Callable[[sqlite3.Cursor], T], patience: float) -> T:
        started = time.monotonic()
        if started < self._respite.get(patience, 0.0):
            raise UnavailableError("locked", self._locked())
        pause, repaired = 0.001, 0
        while True:
            cursor = None
            idle = self._pool.idle
            try:
                cursor = self._take()
                result = work(cursor)
            except BaseException as error:
                if cursor is not None:
                    if cause_of(error) == LOCKED and not cursor.connection.in_transaction:
                        idle.append(cursor)
                    else:
                        self._pool.discard(cursor)  # and with it an open transaction
                cause = cause_of(error)
                if cause is None:
                    raise
                if cause == LOCKED and time.monotonic() < started + patience:
                    time.sleep(pause)
                    pause = min(2 * pause, 0.025)
                    continue
                if cause in (CORRUPT, GONE) and repaired < 2:
                    repaired += 1
                    if cause == CORRUPT:
                        self._repair(error, certain=repaired == 2)
                    self.close()
                    continue
                raise self._unavailable(cause, error, patience) from error
            idle.append(cursor)
            if self._respite:
                self._respite.pop(patience, None)
            return result

    def _take(self) -> sqlite3.Cursor:
        try:
            return self._pool.idle.pop()
        except IndexError:
            pass
        with self._pool.opening:
            self._prepare()
            return self._pool.connect(self._address)

    def _identify(self) -> tuple[int, ...] | None:
        try:
            status = self.path.stat()
        except OSError:
            return None
        if self.writable:
            return status.st_dev, status.st_ino
        # Nobody tells a reader without locks that the file has changed.
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns

    # -- making ready ----------------------------------------------------------------

    def _prepare(self) -> None:
        """See that there is an index that we understand; decide how to open it."""
        with self._pool.opening:
            if self._identity is not None:
                return
            self.writable = self._make_directories()
            network = location.is_network(self.base)
            self.journal = "delete" if network else "wal"
            if not self.writable:
                self._prepare_to_read()
            else:
                try:
                    self._prepare_to_write()
                except sqlite3.OperationalError as error:
                    # A full disk has no room for the files beside the index; without them it
                    # can still be read.
                    if cause_of(error) in (LOCKED, CORRUPT) or _is_empty(self.path):
                        raise
                    self.writable = False
                    self._prepare_to_read()
            self._identity = self._identify()
            self._prepared_at = time.monotonic()

    def _make_directories(self) -> bool:
        if self._read_only:
            return False
        try:
            location.make_folder(self.base, self.values)
        except OSError as error:
            if self.path.exists():
                return False
            raise UnavailableError(
                "directory",
                f"The cache directory {self.base} cannot be made ({error}). Nothing is cached "
                "until it can, or another directory is configured.",
            ) from error
        return all(map(location.can_write, (self.base, self.values))) and (
            not self.path.exists() or location.may_write(self.path)
        )

    def _prepare_to_write(self) -> None:
        self._address = f"{self.path.as_uri()}?mode=rw"
        if self.path.exists() and self._check(self._address):
            return
        with self.making().held(WRITE_PATIENCE):
            if not self.path.exists():  # what lies beside it belongs to one that is gone
                for suffix in BESIDE:
                    self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
            fresh = f"{self.path.as_uri()}?mode=rwc"
            if not self._check(fresh):  # else another process has made it meanwhile
                cursor = self._pool.connect(fresh)
                try:
                    cursor.execute(f"PRAGMA journal_mode={self.journal}")
                    cursor.execute("BEGIN IMMEDIATE")
                    create(cursor)
                    attach_values(cursor, self.values)
                    cursor.execute("COMMIT")
                finally:
                    self._pool.discard(cursor)

    def _prepare_to_read(self) -> None:
        if not self.path.exists():
            if self._read_only:
                raise UnavailableError(
                    "read-only",
                    f"There is no cache in {self.base}, and mode 'readonly' makes none. Fill it "
                    "in mode 'on' first, or name the directory that has been filled.",
                )
            raise UnavailableError(
                "read-only",
                f"There is no cache in {self.base}, and none can be made there. Make the "
                "directory writable or choose another.",
            )
        # The log of a writer that did not close is wanted too, but can be read only where
        # its shared memory exists; "immutable" reads the index alone, and needs no locks.
        log = self.path.with_name(self.path.name + "-wal")
        addresses = [f"{self.path.as_uri()}?mode=ro&immutable=1"]
        if log.exists() and log.stat().st_size:
            addresses.insert(0, f"{self.path.as_uri()}?mode=ro")
        for address in addresses:
            self._address = address
            try:
                if self._check(address):
                    return
            except sqlite3.OperationalError:
                if address == addresses[-1]:
                    raise
        raise UnavailableError("read-only", f"{self.path} is not an index of this cache.")

    def _check(self, address: str) -> bool:
        """Whether the index at ``address`` has our schema."""
        check_header(self.path)
        cursor = self._pool.connect(address)
        try:
            ours = is_current(cursor)
            if ours and self.writable and self.journal == "delete":
                cursor.execute("PRAGMA journal_mode=delete")
        except NewerIndexError as error:
            raise UnavailableError(
                "newer",
                f"The cache {self.base} was written by a newer version ({error}). It is left "
                "as it is and nothing is cached: upgrade afml-cache, or choose another directory.",
            ) from error
        finally:
            self._pool.discard(cursor)
        return ours

    # -- faults ----------------------------------------------------------------------

    def _repair(self, error: BaseException, *, certain: bool) -> None:
        """Move a damaged index aside, make a new one and put into it what can be had.

        Unless it is ``certain``, look first whether another process was faster.
        """
        with self._pool.opening:
            self.close()
            if not (self._make_directories() and self.path.exists()):
                return
            with FileLock(self.base / "flights" / "repair.lock").held(WRITE_PATIENCE):
                if not certain and self._sound():
                    return
                aside = set_aside(self.path)
            self._prepare()
            try:
                entries = self._run(lambda c: _in_transaction(c, lambda: salvage(c, aside)), 1.0)
            except (*ERRORS, UnavailableError):
                entries = 0
            warn_once(
                ("corrupt", str(self.base)),
                f"The index of the cache {self.base} was damaged ({error}). It was moved to "
                f"{aside.name}; a new one was made, with every value file and {entries} more "
                "entries out of the old one.",
            )

    def _sound(self) -> bool:
        address = f"{self.path.as_uri()}?mode=rw"
        try:
            if not self._check(address):
                return True  # an empty one: it will be filled
            cursor = self._pool.connect(address)
            try:
                return bool(cursor.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok")
            finally:
                self._pool.discard(cursor)
        except ERRORS as error:
            return cause_of(error) != CORRUPT

    def _unavailable(self, cause: str, error: BaseException, patience: float) -> UnavailableError:
        if isinstance(error, UnavailableError):
            return error
        if cause == LOCKED:
            self._respite[patience] = time.monotonic() + _RESPITE
            return UnavailableError(LOCKED, self._locked())
        self.close()
        return UnavailableError(
            cause,
            f"The cache {self.base} cannot be used ({error}). Results are computed and not "
            "stored; see that the disk has room and the directory can be written to.",
        )

    def _locked(self) -> str:
        return (
            f"Another process keeps the index of the cache {self.base} locked. Results are "
            "computed and not stored until it lets go."
        )


def _is_empty(path: Path) -> bool:
    return not path.exists() or path.stat().st_size == 0


def _body(cursor: sqlite3.Cursor, slot: bytes) -> Any:
    row = cursor.execute(SELECT_BODY, (slot,)).fetchone()
    return None if row is None else row[0]


def _in_transaction(cursor: sqlite3.Cursor, work: Callable[[], T]) -> T:
    cursor.execute("BEGIN IMMEDIATE")
    result = work()
    cursor.execute("COMMIT")
    return result
