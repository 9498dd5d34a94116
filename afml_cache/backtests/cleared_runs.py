"""Moving old runs aside, so that they can be brought back; the ledger of trials stays as it is.

They are copied first (a row each, and a second name for each file) into
``<base>/records/cleared_runs/<time>``, and removed only then: whoever is killed in between leaves
runs that are in both places.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from afml_cache.backtests import kept_frames, tables
from afml_cache.backtests.book import FAULTS, FILE, RunBook
from afml_cache.errors import ClearingError
from afml_cache.store import location
from afml_cache.store.claims import UnavailableError

FOLDER = "cleared_runs"
_AT_ONCE = 500
_PARTS = ("trades", "equity")


@dataclass(frozen=True, slots=True)
class ClearedRuns:
    """What was moved aside; false where that was nothing.

    Parameters
    ----------
    runs, files : int
    path : Path or None
        Where they lie now.
    trials : int
        Trials in the ledger, which are as many as before.
    """

    runs: int = 0
    files: int = 0
    path: Path | None = None
    trials: int = 0

    def __bool__(self) -> bool:
        return bool(self.runs)

    def __str__(self) -> str:
        kept = f"the ledger still counts {self.trials:,} trials"
        if not self.runs:
            return f"no run is as old as that; {kept}"
        return (
            f"{self.runs:,} runs with {self.files:,} files of trades and equity curves were moved "
            f"to {self.path}; {kept}. restore_runs() brings them back"
        )


def clear_before(book: RunBook, before: float) -> ClearedRuns:
    """Move the runs aside that were made before this time, in seconds since the epoch.

    Raises
    ------
    ClearingError
        Not all could be moved; nothing is lost.
    """
    try:
        book.require_writable()
        book.write_held(1.0)
        trials = sum(count for (count,) in book.read("SELECT trials FROM strategy"))
        ids = [id for (id,) in book.read("SELECT id FROM run WHERE created < ?", (before,))]
        if not ids:
            return ClearedRuns(trials=trials)
        folder = _new_folder(book)
        runs = files = 0
        with _opened(folder / FILE) as aside:
            for start in range(0, len(ids), _AT_ONCE):
                moved, linked = _move(book, aside, folder, ids[start : start + _AT_ONCE], before)
                runs, files = runs + moved, files + linked
        book.known.clear()  # a hit on one of them records it again
        return ClearedRuns(runs, files, folder, trials)
    except FAULTS as error:
        raise ClearingError(
            f"not all old runs of {book.path} could be moved aside ({_why(error)}); nothing is "
            "lost. See that the disk has room and the folder can be written to, and clear again"
        ) from error


def restore(book: RunBook) -> int:
    """Bring every run back that was moved aside, unless it has been recorded again since.

    Raises
    ------
    ClearingError
        Not all could be brought back; nothing is lost.
    """
    restored = 0
    try:
        for folder in sorted(_folder(book).glob("*/")):
            if (folder / FILE).exists():
                restored += _bring_back(book, folder)
            shutil.rmtree(folder)
        return restored
    except FAULTS as error:
        raise ClearingError(
            f"not all runs in {_folder(book)} could be brought back ({_why(error)}); nothing is "
            "lost. See that the disk has room and the folder can be written to, and restore again"
        ) from error


def _why(error: BaseException) -> object:
    return error.detail if isinstance(error, UnavailableError) else error


def _move(
    book: RunBook, aside: sqlite3.Connection, folder: Path, ids: list[str], before: float
) -> tuple[int, int]:
    marks = ",".join("?" * len(ids))
    rows = book.read(f"SELECT {tables.RUN} FROM run WHERE id IN ({marks})", tuple(ids))
    paths = [path for row in rows for path in _files(book, row)]
    files = sum(_link(path, folder / path.parent.name / path.name) for path in paths)
    aside.execute("BEGIN")
    aside.executemany(_INSERT, rows)
    aside.execute("COMMIT")
    # One that was made again meanwhile is new.
    gone = f"DELETE FROM run WHERE id IN ({marks}) AND created < ?"
    book.write(lambda cursor: cursor.execute(gone, (*ids, before)))
    left = {id for (id,) in book.read(f"SELECT id FROM run WHERE id IN ({marks})", tuple(ids))}
    for row in rows:
        if row[0] not in left:
            for path in _files(book, row):
                path.unlink(missing_ok=True)
    return len(rows) - len(left), files


def _bring_back(book: RunBook, folder: Path) -> int:
    with _opened(folder / FILE) as aside:
        rows = aside.execute(f"SELECT {tables.RUN} FROM run").fetchall()
    for row in rows:
        for path in _files(book, row):
            with contextlib.suppress(FileNotFoundError):
                _link(folder / path.parent.name / path.name, path)

    def insert(cursor: sqlite3.Cursor) -> int:
        before = _count(cursor)
        cursor.executemany(_INSERT, rows)
        return _count(cursor) - before

    return book.write(insert)


def _count(cursor: sqlite3.Cursor) -> int:
    return int(cursor.execute("SELECT coalesce(sum(runs), 0) FROM strategy").fetchone()[0])


_INSERT = (
    f"INSERT OR IGNORE INTO run ({tables.RUN}) "
    f"VALUES ({', '.join('?' * len(tables.RUN.split(', ')))})"
)


def _files(book: RunBook, row: tuple[object, ...]) -> Iterator[Path]:
    said = dict(zip(tables.RUN.split(", "), row, strict=True))
    for part in _PARTS:
        for form in str(said[part] or "").split():
            yield kept_frames.place_of(
                book.directory, str(said["strategy"]), str(said["id"]), part, form
            )


def _link(path: Path, target: Path) -> bool:
    """Give a file a second name; False where it is gone or the name is taken."""
    if target.exists() or not path.exists():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, target)
    except OSError:  # a file system without links
        return location.copy_if_absent(path, target)
    return True


def _folder(book: RunBook) -> Path:
    return book.directory / location.RECORDS / FOLDER


def _new_folder(book: RunBook) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    folder = _folder(book) / f"{stamp}-{secrets.token_hex(3)}"
    folder.mkdir(parents=True)
    return folder


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The records of what was moved aside; made with the tables that they have."""
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        if not connection.execute("PRAGMA user_version").fetchone()[0]:
            cursor = connection.cursor()
            cursor.execute("BEGIN")
            tables.create(cursor)
            cursor.execute("COMMIT")
        yield connection
