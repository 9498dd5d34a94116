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
from afml_cache.backtests import kept_frames, records_file, tables
from afml_cache.backtests.run import Run
from afml_cache.backtests.salvage import Carried, carry_over
from afml_cache.errors import BacktestRecordError
from afml_cache.store import exits, location
from afml_cache.store.as_it_lies import reading
from afml_cache.store.claims import UnavailableError
from afml_cache.store.flight import FileLock
from afml_cache.store.pool import Pool
from afml_cache.store.repair import set_aside
from afml_cache.store.schema import (
    CORRUPT,
    LOCKED,
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
        self._lost = 0  #: Runs that were too many to be held.
        self._due = 0.0

    @property
    def in_doubt(self) -> bool:
        """Whether runs are held, or cannot be looked for just now."""
        return bool(self._held) or time.monotonic() < self._due

    # -- writing ---------------------------------------------------------------------

    def is_recorded(self, strategy: str, run_id: str, *, with_trades: bool = True) -> bool:
        """Whether there is a run of this id, with its files; True where there is no telling now.

        ``with_trades``: whether trades and equity curve are to be kept that once were not.
        """
        if run_id in self._held or time.monotonic() < self._due:
            return True
        try:
            found = self.read("SELECT trades, equity FROM run WHERE id=?", (run_id,))
            if not found:
                return False
            if with_trades and kept_frames.UNSAVED in found[0]:
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
                self._lost += 1
                return False
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
        if not _is_there(self.path):
            return []

        def attempt() -> list[tuple[Any, ...]]:
            if not self._is_writable():
                return self._read_as_it_is(query, parameters)
            with self._cursor() as cursor:
                return cursor.execute(query, parameters).fetchall()

        return self._patiently(attempt, _READ_PATIENCE)

    def ask(self, query: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """As :meth:`read`, for a user who asks; with what is held written first, if it can be.

        Raises
        ------
        BacktestRecordError
            They cannot be read: no runs, or no trials, would be a wrong answer.
        """
        # Who asks again soon does not wait again.
        self.write_held(_PATIENCE if time.monotonic() >= self._due else 0.0)
        try:
            return self.read(query, parameters)
        except FAULTS as error:
            raise BacktestRecordError(
                f"the records of backtests, {self.path}, cannot be read ({_why(error)}); see that "
                "they may be read and no other program holds them, and ask again"
            ) from error

    def held(self) -> list[Run]:
        """Runs that wait to be written."""
        return list(self._held.values())

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
                    time.sleep(pause)  # another process writes; nobody tells when it is done
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
            if not records_file.is_ready(self._pool, self.path):
                location.make_folder(self.directory, self.path.parent)
                with self._lock().held(_PATIENCE):
                    records_file.make(self._pool, self.path)
            self.known.clear()  # another file, which may lack runs that are known
            self._identity = _identify(self.path)

    def _lock(self) -> FileLock:
        return FileLock(self.path.with_name("backtests.lock"))

    def _repair(self, error: BaseException, *, certain: bool) -> None:
        """Move a damaged file aside, and carry over what can be read of it."""
        with self._pool.writing:
            self._pool.close()
            if not self.path.exists():
                return
            with self._lock().held(_PATIENCE):
                if not certain and records_file.is_sound(self._pool, self.path):
                    return  # another process was faster
                aside = set_aside(self.path)
                records_file.make(self._pool, self.path)
                carried = self._carry_over(aside)
            lost = (
                ""
                if carried.exact
                else "; trials may have been lost, so that their count is a lower bound from now on"
            )
            notices.warn_once(
                ("backtests_damaged", str(self.directory)),
                f"the records of backtests, {self.path}, were damaged ({error}). They were moved "
                f"to {aside.name}; a new file was made, with {carried} out of the old "
                f"one{lost}. Keep the old one until nothing is missed.",
            )

    def _carry_over(self, aside: Path) -> Carried:
        cursor = self._pool.connect(f"{self.path.as_uri()}?mode=rw")
        try:
            # First of all: who is killed meanwhile leaves a ledger that says what it lacks.
            tables.mark_lower_bound(cursor, aside.name)
            cursor.execute("BEGIN IMMEDIATE")
            carried = carry_over(aside, cursor)
            if carried.exact:
                tables.unmark_lower_bound(cursor)
            cursor.execute("COMMIT")
            return carried
        finally:
            self._pool.discard(cursor)

    # -- faults ----------------------------------------------------------------------

    def _tell(self, what: str, error: BaseException) -> None:
        held = (
            "results are not affected, and runs that cannot be recorded are held in memory until "
            "they can: until then they are counted as trials, and runs() does not show them"
            if what == "written"
            else "results are not affected"
        )
        notices.warn_once(
            ("backtests", what, str(self.directory)),
            f"the records of backtests, {self.path}, cannot be {what} ({_why(error)}); {held}. See "
            "that the disk has room and the file can be written to",
        )

    def close(self) -> None:
        """Write what is held, and let go of the file."""
        self.write_held(_LAST_PATIENCE)
        lost = len(self._held) + self._lost
        if lost:
            notices.warn_once(
                ("backtests_lost", str(self.directory)),
                f"{lost:,} run{'s' if lost > 1 else ''} of backtests could not be recorded in "
                f"{self.path} before this program ended: the ledger does not count them as trials. "
                "See that the disk has room and the file can be written to, and run the program "
                "again: calls whose results are cached are recorded then",
            )
        self._pool.close()
        exits.leave(self)

    def after_fork(self) -> None:
        """In a child: what is held is the parent's to write."""
        self._held.clear()
        self._lost = 0
        self._due = 0.0


def _why(error: BaseException) -> object:
    return error.detail if isinstance(error, UnavailableError) else error


def _is_there(path: Path) -> bool:
    """Whether there is a file; raises `OSError` where that is not for us to know."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


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
