"""What was cleared and can be brought back: one folder a clearing, in ``<base>/cleared/``.

A folder says how much it holds in a small file of its own, so that its bytes can be counted
towards a size limit without walking through it. Whoever makes, empties or removes such folders
holds one lock.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from afml_cache.notices import warn_once
from afml_cache.store import location, prospect
from afml_cache.store.flight import FileLock

#: How long what was cleared can be restored.
KEPT_FOR = timedelta(days=7)
#: The folder of the base directory that is joblib's.
JOBLIB_FOLDER = "joblib_cache"
#: In joblib's folder of a function: the source text that its results belong to.
CODE = "func_code.py"
INDEX = "index.sqlite"
VALUES = "values"

_FOLDER = "cleared"
_ACCOUNT = "cleared.json"
_NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{4}")
_STAMP = "%Y%m%dT%H%M%S.%fZ"
#: Seconds between two looks at the accounts while the list of folders stays the same.
_LOOK_EVERY = 2.0


@dataclass(frozen=True, slots=True)
class Cleared:
    """What one clearing moved aside; false where there was nothing to clear.

    Parameters
    ----------
    path : Path or None
        Where it lies now; None where there was nothing.
    entries, joblib_entries : int
        Results of the cache's own store, and of :class:`joblib.Memory` under ``@cacheable``.
    bytes : int
        What these results take on disk.
    cleared_at : datetime or None
        In UTC.
    """

    path: Path | None = None
    entries: int = 0
    joblib_entries: int = 0
    bytes: int = 0
    cleared_at: datetime | None = None
    run: str = field(default="", repr=False)  #: the program, with what it started, that cleared
    #: Nothing is left in it but what could not be brought back, since something else is there now.
    only_conflicts: bool = field(default=False, repr=False)

    @property
    def restorable_until(self) -> datetime | None:
        """From when on it may be removed, in UTC."""
        return None if self.cleared_at is None else self.cleared_at + KEPT_FOR

    def __bool__(self) -> bool:
        return self.path is not None

    def __str__(self) -> str:
        if self.path is None or self.restorable_until is None:
            return "nothing to clear"
        return f"{self.contents}, restorable until {self.restorable_until:%Y-%m-%d %H:%M} UTC"

    @property
    def contents(self) -> str:
        """How much it is, and where."""
        return (
            f"{self.entries:,} entries and {self.joblib_entries:,} of joblib "
            f"({self.bytes / 1e6:,.1f} MB) in {self.path}"
        )


def _lock(base: Path) -> FileLock:
    """Held by whoever makes, empties or removes a cleared folder."""
    return FileLock(base / "flights" / "cleared.lock")


@contextlib.contextmanager
def held(base: Path) -> Iterator[None]:
    """Hold the lock; wait for whoever has it."""
    mine = _lock(base)
    mine.acquire()
    try:
        yield
    finally:
        mine.release()


def folders(base: Path) -> list[Cleared]:
    """The cleared folders, oldest first, by their accounts; counted where one has none yet."""
    return [_read(path) or measure(path) for path in _paths(base)]


def new_folder(base: Path) -> Cleared:
    """Make a folder whose name says when, and begin its account."""
    now = datetime.now(UTC)
    path = base / _FOLDER / f"{now.strftime(_STAMP)}-{secrets.token_hex(2)}"
    path.parent.mkdir(exist_ok=True)
    path.mkdir()
    cleared = Cleared(path, cleared_at=now, run=prospect.run_card())
    _write(cleared, counted=False)
    return cleared


def account(path: Path, *, only_conflicts: bool = False) -> Cleared:
    """Count what lies in a folder, and write it down."""
    cleared = replace(measure(path), only_conflicts=only_conflicts)
    _write(cleared, counted=True)
    return cleared


def measure(path: Path) -> Cleared:
    """Count what lies in a folder."""
    entries, size = _index_holds(path)
    outputs, joblib_size = count_outputs(path / JOBLIB_FOLDER)
    run = _account_of(path).get("run", "")
    return Cleared(path, entries, outputs, size + joblib_size, _cleared_at(path), str(run))


def functions_in(path: Path) -> dict[str, tuple[int, int]]:
    """Entries and bytes of the store's results in a folder, by function."""
    query = "SELECT function, count(*), total(size) FROM claim GROUP BY function"
    if not (path / INDEX).exists():
        return {}
    with contextlib.closing(sqlite3.connect(path / INDEX, timeout=1.0)) as index:
        found = index.execute(query).fetchall()
    return {str(function): (int(count), int(size)) for function, count, size in found}


