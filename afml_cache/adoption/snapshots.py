"""The sources of a project as they were when its migration was applied.

joblib's entries that were stored until then belong to the code of then. What the migrated functions
reach is pinned by importing it; the files themselves are kept for what cannot be: functions of
scripts, which importing would run, modules that could not be imported, the classes of arguments.
"""

from __future__ import annotations

import functools
import os
import sqlite3
import sys
import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xxhash import xxh3_128_digest

from afml_cache.adoption.file_form import form
from afml_cache.adoption.records import Records
from afml_cache.main_module import main_name

#: Larger files are data that happens to be Python.
LARGEST = 1_000_000

_TABLE = (
    "CREATE TABLE IF NOT EXISTS snapshot (at REAL, file TEXT, digest BLOB, source BLOB, "
    "PRIMARY KEY (file, at)) WITHOUT ROWID"
)


def take(records: Records, files: Iterable[Path]) -> int:
    """Keep the sources of a project as they are now.

    Returns
    -------
    int
        How many files there were.

    Raises
    ------
    OSError, sqlite3.Error
        The records cannot be written.
    """
    now, rows = time.time(), []
    for file in files:
        try:
            if file.stat().st_size <= LARGEST:
                source = file.read_bytes()
                place = str(file.resolve())
                rows.append((now, place, xxh3_128_digest(source), zlib.compress(source, 1)))
        except OSError:
            continue  # it cannot be imported either

    def work(db: sqlite3.Connection) -> None:
        db.execute(_TABLE)
        db.executemany("INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?, ?)", rows)

    records.write(work)
    return len(rows)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of one project at one moment, in seconds since the epoch."""

    records: Records
    at: float

    def edited(self, modules: Iterable[str] | None = None) -> list[str]:
        """The files that do something else now than they did then.

        Parameters
        ----------
        modules : iterable of str, optional
            Only the files of these; by default of all modules that are loaded.

        Raises
        ------
        OSError, sqlite3.Error
            The records cannot be read.
        """
        then = _digests(self.records, self.at)
        files = _files(sys.modules if modules is None else modules)
        return sorted({Path(f).name for f in files if f in then and self._differs(f, then[f])})

    def _differs(self, file: str, digest: bytes) -> bool:
        try:
            source = Path(file).read_bytes()
        except OSError:
            return True
        if xxh3_128_digest(source) == digest:
            return False
        query = "SELECT source FROM snapshot WHERE file=? AND at=?"
        rows = self.records.read(query, (file, self.at))
        try:
            before = zlib.decompress(rows[0][0])
        except (zlib.error, TypeError, IndexError) as error:
            raise self.records.damaged(f"the snapshot of {file}: {error}") from error
        return form(before) != form(source)


def snapshot_of(records: Records, function: Any, stored: float) -> Snapshot | None:
    """The first snapshot of a function's file after an entry was stored, or else the last.

    None where there is none: the function was not in a repository whose migration was applied, or
    that lies elsewhere now.

    Raises
    ------
    OSError, sqlite3.Error
        The records cannot be read.
    """
    moments = _moments(records, function)
    later = [at for at in moments if at >= stored]
    if not moments:
        return None
    return Snapshot(records, later[0] if later else moments[-1])


def taken_before(records: Records, function: Any, at: float) -> float:
    """When the last snapshot of a function's file was taken by then; raises as `snapshot_of`."""
    return max((moment for moment in _moments(records, function) if moment <= at), default=0.0)


def _moments(records: Records, function: Any) -> list[float]:
    module: Any = sys.modules.get(getattr(function, "__module__", None) or "")
    file = _file_of(module)
    if file is None:
        return []
    rows = records.read("SELECT at FROM snapshot WHERE file=? ORDER BY at", (file,))
    return [at for (at,) in rows if isinstance(at, float)]


def modules_of(parts: Iterable[str]) -> set[str]:
    """The loaded modules that parts of the code (``module.qualname``) lie in."""
    found = set()
    for part in parts:
        head = part
        while head:
            head, _, _ = head.rpartition(".")
            if head in sys.modules or head == main_name():
                found.add(head)
                break
    return found


def _digests(records: Records, at: float) -> dict[str, bytes]:
    known = _known.get((records.path, at))
    if known is None:
        rows = records.read("SELECT file, digest FROM snapshot WHERE at=?", (at,))
        known = dict(rows)
        if len(_known) >= _MOST:
            _known.clear()
        _known[records.path, at] = known
    return known


#: The digests of some snapshots, which never change.
_known: dict[tuple[Path, float], dict[str, bytes]] = {}
_MOST = 8


def _files(modules: Iterable[str]) -> Iterator[str]:
    for name in list(modules):
        module = sys.modules.get(name)
        if module is None and name == main_name():
            module = sys.modules["__main__"]
        file = _file_of(module)
        if file is not None:
            yield file


def _file_of(module: Any) -> str | None:
    file = getattr(module, "__file__", None)
    return _real(file) if isinstance(file, str) else None


@functools.lru_cache(maxsize=4096)
def _real(file: str) -> str:
    return os.path.realpath(file)
