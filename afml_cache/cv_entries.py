"""Which entries are of cross-validations: for ``clear_cv_cache``, in any process.

Entries are noted, not the names of functions: other functions may bear the same name, in another
project or once the decorator was changed.
"""

from __future__ import annotations

import os
from pathlib import Path

from afml_cache import notices
from afml_cache.store import location
from afml_cache.store.store import Store

#: What this process has noted, by the list.
_noted: dict[Path, set[bytes]] = {}


def note_entry(store: Store, digest: bytes, function: str) -> None:
    """Write down that an entry, which is about to be computed, is of a cross-validation."""
    path = _list_of(store)
    noted = _noted.setdefault(path, set())
    if digest in noted:
        return
    noted.add(digest)
    try:
        location.make_folder(store.directory, path.parent)
        # One write to the end of the file: many processes may do so at once.
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, f"{digest.hex()}\n".encode())
        finally:
            os.close(handle)
    except OSError as error:
        notices.warn_once(
            ("cv_note", str(path)),
            f"{path} cannot be written to ({error}), so clear_cv_cache() in another process will "
            f"not know that {function}() cross-validates; "
            f"selective_cache_clear(functions={function!r}) clears it",
        )


def cross_validated_entries(store: Store) -> set[bytes]:
    """The digests of entries of cross-validations, whether they are still there or not.

    Raises
    ------
    OSError
        The list of them cannot be read.
    """
    path = _list_of(store)
    digests = set(_noted.get(path, ()))
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return digests
    for line in text.splitlines():
        try:
            digests.add(bytes.fromhex(line))
        except ValueError:  # half a line: whoever wrote it was killed before it was stored
            continue
    return digests


def _list_of(store: Store) -> Path:
    return store.directory / location.RECORDS / "cross_validated_entries.txt"
