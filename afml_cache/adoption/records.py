"""``<base>/records/adoption.sqlite``: what is known of adoptions, never cleared or evicted."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from afml_cache.store import location
from afml_cache.store.store import Store

T = TypeVar("T")

#: Seconds to wait for another process, and after a wait in vain before anybody waits again.
_PATIENCE, _RESPITE = 5.0, 10.0
#: Records that nobody could get at, and until when nobody tries again.
_respite: dict[Path, float] = {}


class Records:
    """The file of one store; a connection a question, since questions are rare.

    Reading and writing raise `OSError` or `sqlite3.Error`.
    """

    __slots__ = ("directory", "path")

    def __init__(self, store: Store) -> None:
        self.directory = store.directory
        self.path = store.directory / location.RECORDS / "adoption.sqlite"

    def read(self, query: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """The rows that a query finds; none where there are no records."""
        if not self.path.exists():
            return []
        with self._patiently(), _connected(f"{self.path.as_uri()}?mode=ro", uri=True) as db:
            try:
                return db.execute(query, parameters).fetchall()
            except UnicodeDecodeError as error:
                raise self.damaged(error) from error
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):  # nobody has written any yet
                    return []
                if "readonly" in str(error):
                    # Somebody was killed while he wrote: only who may write can take that back.
                    with _connected(str(self.path)) as writer:
                        return writer.execute(query, parameters).fetchall()
                raise

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do some work in one transaction."""
        location.make_folder(self.directory, self.path.parent)
        if not self.path.exists():
            # The sources of projects lie there; the folder may be one that others can read.
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        # A rollback journal: it works on every file system, and writes are rare.
        with self._patiently(), _connected(str(self.path)) as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                result = work(db)
            except UnicodeDecodeError as error:
                raise self.damaged(error) from error
            db.execute("COMMIT")
            return result

    def damaged(self, why: object) -> sqlite3.DatabaseError:
        """What to raise where the records hold what nobody can have written."""
        return sqlite3.DatabaseError(f"{self.path} is damaged ({why})")

    @contextlib.contextmanager
    def _patiently(self) -> Iterator[None]:
        """Do not wait at every call for somebody who keeps the records locked."""
        if time.monotonic() < _respite.get(self.path, 0.0):
            raise sqlite3.OperationalError("another process keeps them locked")
        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                _respite[self.path] = time.monotonic() + _RESPITE
            raise


@contextlib.contextmanager
def _connected(place: str, *, uri: bool = False) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(
        sqlite3.connect(place, uri=uri, timeout=_PATIENCE, isolation_level=None)
    ) as db:
        yield db
