"""The code under which joblib's entries of a function may be adopted, and what bars them.

joblib knows only the function's own source. Nothing tells by which helpers its entries were
computed, so the first adoption pins the code that the function reaches then: under any other,
they are refused. Clearing a function bars what joblib stored before. Both are kept in
``<base>/records/adoption.sqlite``, which is never cleared or evicted.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from afml_cache.keys.code import Fingerprint
from afml_cache.keys.extent import Extent, Period
from afml_cache.store import location
from afml_cache.store.store import Store

T = TypeVar("T")

#: The folder of the base directory that holds what is not cache.
RECORDS = "records"
_PATIENCE = 5.0

_TABLES = (
    "CREATE TABLE IF NOT EXISTS pin (function TEXT, part TEXT, digest TEXT, "
    "PRIMARY KEY (function, part)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS bar (function TEXT, at REAL, token TEXT, since INTEGER, "
    "until INTEGER, naive_since INTEGER, naive_until INTEGER)",
)

#: Rows of a pin that are no part's: the digests of the whole, and packages.
_CODE, _ENVIRONMENT, _PACKAGE = "(code)", "(environment)", "(package) "


@dataclass(frozen=True, slots=True)
class Pin:
    """What is pinned of a function: names of parts and packages -> digests and versions."""

    rows: Mapping[str, str]

    def contradicts(self, own: Fingerprint, whole: Fingerprint) -> str | None:
        """What is other now than when it was pinned, in words; None where nothing is.

        Parameters
        ----------
        own : Fingerprint
            Of the function.
        whole : Fingerprint
            Of the function and of the code that the arguments bring along.
        """
        parts = {
            name: digest
            for name, digest in whole.parts.items()
            if self.rows.get(name, digest) != digest
        }
        if parts:
            return f"{_listed(sorted(parts))} {_was(parts)} edited"
        if self.rows.get(_ENVIRONMENT, own.environment.hex()) != own.environment.hex():
            changed = [
                f"{name} was {before}, is {version}"
                for name, version in sorted(own.packages.items())
                if (before := self.rows.get(_PACKAGE + name, version)) != version
            ]
            return "; ".join(changed) or "the packages that it reaches were changed"
        if self.rows.get(_CODE, own.code.hex()) != own.code.hex():
            return "the code that it reaches was changed"
        return None


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _was(names: Mapping[str, str]) -> str:
    return "was" if len(names) == 1 else "were"


def pinned(store: Store, function: str) -> Pin | None:
    """What is pinned of a function; None where nothing is.

    Raises
    ------
    OSError, sqlite3.Error
        The records cannot be read.
    """
    rows = _read(
        store,
        lambda db: db.execute(
            "SELECT part, digest FROM pin WHERE function=?", (function,)
        ).fetchall(),
    )
    return Pin(dict(rows)) if rows else None


def pin(store: Store, function: str, own: Fingerprint, whole: Fingerprint) -> str | None:
    """Pin what is not pinned yet, in one step across processes; written to only if need be.

    Returns
    -------
    str or None
        What contradicts an earlier pin, in words; then nothing was pinned.

    Raises
    ------
    OSError, sqlite3.Error
        The records cannot be written.
    """

    wanted = _rows_of(own, whole)
    known = pinned(store, function)
    if known is not None and wanted.keys() <= known.rows.keys():
        return known.contradicts(own, whole)

    def work(db: sqlite3.Connection) -> str | None:
        rows = dict(
            db.execute("SELECT part, digest FROM pin WHERE function=?", (function,)).fetchall()
        )
        against = Pin(rows).contradicts(own, whole) if rows else None
        if against is None:
            new = {name: digest for name, digest in wanted.items() if name not in rows}
            db.executemany(
                "INSERT INTO pin VALUES (?, ?, ?)", [(function, *row) for row in new.items()]
            )
        return against

    return _write(store, work)


def pin_anew(store: Store, function: str, rows: Mapping[str, str]) -> None:
    """Replace what is pinned of a function; raises as :func:`pin`."""

    def work(db: sqlite3.Connection) -> None:
        db.execute("DELETE FROM pin WHERE function=?", (function,))
        db.executemany(
            "INSERT INTO pin VALUES (?, ?, ?)", [(function, *row) for row in rows.items()]
        )

    _write(store, work)


def rows_of_code(fingerprint: Fingerprint, names: frozenset[str]) -> dict[str, str]:
    """The rows of a pin that holds some parts of the code, and nothing else."""
    return {name: v for name, v in fingerprint.parts.items() if name in names}


def rows_of(own: Fingerprint) -> dict[str, str]:
    """The rows of a pin of all that a function reaches."""
    return _rows_of(own, own)


def _rows_of(own: Fingerprint, whole: Fingerprint) -> dict[str, str]:
    packages = {_PACKAGE + name: version for name, version in whole.packages.items()}
    return {
        _CODE: own.code.hex(),
        _ENVIRONMENT: own.environment.hex(),
        **packages,
        **whole.parts,
    }


#: Stands for every function.
EVERY = "*"


def bar(store: Store, function: str, token: str = "", period: Period | None = None) -> None:
    """Refuse, from now on, what joblib has stored of a function so far; raises as :func:`pin`.

    Parameters
    ----------
    function : str
        Its identity, or `EVERY`.
    token : str
        Names the bar for :func:`lift`.
    period : Period, optional
        Only calls whose arguments touch it.
    """
    bounds = (None,) * 4 if period is None else (*period.aware, *period.naive)
    row = (function, time.time(), token, *bounds)
    _write(store, lambda db: db.execute("INSERT INTO bar VALUES (?, ?, ?, ?, ?, ?, ?)", row))


def lift(store: Store, token: str) -> None:
    """Take a bar back; raises as :func:`pin`."""
    if records_file(store).exists():
        _write(store, lambda db: db.execute("DELETE FROM bar WHERE token=?", (token,)))


def barred(
    store: Store, function: str, written: float, extents: Callable[[], Mapping[str, Extent]]
) -> bool:
    """Whether an entry of a function may not be used; raises as :func:`pinned`.

    Parameters
    ----------
    written : float
        When the entry was stored, in seconds since the epoch.
    extents : callable
        Gives the stretches of time that the call covers; asked only if need be.
    """
    query = "SELECT * FROM bar WHERE function IN (?, ?) AND at >= ?"
    bars = _read(store, lambda db: db.execute(query, (function, EVERY, written)).fetchall())
    periods = [Period((row[3], row[4]), (row[5], row[6])) for row in bars if row[3] is not None]
    if len(periods) < len(bars):
        return True
    return bool(periods) and any(period.meets(extents()) for period in periods)


def records_file(store: Store) -> Path:
    """Where the pins and bars of a store lie."""
    return store.directory / RECORDS / "adoption.sqlite"


def _read(
    store: Store, work: Callable[[sqlite3.Connection], list[tuple[Any, ...]]]
) -> list[tuple[Any, ...]]:
    path = records_file(store)
    if not path.exists():
        return []
    address = f"{path.as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=_PATIENCE)) as db:
        try:
            return work(db)
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):  # another process is just making it
                return []
            raise


def _write(store: Store, work: Callable[[sqlite3.Connection], T]) -> T:
    with _opened(store) as db:
        db.execute("BEGIN IMMEDIATE")
        for statement in _TABLES:
            db.execute(statement)
        result = work(db)
        db.execute("COMMIT")
        return result


@contextlib.contextmanager
def _opened(store: Store) -> Iterator[sqlite3.Connection]:
    path = records_file(store)
    location.make_folder(store.directory, path.parent)
    # A rollback journal: it works on every file system, and writes are rare.
    with contextlib.closing(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)) as db:
        yield db
