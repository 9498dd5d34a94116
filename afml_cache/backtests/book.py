"""The file of the records, ``<base>/records/backtests.sqlite``, written by many processes at once.

What cannot be written now (another program keeps it locked, the disk is full) is held, told once,
and written together with later runs, at the latest when the process ends. A damaged file is moved
aside, and what can be read of it is carried over.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from afml_cache import notices
from afml_cache.backtests import kept_frames, tables
from afml_cache.backtests.run import Run
from afml_cache.store import exits, location
from afml_cache.store.as_it_lies import reading
from afml_cache.store.claims import UnavailableError
from afml_cache.store.flight import FileLock
from afml_cache.store.header import check_header
from afml_cache.store.pool import Pool
from afml_cache.store.repair import BESIDE, set_aside
from afml_cache.store.schema import (
    CORRUPT,
    LOCKED,
    DamagedIndexError,
    MovedIndexError,
    cause_of,
)
from afml_cache.store.store import Store

T = TypeVar("T")

FILE = "backtests.sqlite"
#: How long a reader, a writer and the end of the process wait for others, in seconds.
_READ_PATIENCE, _PATIENCE, _LAST_PATIENCE = 2.0, 3.0, 3.0
#: Seconds before runs that could not be written, or looked for, are tried again.
_RESPITE = 1.0
#: Runs that are held meanwhile; further ones are lost.
_HELD = 10_000

#: What a damaged, locked, full or missing file can raise; text in it may not be UTF-8.
FAULTS = (sqlite3.Error, OSError, UnavailableError, UnicodeError, MovedIndexError)


class RunBook:
    """The records of one cache directory, as this process reads and writes them.

    Attributes
    ----------
    known : set of bytes
        Keys of calls whose run is known to be recorded.
    """

    def __init__(self, directory: Path, *, read_only: bool = False) -> None:
        self.directory = directory
        self._read_only = read_only
        self.path = directory / location.RECORDS / FILE
        self.known: set[bytes] = set()
        self._pool = Pool()
        self._identity: tuple[int, int] | None = None
        self._held: dict[str, Run] = {}
        self._due = 0.0

    @property
    def in_doubt(self) -> bool:
        """Whether runs are held, or cannot be looked for just now."""
        return bool(self._held) or time.monotonic() < self._due

    # -- writing ---------------------------------------------------------------------

    def is_recorded(self, strategy: str, run_id: str) -> bool:
        """Whether there is a run of this id, with its files; True where there is no telling now."""
        if run_id in self._held or time.monotonic() < self._due:
            return True
        try:
            found = self.read("SELECT trades, equity FROM run WHERE id=?", (run_id,))
            if not found:
                return False
            kept = dict(zip(("trades", "equity"), found[0], strict=True))
            return kept_frames.is_complete(self.directory, strategy, run_id, kept)
        except FAULTS as error:
            self._due = time.monotonic() + _RESPITE
            self._tell("read", error)
            return True

    def add(self, run: Run) -> bool:
        """Record a run; False: it is held until it can be written."""
        with self._pool.writing:
            if run.id not in self._held and len(self._held) >= _HELD:
                return False  # they cannot be written, which has been told
            self._held[run.id] = run
            if time.monotonic() < self._due:
                return False
            return self.write_held(_PATIENCE)

    def write_held(self, patience: float) -> bool:
        """Write what is held; what cannot be written stays held."""
        with self._pool.writing:
            if not self._held:
                return True
            exits.enter(self)
            try:
                self.write(lambda cursor: tables.write_runs(cursor, self._held.values()), patience)
            except FAULTS as error:
                self._due = time.monotonic() + _RESPITE
                self._tell("written", error)
                return False
            self._held.clear()
            exits.leave(self)
            return True

    def write(self, work: Callable[[sqlite3.Cursor], T], patience: float = _PATIENCE) -> T:
        """Do some work in one transaction; it may be done again after a fault.

        Raises
        ------
        OSError, sqlite3.Error, UnavailableError
            Nothing has been written.
        """

        def attempt() -> T:
            with self._cursor() as cursor:
                cursor.execute("BEGIN IMMEDIATE")
                # Whoever moves the file away holds this lock first: what were written to a moved
                # one would be out of everybody's sight.
                if _identify(self.path) != self._identity:
                    raise MovedIndexError("the records were moved away")
                result = work(cursor)
                cursor.execute("COMMIT")
                return result

        self.require_writable()
        with self._pool.writing:
            return self._patiently(attempt, patience)

    def require_writable(self) -> None:
        """Raise `UnavailableError` in mode "readonly"."""
        if self._read_only:
            raise UnavailableError("read-only", "mode is 'readonly': configure(mode='on') first")

    # -- reading ---------------------------------------------------------------------

    def read(self, query: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows that a query finds; none where there are no records.

        Raises
        ------
        OSError, sqlite3.Error, UnavailableError
            They cannot be read.
        """
        if not self.path.exists():
            return []

        def attempt() -> list[tuple[Any, ...]]:
            if not self._is_writable():
                return self._read_as_it_is(query, parameters)
            with self._cursor() as cursor:
                return cursor.execute(query, parameters).fetchall()

        return self._patiently(attempt, _READ_PATIENCE)

    def read_all(self, query: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """As :meth:`read`, with what is held written first; empty, and told once, after a fault."""
        self.write_held(_PATIENCE)
        try:
            return self.read(query, parameters)
        except FAULTS as error:
            self._tell("read", error)
            return []

    def _is_writable(self) -> bool:
        return not self._read_only and all(map(location.may_write, (self.path.parent, self.path)))

    def _read_as_it_is(self, query: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with reading(self.path, 0.0) as db:
            return db.execute(query, parameters).fetchall()

    # -- the file --------------------------------------------------------------------

    def _patiently(self, attempt: Callable[[], T], patience: float) -> T:
        deadline, pause, repaired = time.monotonic() + patience, 0.001, 0
        while True:
            try:
                return attempt()
            except FAULTS as error:
                cause = cause_of(error)
                if cause == LOCKED and time.monotonic() < deadline:
                    time.sleep(pause)
                    pause = min(2 * pause, 0.025)
                    continue
                self._identity = None
                if isinstance(error, MovedIndexError) and repaired < 3:
                    repaired += 1
                    continue
                if cause == CORRUPT and repaired < 2:
                    repaired += 1
                    self._repair(error, certain=repaired == 2)
                    continue
                raise

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[sqlite3.Cursor]:
        """A connection that is closed after a fault, and with it an open transaction."""
        if self._identity is None or _identify(self.path) != self._identity:
            self._prepare()
        idle = self._pool.idle
        try:
            cursor = idle.pop()
        except IndexError:
            with self._pool.opening:
                cursor = self._pool.connect(f"{self.path.as_uri()}?mode=rw")
        try:
            yield cursor
        except BaseException:
            self._pool.discard(cursor)
            raise
        idle.append(cursor)

    def _prepare(self) -> None:
        """Make the file unless another process has."""
        with self._pool.opening:
            self._pool.close()
            if not self._is_ready():
                location.make_folder(self.directory, self.path.parent)
                with self._lock().held(_PATIENCE):
                    self._make()
            self._identity = _identify(self.path)

    def _is_ready(self) -> bool:
        if not self.path.exists():
            return False
        check_header(self.path)
        cursor = self._pool.connect(f"{self.path.as_uri()}?mode=rw")
        try:
            return _version(cursor, self.path) == tables.FORMAT
        finally:
            self._pool.discard(cursor)

    def _make(self) -> None:
        if not self.path.exists():
            for suffix in BESIDE:  # what lies beside it belongs to one that is gone
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
            # Parameters and metrics of the user's lie there; the folder may be open to others.
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        cursor = self._pool.connect(f"{self.path.as_uri()}?mode=rw")
        try:
            if _version(cursor, self.path) == tables.FORMAT:
                return
            journal = "delete" if location.is_network(self.path.parent) else "wal"
            cursor.execute(f"PRAGMA journal_mode={journal}")
            cursor.execute("BEGIN IMMEDIATE")
            tables.create(cursor)
            cursor.execute("COMMIT")
        finally:
            self._pool.discard(cursor)

    def _lock(self) -> FileLock:
        return FileLock(self.path.with_name("backtests.lock"))

    def _repair(self, error: BaseException, *, certain: bool) -> None:
        """Move a damaged file aside, and carry over what can be read of it."""
        with self._pool.writing:
            self._pool.close()
            if not self.path.exists():
                return
            with self._lock().held(_PATIENCE):
                if not certain and self._is_sound():
                    return  # another process was faster
                aside = set_aside(self.path)
                self._make()
                carried = self._carry_over(aside)
            told = ", ".join(f"{count:,} {table}s" for table, count in carried.items())
            notices.warn_once(
                ("backtests_damaged", str(self.directory)),
                f"the records of backtests, {self.path}, were damaged ({error}). They were moved "
                f"to {aside.name}; a new file was made, with {told or 'nothing'} out of the old "
                "one. Keep the old one until nothing is missed.",
            )

    def _carry_over(self, aside: Path) -> dict[str, int]:
        cursor = self._pool.connect(f"{self.path.as_uri()}?mode=rw")
        try:
            with contextlib.closing(
                sqlite3.connect(f"{aside.as_uri()}?mode=ro", uri=True, timeout=0)
            ) as old:
                cursor.execute("BEGIN IMMEDIATE")
                carried = tables.carry_over(old, cursor)
                cursor.execute("COMMIT")
                return carried
        except sqlite3.Error:
            return {}  # not even its schema can be read, or the new one is as unwell
        finally:
            self._pool.discard(cursor)

    def _is_sound(self) -> bool:
        try:
            check_header(self.path)
            cursor = self._pool.connect(f"{self.path.as_uri()}?mode=rw")
            try:
                if _version(cursor, self.path) == 0:
                    return True  # an empty one: it will be filled
                return bool(cursor.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok")
            finally:
                self._pool.discard(cursor)
        except (sqlite3.Error, UnicodeError) as error:
            return cause_of(error) != CORRUPT

    # -- faults ----------------------------------------------------------------------

    def _tell(self, what: str, error: BaseException) -> None:
        why = error.detail if isinstance(error, UnavailableError) else error
        held = (
            "results are not affected, and runs that cannot be recorded are held in memory until "
            "they can"
            if what == "written"
            else "results are not affected"
        )
        notices.warn_once(
            ("backtests", what, str(self.directory)),
            f"the records of backtests, {self.path}, cannot be {what} ({why}); {held}. See that "
            "the disk has room and the file can be written to",
        )

    def close(self) -> None:
        """Write what is held, and let go of the file."""
        self.write_held(_LAST_PATIENCE)
        self._pool.close()
        exits.leave(self)

    def after_fork(self) -> None:
        """In a child: what is held is the parent's to write."""
        self._held.clear()
        self._due = 0.0


def _version(cursor: sqlite3.Cursor, path: Path) -> int:
    version = int(cursor.execute("PRAGMA user_version").fetchone()[0])
    if version > tables.FORMAT:
        raise UnavailableError(
            "newer",
            f"{path} was written by a newer version of afml-cache: upgrade, or choose another "
            "cache directory",
        )
    if version == 0 and cursor.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        raise DamagedIndexError("its tables are not those of this cache")
    return version


def _identify(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - at every run
    except OSError:
        return None
    return status.st_dev, status.st_ino


_books: weakref.WeakKeyDictionary[Store, RunBook] = weakref.WeakKeyDictionary()


def book_of(store: Store) -> RunBook:
    """The records beside a store; one object a store."""
    book = _books.get(store)
    if book is None:
        book = _books.setdefault(store, RunBook(store.directory, read_only=store.read_only))
    return book
