"""Moving what is cache out of the way, whole: the index, the values, joblib's folder.

Everything is renamed, nothing is copied. While that is done nobody can write to the index or
make a new one, and the index file by itself holds all that was ever written to it; so a process
that is killed between two renames leaves each part complete, in one place or the other.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from afml_cache.errors import ClearingError
from afml_cache.store import location, patience
from afml_cache.store.claims import UnavailableError
from afml_cache.store.cleared import (
    CODE,
    INDEX,
    JOBLIB_FOLDER,
    VALUES,
    Cleared,
    account,
    has_outputs,
    held,
    measure,
    new_folder,
    remove,
    tidy,
)
from afml_cache.store.index import Index
from afml_cache.store.patience import patiently
from afml_cache.store.pool import Pool
from afml_cache.store.repair import BESIDE, value_files
from afml_cache.store.schema import MovedIndexError

#: In this order: an index is never left behind by its values.
_PARTS = (INDEX, *(INDEX + suffix for suffix in BESIDE), VALUES, JOBLIB_FOLDER)


def take_out(index: Index) -> Cleared:
    """Move the cache aside, and remove what was cleared too long ago.

    Raises
    ------
    ClearingError
        Nothing has been moved.
    """
    base = index.base
    if not base.is_dir():
        return Cleared()
    try:
        with held(base):
            tidy(base)
            if not _holds_something(base):
                return Cleared()
            if _has_store(base):
                index.require_writable()  # makes a missing index anew, and repairs a damaged one
                index.close()
            with index.making().held(patience.PATIENCE):
                cleared = _move(base)
            if cleared.path is None:
                return cleared
            _keep_sources(cleared.path / JOBLIB_FOLDER, base / JOBLIB_FOLDER)
            # An empty index instead: where there is none, whoever counts takes the store for
            # removed, and does not bring it back.
            index.refresh()
            with contextlib.suppress(UnavailableError):  # the next put makes it
                index.require_writable()
            try:
                return account(cleared.path)
            except OSError:  # no room even for that: it is written the next time
                return measure(cleared.path)
    except UnavailableError as down:
        raise ClearingError(f"Nothing was cleared. {down.detail}") from down
    except (OSError, sqlite3.Error, MovedIndexError) as error:
        raise ClearingError(
            f"The cache {base} could not be moved aside, so nothing was cleared ({error}). See "
            "that the directory can be written to, and clear again."
        ) from error


def _holds_something(base: Path) -> bool:
    return _has_store(base) or has_outputs(base / JOBLIB_FOLDER)


def _has_store(base: Path) -> bool:
    return (base / INDEX).exists() or next(value_files(base / VALUES), None) is not None


def _move(base: Path) -> Cleared:
    with writers_kept_off(base / INDEX) as used:
        if not used and not has_outputs(base / JOBLIB_FOLDER):
            return Cleared()
        folder = new_folder(base)
        assert folder.path is not None
        moved: list[str] = []
        try:
            for name in _PARTS:
                if os.path.lexists(base / name):
                    (base / name).rename(folder.path / name)
                    moved.append(name)
        except OSError:
            for name in reversed(moved):
                (folder.path / name).rename(base / name)
            remove(folder)
            raise
    return folder


def _keep_sources(cleared: Path, place: Path) -> None:
    """Leave joblib's notes of the functions' sources where they were.

    A process notes the source of a function once. Without the notes, nobody would know which
    source those results belong to that running processes store from now on.
    """
    for folder, _, files in os.walk(cleared):
        if CODE in files:
            beside = place / Path(folder).relative_to(cleared)
            with contextlib.suppress(OSError):  # no room: the next process notes it
                beside.mkdir(parents=True, exist_ok=True)
                location.copy_if_absent(Path(folder, CODE), beside / CODE)


@contextlib.contextmanager
def writers_kept_off(path: Path) -> Iterator[bool]:
    """Let nobody write to the index, all of which is in its file; gives whether it holds a thing.

    Where there is no index, it gives False.
    """
    if not path.exists():
        yield False
        return
    pool = Pool()
    cursors = []
    try:
        for _ in range(2):
            # Whoever closes an index as the last one locks it against being opened.
            cursors.append(patiently(path, lambda: pool.connect(f"{path.as_uri()}?mode=rw")))
        writer, other = cursors
        before = _file(path)
        patiently(path, lambda: writer.execute("BEGIN IMMEDIATE"))
        if _file(path) != before:
            raise MovedIndexError("another program has replaced the index")
        # The log may hold what the file does not yet; from now on nobody adds to it.
        patiently(path, lambda: _log_written_back(other))
        query = "SELECT EXISTS (SELECT 1 FROM entry), EXISTS (SELECT 1 FROM counter)"
        yield any(writer.execute(query).fetchone())
    finally:
        for cursor in cursors:
            pool.discard(cursor)


def _log_written_back(cursor: sqlite3.Cursor) -> bool | None:
    busy, pages, written = cursor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return True if not busy and pages == written else None


def _file(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
