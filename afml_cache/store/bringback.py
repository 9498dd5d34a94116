"""Bringing cleared entries back into the store: what is absent now is taken over.

A file is linked into its place before its row is written and unlinked from the cleared folder
after, so whoever is killed in between leaves nothing that the next restoration cannot finish.
What is taken over is trusted no more than any other row: its seal is checked when it is opened.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afml_cache.errors import ClearingError
from afml_cache.store import location, notes, rows
from afml_cache.store.claims import BadEntryError, UnavailableError
from afml_cache.store.cleared import INDEX, VALUES
from afml_cache.store.index import Index
from afml_cache.store.patience import patiently
from afml_cache.store.pool import Pool
from afml_cache.store.repair import BESIDE, salvage, value_files
from afml_cache.store.schema import CORRUPT, ERRORS, NewerIndexError, cause_of, is_current
from afml_cache.store.valuefile import read_record
from afml_cache.store.vault import Vault

_AT_ONCE = 200
#: Begins the name, in the table ``meta``, of a folder whose counters have been added.
_MARK = "restored:"
_PAGE = f"{rows.SELECT_ROWS} WHERE slot > ? ORDER BY slot LIMIT {_AT_ONCE}"


@dataclass(slots=True)
class Taken:
    """What became of cleared entries."""

    entries: int = 0  #: brought back
    present: int = 0  #: the store had them again
    unreadable: int = 0  #: damaged, or their file is gone

    def add(self, other: Taken) -> None:
        """Count what became of others, too."""
        self.entries += other.entries
        self.present += other.present
        self.unreadable += other.unreadable


class BringBack:
    """One cleared folder on its way back into a store; used once."""

    def __init__(self, folder: Path, index: Index, vault: Vault) -> None:
        self._folder = folder
        self._index = index
        self._vault = vault
        self._taken = Taken()

    def run(self) -> Taken:
        """Bring back every entry and the counters, and remove what is then of no use.

        Raises
        ------
        ClearingError
            The store cannot be written, or a newer version cleared the folder. What has been
            brought back until then is back, the rest is where it was.
        """
        if (self._folder / INDEX).exists() or (self._folder / VALUES).exists():
            try:
                self._run()
            except NewerIndexError as newer:
                raise ClearingError(
                    f"What lies in {self._folder} was written by a newer version ({newer}). It is "
                    "left as it is: upgrade afml-cache, and restore it then."
                ) from newer
            except UnavailableError as down:
                raise ClearingError(f"Not everything was brought back. {down.detail}") from down
            except ERRORS as error:
                raise ClearingError(
                    f"Not everything was brought back ({error}). The rest is still in "
                    f"{self._folder}: restore it again."
                ) from error
        return self._taken

    def _run(self) -> None:
        cleared = self._folder / INDEX
        sound = False
        if cleared.exists():
            try:
                self._from_index(cleared)
                sound = True
            except ERRORS as error:
                if cause_of(error) != CORRUPT:
                    raise
                saved = self._index.write(lambda cursor: self._salvage(cursor, cleared))
                self._taken.entries += saved
        if not sound:
            self._from_files()
        for name in (INDEX, *(INDEX + suffix for suffix in BESIDE)):
            (self._folder / name).unlink(missing_ok=True)
        if (self._folder / VALUES).exists():
            shutil.rmtree(self._folder / VALUES)
        forget = "DELETE FROM meta WHERE name=?"
        self._index.write(lambda cursor: cursor.execute(forget, (self._mark,)).rowcount)

    @property
    def _mark(self) -> str:
        return f"{_MARK}{self._folder.name}"

    # -- with an index ---------------------------------------------------------------

    def _from_index(self, path: Path) -> None:
        pool = Pool()
        # A program that had it open when it was cleared may close it at this moment.
        cursor = patiently(path, lambda: pool.connect(f"{path.as_uri()}?mode=rw"))
        try:
            if not is_current(cursor):
                return
            after: bytes = b""
            while found := cursor.execute(_PAGE, (after,)).fetchall():
                after = found[-1][0]
                self._take([rows.row_from_fields(fields) for fields in found])
            self._index.write(lambda live: notes.copy(cursor, live, notes.codes(cursor)))
            counts = cursor.execute("SELECT function, name, value FROM counter").fetchall()
            begun = cursor.execute(f"SELECT name FROM meta WHERE name GLOB '{_MARK}*'").fetchall()
        finally:
            pool.discard(cursor)
        self._index.write(lambda live: self._add_counts(live, counts, begun))

    def _add_counts(
        self,
        cursor: sqlite3.Cursor,
        counts: list[tuple[Any, Any, Any]],
        begun: list[tuple[Any]],
    ) -> None:
        if self._begun(cursor):
            return
        for function, name, value in counts:
            if isinstance(value, int | float):
                rows.add_counter(cursor, str(function), str(name), value)
        # Folders whose counters are among these already: their restoration was cut short, and
        # the store was cleared after that.
        cursor.executemany("INSERT OR IGNORE INTO meta VALUES (?, 1)", begun)

    def _begun(self, cursor: sqlite3.Cursor) -> bool:
        """Whether the counters were added by a restoration that was cut short; marks it so."""
        mark = "INSERT OR IGNORE INTO meta VALUES (?, 1)"
        return cursor.execute(mark, (self._mark,)).rowcount == 0

    # -- without one -----------------------------------------------------------------

    def _salvage(self, cursor: sqlite3.Cursor, path: Path) -> int:
        return 0 if self._begun(cursor) else salvage(cursor, path)

    def _from_files(self) -> None:
        batch: list[rows.Row | None] = []
        for path in value_files(self._folder / VALUES):
            try:
                digest, owner, record = read_record(path, None)
                size = path.stat().st_size
                batch.append(rows.row_from_record(digest + owner, record, path.name, size))
            except (BadEntryError, OSError):
                batch.append(None)
            if len(batch) == _AT_ONCE:
                self._take(batch)
                batch = []
        self._take(batch)

    # -- both ------------------------------------------------------------------------

    def _take(self, batch: list[rows.Row | None]) -> None:
        readable = [row for row in batch if row is not None]

        def work(cursor: sqlite3.Cursor) -> Taken:
            taken = Taken(unreadable=len(batch) - len(readable))
            for row in readable:
                if self._is_present(cursor, row.slot):
                    taken.present += 1
                elif isinstance(row.body, str) and not self._place(row):
                    taken.unreadable += 1
                else:
                    rows.insert(cursor, row)
                    taken.entries += 1
            return taken

        self._taken.add(self._index.write(work))
        for row in readable:
            if isinstance(row.body, str) and rows.is_value_name(row.body):
                with contextlib.suppress(OSError):  # it goes with the folder
                    (self._folder / VALUES / row.body[:2] / row.body).unlink()

    def _is_present(self, cursor: sqlite3.Cursor, slot: bytes) -> bool:
        found = cursor.execute("SELECT body FROM entry WHERE slot=?", (slot,)).fetchone()
        if found is None:
            return False
        try:
            return isinstance(found[0], bytes) or self._vault.path(slot, found[0]).exists()
        except BadEntryError:
            return False

    def _place(self, row: rows.Row) -> bool:
        """Put the file of a row where the store looks for it; False where there is none."""
        try:
            place = self._vault.path(row.slot, row.body)
        except BadEntryError:
            return False
        cleared = self._folder / VALUES / place.parent.name / place.name
        try:
            # What looks old and has no row yet would be swept away.
            os.utime(cleared)
        except FileNotFoundError:
            return place.exists()  # it was placed before a restoration was cut short
        location.make_folder(self._index.base, place.parent)
        try:
            os.link(cleared, place)
        except FileExistsError:
            pass
        except OSError as error:
            if error.errno == errno.EXDEV:  # the folder of the values was a link
                location.copy_if_absent(cleared, place)
            else:  # a file system without links
                cleared.rename(place)
        return True
