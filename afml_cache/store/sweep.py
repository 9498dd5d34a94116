"""Removing what killed processes left behind: half-written files, files without a row.

Done bit by bit: a put looks at the folder that it has just written to.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from afml_cache.store import rows
from afml_cache.store.claims import UnavailableError
from afml_cache.store.flight import Flights
from afml_cache.store.index import Index

#: Younger files may still be on their way into the index.
LEFT_ALONE = 3600.0


class Sweeper:
    """Remembers which folders this process has swept."""

    def __init__(self, flights: Flights) -> None:
        self._flights = flights
        self._swept: dict[Path, float] = {}

    def sweep(
        self, folder: Path, index: Index, removed: Callable[[int], None] | None = None
    ) -> None:
        """Sweep one folder of value files, unless that was done not long ago.

        ``removed`` is told the bytes of each file that went.
        """
        now = time.time()
        if now < self._swept.get(folder, 0.0) + LEFT_ALONE:
            return
        if not self._swept:
            self._flights.sweep(now - LEFT_ALONE)
        self._swept[folder] = now
        # What cannot be looked at now will be the next time.
        with contextlib.suppress(OSError, UnavailableError), os.scandir(folder) as items:
            for item in items:
                status = item.stat(follow_symlinks=False)
                if status.st_mtime >= now - LEFT_ALONE:
                    continue
                if _is_draft(item.name) or _is_orphan(item.name, index):
                    os.unlink(item.path)  # noqa: PTH108 - it is a path, not a Path
                    if removed is not None:
                        removed(status.st_size)


def _is_draft(name: str) -> bool:
    return name.startswith(".") and name.endswith(".part")


def _is_orphan(name: str, index: Index) -> bool:
    if not rows.is_value_name(name):
        return False
    bounds = rows.range_of(bytes.fromhex(name[: 2 * rows.DIGEST_SIZE]))
    query = "SELECT body FROM entry WHERE slot BETWEEN ? AND ?"
    held = index.read(lambda cursor: cursor.execute(query, bounds).fetchall())
    return name not in {body for (body,) in held}
