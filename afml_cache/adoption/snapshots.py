"""The sources of a project as they were when its migration was applied.

joblib's entries that were stored until then belong to the code of then. Until a function's first
adoption nothing else tells whether a helper, a constant or the class of an argument was edited in
between, so its parts are held against the snapshot, by what is written in the files.
"""

from __future__ import annotations

import importlib.metadata
import sqlite3
import sys
import time
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from afml_cache import settings
from afml_cache.adoption.records import Records
from afml_cache.adoption.written import top_name, written
from afml_cache.keys.code import Fingerprint
from afml_cache.keys.projects import counted_version
from afml_cache.main_module import main_name

#: Larger files are data that happens to be Python.
LARGEST = 1_000_000
#: Stands for the installed packages among the files of a snapshot.
_PACKAGES = "(packages)"

_TABLE = (
    "CREATE TABLE IF NOT EXISTS snapshot (at REAL, file TEXT, source BLOB, "
    "PRIMARY KEY (file, at)) WITHOUT ROWID"
)

#: Parts that are declared where a function is decorated, and not written in a file of their own.
_DECLARED = ("version", "depends_on[")


def take(records: Records, files: Iterable[Path]) -> int:
    """Keep the sources of a project as they are now, and the versions of what is installed.

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
                rows.append((now, str(file.resolve()), zlib.compress(file.read_bytes(), 1)))
        except OSError:
            continue  # it cannot be imported either
    installed = "\n".join(
        f"{_normalised(found.name)} {found.version}"
        for found in importlib.metadata.distributions()
        if found.name
    )
    packages = (now, _PACKAGES, zlib.compress(installed.encode()))

    def work(db: sqlite3.Connection) -> None:
        db.execute(_TABLE)
        db.executemany("INSERT INTO snapshot VALUES (?, ?, ?)", [*rows, packages])

    records.write(work)
    return len(rows)


def edited_since(
    records: Records, stored: float, own: Fingerprint, whole: Fingerprint, known: Iterable[str]
) -> str | None:
    """What was edited since the first snapshot after an entry was stored, in words.

    Parameters
    ----------
    stored : float
        When the entry was stored, in seconds since the epoch.
    own, whole : Fingerprint
        Of the function, and with the code that its arguments bring along.
    known : iterable of str
        Parts of the code that something later has been pinned for.

    Returns
    -------
    str or None
        None where nothing was, or no snapshot tells.

    Raises
    ------
    OSError, sqlite3.Error
        The records cannot be read.
    """
    known = set(known)
    names = [name for name in whole.parts if name not in known]
    changed = [name for name in names if _is_changed(records, stored, name)]
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        verb = "was" if len(changed) == 1 else "were"
        return f"{', '.join(sorted(changed)[:3])}{more} {verb} edited"
    if known:
        return None
    declared = [name for name in own.parts if name.startswith(_DECLARED)]
    if declared and _source(records, stored, _PACKAGES) is not None:
        return f"{declared[0]} was declared"
    return _changed_package(records, stored, own.packages)


def latest(records: Records) -> float:
    """When the last snapshot was taken, in seconds since the epoch."""
    rows = records.read("SELECT max(at) FROM snapshot WHERE file=?", (_PACKAGES,))
    return float(rows[0][0]) if rows and rows[0][0] is not None else float("-inf")


def _is_changed(records: Records, stored: float, part: str) -> bool:
    """Whether the statements that bind a part of the code are others than in the snapshot.

    A name that was imported is followed to where it is bound.
    """
    place = _place_of(part)
    for _ in range(_MOST_IMPORTS):
        if place is None:
            return False
        module, file, name = place
        before = _source(records, stored, str(file.resolve()))
        if before is None:
            return False  # no part of the project then, or of another copy of it
        try:
            now = file.read_bytes()
            if now != before and written(before).forms.get(name) != written(now).forms.get(name):
                return True
            origin = written(now).imports.get(name)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            return True  # what can no longer be read is not what it was
        place = None if origin is None else _imported(module, *origin)
    return False


#: Modules that may hand a name on.
_MOST_IMPORTS = 20

#: A module, its file, and a name at the top of it.
_Place = tuple[Any, Path, str]


def _place_of(part: str) -> _Place | None:
    """Where ``module.qualname`` is written."""
    head = part
    while head:
        head, _, _ = head.rpartition(".")
        module: Any = sys.modules.get(head)
        if module is None and head == main_name():
            module = sys.modules["__main__"]
        if module is not None:
            return _in_file(module, top_name(part[len(head) + 1 :]))
    return None


def _imported(module: Any, level: int, named: str, name: str) -> _Place | None:
    """Where the target of ``from ..named import name`` in a module is written."""
    full = named
    if level:
        package = str(getattr(module, "__package__", None) or "").split(".")
        full = ".".join([*package[: len(package) - level + 1], *([named] if named else [])])
    found = sys.modules.get(full)
    return None if found is None else _in_file(found, name)


def _in_file(module: Any, name: str) -> _Place | None:
    file = getattr(module, "__file__", None)
    return (module, Path(file), name) if isinstance(file, str) else None


def _source(records: Records, stored: float, file: str) -> bytes | None:
    rows = records.read(
        "SELECT source FROM snapshot WHERE file=? AND at>=? ORDER BY at LIMIT 1", (file, stored)
    )
    return zlib.decompress(rows[0][0]) if rows else None


def _changed_package(records: Records, stored: float, present: Mapping[str, str]) -> str | None:
    listed = _source(records, stored, _PACKAGES)
    if listed is None:
        return None
    before = dict(line.split(" ", 1) for line in listed.decode().splitlines())
    for name, version in sorted(present.items()):
        was = before.get(name)
        counted = None if was is None else counted_version(was, settings.current.package_versions)
        if counted is not None and counted != version:
            return f"{name} was {counted}, is {version}"
    return None


def _normalised(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
