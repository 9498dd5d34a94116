"""Bringing cleared runs back; what cannot take its place again stays where it is.

A run may have been recorded again since it was cleared, by a hit or by hand. Where both say the
same, the cleared one gives what the other lacks. Where they differ, the newer one is in its place
until the user asks for the older one, and then lies where that has been.
"""

from __future__ import annotations

import contextlib
import filecmp
import math
import os
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from afml_cache import notices
from afml_cache.backtests import kept_frames, tables
from afml_cache.backtests.book import FAULTS, FILE, RunBook
from afml_cache.backtests.cleared_runs import (
    AT_ONCE,
    INSERT,
    PARTS,
    folder_of,
    link,
    move,
    new_folder,
    opened,
    why,
)
from afml_cache.errors import ClearingError
from afml_cache.store.repair import BESIDE

_COLUMNS = tables.RUN.split(", ")
#: What two records of one run say alike, however often it was recorded.
_ALIKE = [name for name in tables.SAID.split(", ") if name not in ("seconds", "created")]
_ORIGIN = ("user", "host", "pid", "git_commit")

Row = dict[str, Any]


def restore(book: RunBook, *, replace: bool = False) -> int:
    """Bring every run back that was moved aside.

    Parameters
    ----------
    replace : bool, optional
        Also where another record of the run has been made since, which is moved aside instead.

    Returns
    -------
    int
        How many. Those that stay are told in a warning.

    Raises
    ------
    ClearingError
        Not all could be brought back; nothing is lost.
    """
    restored: set[str] = set()
    stay: dict[str, int] = {}
    try:
        # The newest first: of one run that was cleared twice, that is the one which is meant.
        for folder in sorted(folder_of(book).glob("*/"), reverse=True):
            if (folder / FILE).exists():
                left = _bring_back(book, folder, restored, replace)
                if left:
                    stay[folder.name] = left
            _tidy(book, folder)
    except FAULTS as error:
        raise ClearingError(
            f"not all runs in {folder_of(book)} could be brought back ({why(error)}); nothing is "
            "lost. See that the disk has room and the folder can be written to, and restore again"
        ) from error
    finally:
        book.known.clear()
    if stay:
        count = sum(stay.values())
        notices.warn_once(
            ("runs_stay_cleared", str(book.directory), *stay),
            f"{count:,} run{'s were' if count > 1 else ' was'} recorded again since clearing, with "
            f"other results, trades or equity curves: what was cleared stays in {folder_of(book)} "
            f"({', '.join(stay)}). restore_runs(replace=True) puts it in place of the newer "
            "records, and those aside",
        )
    return len(restored)


def _bring_back(book: RunBook, folder: Path, restored: set[str], replace: bool) -> int:
    """Empty one folder as far as that goes; how many runs are left in it."""
    with opened(folder / FILE) as aside:
        rows = [_row(one) for one in aside.execute(f"SELECT {tables.RUN} FROM run")]
        left = 0
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE]
            done, stay = _bring_some_back(book, folder, some, restored, replace)
            aside.execute("BEGIN")
            aside.executemany("DELETE FROM run WHERE id=?", [(one["id"],) for one in done])
            aside.execute("COMMIT")
            left += len(stay)
    return left


def _bring_some_back(
    book: RunBook, folder: Path, rows: list[Row], restored: set[str], replace: bool
) -> tuple[list[Row], list[Row]]:
    """The rows that are in place now, and those that are not."""
    marks = ",".join("?" * len(rows))
    found = book.read(
        f"SELECT {tables.RUN} FROM run WHERE id IN ({marks})", tuple(row["id"] for row in rows)
    )
    present = {row["id"]: row for row in map(_row, found)}
    stay = [
        row
        for row in rows
        if row["id"] in present and not _is_same(book, folder, row, present[row["id"]])
    ]
    if replace:
        moved = [row["id"] for row in stay if row["id"] not in restored]
        if moved:
            instead = new_folder(book)
            with opened(instead / FILE) as aside:
                move(book, aside, instead, moved, math.inf)
        stay = [row for row in stay if row["id"] in restored]
        present = {id: row for id, row in present.items() if id not in moved}
    staying = {row["id"] for row in stay}
    done = [row for row in rows if row["id"] not in staying]
    new = [row for row in done if row["id"] not in present]
    for row in new:
        for part in PARTS:
            _put(book, folder, row, part)
    completed = [
        _completed(book, folder, row, present[row["id"]]) for row in done if row["id"] in present
    ]
    update = ", ".join(f"{name}=?" for name in (*_ORIGIN, *PARTS))

    def write(cursor: sqlite3.Cursor) -> None:
        cursor.executemany(INSERT, [tuple(row[name] for name in _COLUMNS) for row in new])
        cursor.executemany(f"UPDATE run SET {update} WHERE id=?", completed)

    book.write(write)
    restored.update(row["id"] for row in new)
    return done, stay


