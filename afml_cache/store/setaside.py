"""Moving some entries aside, so that they can be brought back as after a whole clearing.

They are copied into a cleared folder first (a row each, and a second name for the file), and only
then removed; whoever is killed in between leaves entries that are in both places, which the
restoration finds present.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from afml_cache.errors import ClearingError
from afml_cache.outcomes import Reason
from afml_cache.store import notes, rows
from afml_cache.store.claims import BadEntryError, UnavailableError
from afml_cache.store.cleared import INDEX, VALUES, Cleared, account, held, new_folder, remove, tidy
from afml_cache.store.index import Index
from afml_cache.store.patience import patiently
from afml_cache.store.pool import Pool
from afml_cache.store.schema import create
from afml_cache.store.store import Store

_AT_ONCE = 500


def set_aside(
    store: Store,
    *,
    functions: Collection[str] = (),
    digests: Collection[bytes] = (),
    beside: Callable[[Path], None] | None = None,
    remembered: bool = True,
) -> Cleared:
    """Move entries aside; the next :meth:`Store.get` of one gives ``Reason.CLEARED``.

    Parameters
    ----------
    store : Store
    functions : collection of str
        All entries of these, whoever sealed them.
    digests : collection of bytes
        Single entries.
    beside : callable, optional
        Given the cleared folder, moves what is not the store's into it.
    remembered : bool
        Otherwise the calls are as if they had never been made: what `@cacheable` has stored of
        them may be adopted, which a cleared result may not be.

    Returns
    -------
    Cleared
        What was moved; false where there was nothing.

    Raises
    ------
    ClearingError
        Not everything could be moved; nothing is lost.
    """
    base = store.directory
    if store.read_only:
        raise ClearingError(
            f"nothing is cleared from the cache {base} in mode 'readonly'; "
            "configure(mode='on') first"
        )
    if not base.is_dir():
        return Cleared()
    store.flush()
    index = store._index
    try:
        with held(base):
            tidy(base)
            slots = index.read(lambda cursor: _slots(cursor, functions, digests))
            if not slots and beside is None:
                return Cleared()
            index.require_writable()
            folder = new_folder(base)
            assert folder.path is not None
            try:
                if slots:
                    _move(store, slots, folder.path, Reason.CLEARED if remembered else None)
                if beside is not None:
                    beside(folder.path)
            finally:
                moved = account(folder.path)
                if not (moved.entries or moved.joblib_entries):
                    remove(moved)
            return moved if moved.entries or moved.joblib_entries else Cleared()
    except UnavailableError as down:
        raise ClearingError(f"Not everything was cleared. {down.detail}") from down
    except (OSError, sqlite3.Error) as error:
        raise ClearingError(
            f"Not everything could be moved aside in the cache {base} ({error}); what was moved "
            "can be restored. See that the disk has room and the directory can be written to, and "
            "clear again."
        ) from error


def _slots(
    cursor: sqlite3.Cursor, functions: Collection[str], digests: Collection[bytes]
) -> list[bytes]:
    found = [slot for digest in digests for slot in rows.slots_of(cursor, digest)]
    for function in functions:
        named = cursor.execute("SELECT slot FROM claim WHERE function=?", (function,))
        found += [slot for (slot,) in named]
    return list(dict.fromkeys(found))


def _move(store: Store, slots: list[bytes], folder: Path, reason: Reason | None) -> None:
    pool, path = Pool(), folder / INDEX
    cleared = pool.connect(f"{path.as_uri()}?mode=rwc")

    def commit() -> sqlite3.Cursor:
        # Whoever explains a miss, or tells what can be restored, reads it at any moment.
        return patiently(path, lambda: cleared.execute("COMMIT"))

    try:
        cleared.execute("PRAGMA journal_mode=delete")
        cleared.execute("BEGIN IMMEDIATE")
        create(cleared)
        commit()
        for start in range(0, len(slots), _AT_ONCE):
            some = list(_rows(store._index, slots[start : start + _AT_ONCE]))
            cleared.execute("BEGIN IMMEDIATE")
            for row in some:
                if _keep_file(store, row, folder):
                    rows.insert(cleared, row)
            codes = {row.code for row in some}
            store._index.read(lambda live: notes.copy(live, cleared, codes))  # noqa: B023 - run here
            commit()
            store._vault.discard(store._index.write(_removal(some, reason)))
        store._index.write(notes.sweep)
    finally:
        pool.discard(cleared)


def _removal(some: list[rows.Row], reason: Reason | None) -> Callable[[sqlite3.Cursor], list[str]]:
    def work(cursor: sqlite3.Cursor) -> list[str]:
        same = []
        for row in some:
            found = cursor.execute("SELECT body FROM entry WHERE slot=?", (row.slot,)).fetchone()
            if found is not None and found[0] == row.body:  # else it was stored anew meanwhile
                same.append(row.slot)
        return rows.remove(cursor, same, reason)

    return work


def _rows(index: Index, slots: list[bytes]) -> Iterator[rows.Row]:
    """The rows; a damaged one stays where it is, for `verify` to name."""
    query = f"{rows.SELECT_ROWS} WHERE slot=?"
    found = index.read(lambda cursor: [cursor.execute(query, (slot,)).fetchone() for slot in slots])
    for fields in found:
        row = None if fields is None else rows.row_from_fields(fields)
        if row is not None:
            yield row


def _keep_file(store: Store, row: rows.Row, folder: Path) -> bool:
    """Give the file of a row a second name in the folder; False where it is gone."""
    if not isinstance(row.body, str):
        return True
    try:
        place = store._vault.path(row.slot, row.body)
    except BadEntryError:
        return False
    target = folder / VALUES / place.parent.name / place.name
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(place, target)
    except FileExistsError:
        pass
    except FileNotFoundError:
        return False
    except OSError:  # a file system without links
        shutil.copyfile(place, target)
    return True