def has_outputs(folder: Path) -> bool:
    """Whether joblib keeps any result in a folder."""
    return any("output.pkl" in files for _, _, files in os.walk(folder))


def count_outputs(folder: Path) -> tuple[int, int]:
    """How many results joblib keeps in a folder, and their bytes."""
    count = size = 0
    for place, _, files in os.walk(folder):
        if "output.pkl" in files:
            with contextlib.suppress(OSError):  # removed meanwhile
                size += sum(Path(place, file).stat().st_size for file in files)
                count += 1
    return count, size


def remove(cleared: Cleared) -> None:
    """Remove a folder for good; what is interrupted is gone on with by :func:`tidy`."""
    assert cleared.path is not None
    going = cleared.path.with_name(f".{cleared.path.name}.going")
    cleared.path.rename(going)
    shutil.rmtree(going, ignore_errors=True)


def tidy(base: Path) -> list[Cleared]:
    """Remove what is past its time, and what an interrupted removal left; the lock is held.

    Returns
    -------
    list of Cleared
        What was past its time.
    """
    for going in (base / _FOLDER).glob(".*.going"):
        shutil.rmtree(going, ignore_errors=True)
    outdated = []
    for path in _paths(base):
        if _is_empty(path) or datetime.now(UTC) >= _cleared_at(path) + KEPT_FOR:
            cleared, was_empty = _read(path) or measure(path), _is_empty(path)
            with contextlib.suppress(OSError):  # another user's
                remove(cleared)
                outdated += [] if was_empty else [cleared]
    tidy_empty(base)
    return outdated


def tidy_empty(base: Path) -> None:
    """Remove the folder of the cleared folders unless there is one in it."""
    with contextlib.suppress(OSError):
        (base / _FOLDER).rmdir()