def _row(values: tuple[Any, ...]) -> Row:
    return dict(zip(_COLUMNS, values, strict=True))


def _is_same(book: RunBook, folder: Path, cleared: Row, present: Row) -> bool:
    """Whether a record has all that a cleared one says, or lacks some of it."""
    if any(cleared[name] != present[name] for name in _ALIKE):
        return False
    return all(
        not _forms(folder, cleared, part)
        or not _is_kept(book, present, part)
        or all(
            path.exists() and filecmp.cmp(there, path, shallow=False)
            for there, path in _pairs(book, folder, cleared, part)
        )
        for part in PARTS
    )


def _completed(book: RunBook, folder: Path, cleared: Row, present: Row) -> tuple[Any, ...]:
    """What a record says of origin and files, with what the cleared one knows besides."""
    for part in PARTS:
        if _forms(folder, cleared, part) and not _is_kept(book, present, part):
            _put(book, folder, cleared, part)
            present = {**present, part: " ".join(_forms(folder, cleared, part))}
    origin = cleared if present["pid"] is None else present
    return (*(origin[name] for name in _ORIGIN), *(present[part] for part in PARTS), present["id"])


def _is_kept(book: RunBook, row: Row, part: str) -> bool:
    forms = row[part] or ""
    return forms not in ("", kept_frames.UNSAVED) and kept_frames.is_complete(
        book.directory, row["strategy"], row["id"], {part: forms}
    )


def _forms(folder: Path, row: Row, part: str) -> list[str]:
    """The forms of a part that lie in the folder."""
    name = kept_frames.place_of(folder, row["strategy"], row["id"], part, "").parent.name
    return [
        form
        for form in (row[part] or "").split()
        if (folder / name / f"{row['id']}.{part}.{form}").exists()
    ]


def _pairs(book: RunBook, folder: Path, row: Row, part: str) -> Iterator[tuple[Path, Path]]:
    """Where each file of a part lies in the folder, and where it belongs."""
    for form in _forms(folder, row, part):
        place = kept_frames.place_of(book.directory, row["strategy"], row["id"], part, form)
        yield folder / place.parent.name / place.name, place


def _put(book: RunBook, folder: Path, row: Row, part: str) -> None:
    """Give the files of a part the name that they had, whatever has it now."""
    for there, place in _pairs(book, folder, row, part):
        if place.exists() and (there.samefile(place) or filecmp.cmp(there, place, shallow=False)):
            continue
        draft = place.with_name(f".{os.getpid()}-{secrets.token_hex(4)}.part")
        try:
            link(there, draft)
            draft.replace(place)
        finally:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)


def _tidy(book: RunBook, folder: Path) -> None:
    """Remove from a folder what is in its place again, and then the folder, if nothing is left."""
    path = folder / FILE
    wanted: set[str] = set()
    if path.exists():
        with opened(path) as aside:
            wanted = {id for (id,) in aside.execute("SELECT id FROM run")}
    for name in kept_frames.FORMS:
        for there in folder.glob(f"*/*.{name}"):
            place = kept_frames.folder_of(book.directory) / there.parent.name / there.name
            run_id = there.name.rsplit(".", 2)[0]
            if run_id in wanted or not place.exists():
                continue
            if filecmp.cmp(there, place, shallow=False):
                there.unlink()
    if not wanted:
        for suffix in ("", *BESIDE):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    for inner in (*folder.glob("*/"), folder):
        with contextlib.suppress(OSError):  # something is left in it
            inner.rmdir()
