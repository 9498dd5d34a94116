"""Moving old runs aside, so that they can be brought back (by :mod:`.restored_runs`).

They are copied first (a row each, and a second name for each file) into
``<base>/records/cleared_runs/<time>``, and removed only then: whoever is killed in between leaves
runs that are in both places. The ledger of trials stays as it is.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from afml_cache import notices
from afml_cache.backtests import kept_frames, tables
from afml_cache.backtests.book import FAULTS, FILE, RunBook
from afml_cache.errors import ClearingError
from afml_cache.store import location
from afml_cache.store.claims import UnavailableError

FOLDER = "cleared_runs"
AT_ONCE = 500
PARTS = ("trades", "equity")


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
        folder = new_folder(book)
        runs = files = 0
        with opened(folder / FILE) as aside:
            for start in range(0, len(ids), AT_ONCE):
                moved, linked = move(book, aside, folder, ids[start : start + AT_ONCE], before)
                runs, files = runs + moved, files + linked
        return ClearedRuns(runs, files, folder, trials)
    except FAULTS as error:
        raise ClearingError(
            f"not all old runs of {book.path} could be moved aside ({why(error)}); nothing is "
            "lost. See that the disk has room and the folder can be written to, and clear again"
        ) from error
    finally:
        book.known.clear()  # a hit on one of them records it again


def why(error: BaseException) -> object:
    """What went wrong, in words."""
    return error.detail if isinstance(error, UnavailableError) else error


def move(
    book: RunBook, aside: sqlite3.Connection, folder: Path, ids: list[str], before: float
) -> tuple[int, int]:
    """Move some runs to a folder, those made before this time; how many, and how many files."""
    marks = ",".join("?" * len(ids))
    rows = book.read(f"SELECT {tables.RUN} FROM run WHERE id IN ({marks})", tuple(ids))
    paths = [path for row in rows for path in files_of(book, row)]
    files = sum(link(path, folder / path.parent.name / path.name) for path in paths)
    aside.execute("BEGIN")
    aside.executemany(INSERT, rows)
    aside.execute("COMMIT")
    # One that was made again meanwhile is new.
    gone = f"DELETE FROM run WHERE id IN ({marks}) AND created < ?"
    book.write(lambda cursor: cursor.execute(gone, (*ids, before)))
    left = {id for (id,) in book.read(f"SELECT id FROM run WHERE id IN ({marks})", tuple(ids))}
    _remove([path for row in rows if row[0] not in left for path in files_of(book, row)], folder)
    return len(rows) - len(left), files


def _remove(paths: list[Path], folder: Path) -> None:
    """Take the first name of files away; their runs are gone by now, whatever comes of it."""
    left, last = 0, OSError()
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            left, last = left + 1, error
    if left:
        notices.warn_once(
            ("cleared_files", str(folder)),
            f"{left:,} files of trades and equity curves of runs that were cleared could not be "
            f"removed ({last}). The runs and all their files are in {folder}; what is left in "
            "place does no harm, and is used again when they are restored",
        )


#: Writes one row of a run unless there is one of its id.
INSERT = (
    f"INSERT OR IGNORE INTO run ({tables.RUN}) "
    f"VALUES ({', '.join('?' * len(tables.RUN.split(', ')))})"
)


def files_of(book: RunBook, row: tuple[object, ...]) -> Iterator[Path]:
    """Where the files of a run lie that is not cleared."""
    said = dict(zip(tables.RUN.split(", "), row, strict=True))
    for part in PARTS:
        for form in str(said[part] or "").split():
            yield kept_frames.place_of(
                book.directory, str(said["strategy"]), str(said["id"]), part, form
            )


def link(path: Path, target: Path) -> bool:
    """Give a file a second name; False where it is gone or the name is taken."""
    if target.exists() or not path.exists():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, target)
    except OSError:  # a file system without links
        return location.copy_if_absent(path, target)
    return True


def folder_of(book: RunBook) -> Path:
    """Where all lies that was cleared, a folder each time."""
    return book.directory / location.RECORDS / FOLDER


def new_folder(book: RunBook) -> Path:
    """One for what is cleared now."""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    folder = folder_of(book) / f"{stamp}-{secrets.token_hex(3)}"
    folder.mkdir(parents=True)
    return folder


@contextlib.contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
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