class RoomBeside:
    """The bytes that cleared folders take beside one store, looked up now and then."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._listed: int | None = None
        self._due = 0.0
        self._bytes = 0

    def make_room(self, room: int) -> None:
        """Remove the oldest cleared folders until the others take no more than ``room`` bytes."""
        gone: list[Cleared] = []
        # Where they cannot be removed now (a restoration is under way), the next put tries.
        with contextlib.suppress(OSError):
            if self._taken() <= room:
                return
            with _tried(self._base) as mine:
                if mine:
                    self._bytes, gone = _remove_down_to(self._base, room)
        if gone:
            warn_once(
                ("cleared-removed", str(self._base)),
                f"With what was cleared and kept to be restored, the cache {self._base} was over "
                f"its size limit, so the oldest of that was removed ({gone[0].contents}). Raise "
                "the limit to keep more.",
            )

    def _taken(self) -> int:
        try:
            listed = (self._base / _FOLDER).stat().st_mtime_ns
        except OSError:
            return 0
        now = time.monotonic()
        if listed != self._listed or now >= self._due:
            self._listed, self._due = listed, now + _LOOK_EVERY
            found = [(path, _read(path)) for path in _paths(self._base)]
            if any(cleared is None for _, cleared in found):
                with _tried(self._base) as mine:
                    # Without the lock, whoever has it is filling the folder at this moment.
                    if mine:
                        found = [(path, _read(path) or account(path)) for path, _ in found]
            self._bytes = sum(cleared.bytes for _, cleared in found if cleared is not None)
        return self._bytes


def would_go(base: Path, room: int | None) -> tuple[list[Cleared], list[Cleared]]:
    """What :func:`tidy` would remove as outdated, and what to leave ``room`` bytes; nothing is."""
    now = datetime.now(UTC)
    found = folders(base)
    outdated = [one for one in found if one.restorable_until and now >= one.restorable_until]
    kept = [one for one in found if one not in outdated]
    going: list[Cleared] = []
    taken = sum(cleared.bytes for cleared in kept)
    for cleared in kept:
        if room is None or taken <= room:
            break
        if cleared.bytes:
            going.append(cleared)
            taken -= cleared.bytes
    return outdated, going


def _remove_down_to(base: Path, room: int) -> tuple[int, list[Cleared]]:
    kept = folders(base)
    taken, gone = sum(cleared.bytes for cleared in kept), []
    for cleared in kept:
        if taken <= room:
            break
        if cleared.bytes:
            with contextlib.suppress(OSError):  # not ours to remove: it goes on counting
                remove(cleared)
                taken -= cleared.bytes
                gone.append(cleared)
    return taken, gone


@contextlib.contextmanager
def _tried(base: Path) -> Iterator[bool]:
    """Hold the lock if nobody else does and it can be had."""
    lock, mine = _lock(base), False
    with contextlib.suppress(OSError):
        mine = lock.acquire(blocking=False)
    try:
        yield mine
    finally:
        if mine:
            lock.release()


def _paths(base: Path) -> list[Path]:
    with contextlib.suppress(OSError), os.scandir(base / _FOLDER) as items:
        return sorted(
            Path(item.path)
            for item in items
            if _is_dated(item.name) and item.is_dir(follow_symlinks=False)
        )
    return []


def _cleared_at(path: Path) -> datetime:
    return datetime.strptime(path.name[:23], _STAMP).replace(tzinfo=UTC)


def _is_dated(name: str) -> bool:
    """Whether a folder may be one that was cleared, by its name."""
    if not _NAME.fullmatch(name):
        return False
    try:
        datetime.strptime(name[:23], _STAMP).replace(tzinfo=UTC)
    except ValueError:  # the 31st of February
        return False
    return True


def _is_empty(path: Path) -> bool:
    return not any(os.path.lexists(path / name) for name in (INDEX, VALUES, JOBLIB_FOLDER))


def _index_holds(path: Path) -> tuple[int, int]:
    """Entries and bytes of the store, from its index; from the value files where it has none."""
    if (path / INDEX).exists():
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(path / INDEX, timeout=1.0)) as index,
        ):
            count, size = index.execute("SELECT count(*), total(size) FROM claim").fetchone()
            return int(count), int(size)
    count = size = 0
    for file in (path / VALUES).glob("*/*-*"):
        with contextlib.suppress(OSError):  # restored or removed meanwhile
            size += file.stat().st_size
            count += 1
    return count, size


def _account_of(path: Path) -> dict[str, object]:
    try:
        found = json.loads((path / _ACCOUNT).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # cut short: it is counted again
        return {}
    return found if isinstance(found, dict) else {}


def _read(path: Path) -> Cleared | None:
    """A folder by its account; None where that is not complete."""
    found = _account_of(path)
    numbers = [found.get(name) for name in ("entries", "joblib_entries", "bytes")]
    if not all(isinstance(number, int) for number in numbers):
        return None
    entries, joblib_entries, size = numbers
    return Cleared(
        path,
        entries,  # type: ignore[arg-type]  # checked above
        joblib_entries,  # type: ignore[arg-type]
        size,  # type: ignore[arg-type]
        _cleared_at(path),
        str(found.get("run", "")),
        bool(found.get("only_conflicts")),
    )


def _write(cleared: Cleared, *, counted: bool) -> None:
    assert cleared.path is not None
    fields: dict[str, object] = {"format": "afml-cache cleared 1", "run": cleared.run}
    if counted:
        fields |= {
            "entries": cleared.entries,
            "joblib_entries": cleared.joblib_entries,
            "bytes": cleared.bytes,
            "only_conflicts": cleared.only_conflicts,
        }
    location.replace_text(cleared.path / _ACCOUNT, json.dumps(fields))
