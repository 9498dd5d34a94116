"""The code under which joblib's entries of a function may be adopted, and what bars them.

joblib knows only the function's own source. Nothing tells by which helpers its entries were
computed, so when one is first adopted the code that the function reaches is pinned: the entries
stored until then are adopted under that code alone. Entries that were stored later, after a
rollback say, wait for the next pin. Clearing a function bars what joblib has stored before. Both go
by joblib's own name for the function.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from afml_cache.adoption.records import Records
from afml_cache.keys.code import Fingerprint
from afml_cache.keys.extent import Extent, Period

T = TypeVar("T")

_TABLES = (
    "CREATE TABLE IF NOT EXISTS pin (function TEXT, at REAL, part TEXT, digest TEXT, "
    "PRIMARY KEY (function, at, part)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS bar (function TEXT, at REAL, token TEXT, since INTEGER, "
    "until INTEGER, naive_since INTEGER, naive_until INTEGER)",
)

#: Rows of a pin that are no part's: the digests of the whole, and packages.
_CODE, _ENVIRONMENT, _PACKAGE = "(code)", "(environment)", "(package) "
#: Rows of a pin that was made by importing a module, when a migration was applied: the environment
#: that it was imported in, and which parts are no code but values.
_APPLIED, _VALUE = "(applied)", "(value) "
#: The row of a pin that somebody vouched for.
_BY_HAND = "(by hand)"


@dataclass(frozen=True, slots=True)
class Pin:
    """What was pinned of a function at one moment.

    Parameters
    ----------
    at : float
        Seconds since the epoch; entries stored until then belong to it.
    rows : mapping
        Names of parts and packages -> their digests and versions.
    """

    at: float
    rows: Mapping[str, str]

    @property
    def is_applied(self) -> bool:
        """Whether it was made when a migration was applied, and nothing was adopted since."""
        return _APPLIED in self.rows

    @property
    def is_vouched_for(self) -> bool:
        """Whether a person said that the code of then is right."""
        return _BY_HAND in self.rows

    def contradicts(
        self, own: Fingerprint, whole: Fingerprint, imported: Callable[[], Mapping[str, str] | None]
    ) -> str | None:
        """What is other now than when it was pinned, in words; None where nothing is.

        Parameters
        ----------
        own : Fingerprint
            Of the function.
        whole : Fingerprint
            Of the function and of the code that the arguments bring along.
        imported : callable
            Gives the digests of the parts right after an import, None where that cannot be had;
            asked only where parts are other values than they were at the import that was pinned.
        """
        parts = [
            name for name, digest in whole.parts.items() if self.rows.get(name, digest) != digest
        ]
        applied = self.rows.get(_APPLIED)
        are_values = bool(parts) and all(_VALUE + name in self.rows for name in parts)
        if applied is not None and are_values:
            again = imported() or {}
            if all(again.get(name) == self.rows[name] for name in parts):
                return None  # the program has set them, as it does
        if parts:
            return f"{_listed(sorted(parts))} {'was' if len(parts) == 1 else 'were'} edited"
        if applied is None or applied == sys.prefix:
            packages = [
                f"{name} was {before}, is {version}"
                for name, version in sorted(own.packages.items())
                if (before := self.rows.get(_PACKAGE + name, version)) != version
            ]
            if packages:
                return "; ".join(packages)
            if self.rows.get(_ENVIRONMENT, own.environment.hex()) != own.environment.hex():
                return "the packages that it reaches were changed"
        if self.rows.get(_CODE, own.code.hex()) != own.code.hex():
            return "the code that it reaches was changed"
        return None


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def pins(records: Records, function: str) -> list[Pin]:
    """What was pinned of a function, by joblib's name for it, the oldest first.

    Raises
    ------
    OSError, sqlite3.Error
        The records cannot be read.
    """
    return _grouped(records.read(_SELECT, (function,)))


_SELECT = "SELECT at, part, digest FROM pin WHERE function=? ORDER BY at"


def _grouped(rows: Iterable[tuple[Any, ...]]) -> list[Pin]:
    found: dict[float, dict[str, str]] = {}
    for at, part, digest in rows:
        if not (isinstance(at, float) and isinstance(part, str) and isinstance(digest, str)):
            raise sqlite3.DatabaseError("a pin is damaged")
        found.setdefault(at, {})[part] = digest
    return [Pin(at, parts) for at, parts in found.items()]


def governing(found: Iterable[Pin], written: float) -> Pin | None:
    """The pin that an entry belongs to: the first after it was stored, or else the last.

    A process that was started before a migration may go on storing what the older code computes.
    None where nothing was pinned.
    """
    pins = list(found)
    later = [pin for pin in pins if pin.at >= written]
    return later[0] if later else pins[-1] if pins else None


def pin(
    records: Records,
    function: str,
    written: float,
    own: Fingerprint,
    whole: Fingerprint,
    imported: Callable[[], Mapping[str, str] | None],
) -> str | None:
    """Pin for an entry what is not pinned yet, in one step across processes.

    Returns
    -------
    str or None
        What contradicts the entry's pin, in words; then nothing was pinned.

    Raises
    ------
    OSError, sqlite3.Error
        The records cannot be written, and nothing was pinned before.
    """
    wanted = _rows_of(own, whole)
    known = governing(pins(records, function), written)
    against = None if known is None else known.contradicts(own, whole, imported)
    if against is not None:
        return against
    if known is not None and _APPLIED not in known.rows and wanted.keys() <= known.rows.keys():
        return None  # nothing to write

    def work(db: sqlite3.Connection) -> str | None:
        known = governing(_grouped(db.execute(_SELECT, (function,)).fetchall()), written)
        against = None if known is None else known.contradicts(own, whole, imported)
        if against is None:
            at, rows = (time.time(), {}) if known is None else (known.at, dict(known.rows))
            if _APPLIED in rows:  # from now on, with the values that the program has set
                db.execute("DELETE FROM pin WHERE function=? AND at=?", (function, at))
                rows = {}
            _insert(db, function, at, {n: d for n, d in wanted.items() if n not in rows})
        return against

    try:
        return records.write(_made(work))
    except (OSError, sqlite3.Error):
        if known is None:
            raise
        return None  # what was pinned before agrees; the rest is pinned where it can be


def pin_anew(records: Records, function: str, rows: Mapping[str, str]) -> None:
    """Take one pin for all entries of a function in the place of earlier ones; raises as `pin`."""

    def work(db: sqlite3.Connection) -> None:
        db.execute("DELETE FROM pin WHERE function=?", (function,))
        _insert(db, function, time.time(), rows)

    records.write(_made(work))


def _insert(db: sqlite3.Connection, function: str, at: float, rows: Mapping[str, str]) -> None:
    db.executemany(
        "INSERT INTO pin VALUES (?, ?, ?, ?)", [(function, at, *row) for row in rows.items()]
    )


def pin_besides(records: Records, function: str, rows: Mapping[str, str]) -> None:
    """Pin for entries that were stored after the last pin; raises as :func:`pin`."""
    records.write(_made(lambda db: _insert(db, function, time.time(), rows)))


def rows_by_hand(own: Fingerprint) -> dict[str, str]:
    """The rows of a pin that a person vouches for."""
    return {**_rows_of(own, own), _BY_HAND: ""}


def rows_applied(own: Fingerprint, values: Iterable[str]) -> dict[str, str]:
    """The rows of a pin of a function whose module was imported, and nothing called.

    Parameters
    ----------
    own : Fingerprint
        Of the function.
    values : iterable of str
        The names of its parts that are values; a program may set them before it calls.
    """
    rows = {**_rows_of(own, own), _APPLIED: sys.prefix}
    return rows | {_VALUE + name: "" for name in values}


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


def bar(records: Records, function: str, token: str = "", period: Period | None = None) -> None:
    """Refuse, from now on, what joblib has stored of a function so far; raises as :func:`pin`.

    Parameters
    ----------
    function : str
        joblib's name for it, or `EVERY`.
    token : str
        Names the bar for :func:`lift`.
    period : Period, optional
        Only calls whose arguments touch it.
    """
    bounds = (None,) * 4 if period is None else (*period.aware, *period.naive)

    def work(db: sqlite3.Connection) -> None:
        # A later bar of the same kind covers all that an earlier one does.
        db.execute(
            "DELETE FROM bar WHERE function=? AND token=? AND since IS ? AND until IS ? "
            "AND naive_since IS ? AND naive_until IS ?",
            (function, token, *bounds),
        )
        row = (function, time.time(), token, *bounds)
        db.execute("INSERT INTO bar VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    records.write(_made(work))


def lift(records: Records, token: str) -> None:
    """Take bars back: those of a token, or whose token begins like one that ends in ``*``."""
    if records.path.exists():
        records.write(_made(lambda db: db.execute("DELETE FROM bar WHERE token GLOB ?", (token,))))


def barred(
    records: Records,
    function: str,
    written: float,
    extents: Callable[[], Mapping[str, Extent] | None],
) -> bool:
    """Whether an entry of a function may not be used; raises as :func:`pins`.

    Parameters
    ----------
    function : str
        joblib's name for it.
    written : float
        When the entry was stored, in seconds since the epoch.
    extents : callable
        Gives the stretches of time that the call covers, None where that cannot be told; asked
        only if need be.
    """
    query = "SELECT * FROM bar WHERE function IN (?, ?) AND at >= ?"
    bars = records.read(query, (function, EVERY, written))
    if any(not isinstance(bound, int | None) for row in bars for bound in row[3:7]):
        raise records.damaged("a bar has no bounds")
    periods = [Period((row[3], row[4]), (row[5], row[6])) for row in bars if row[3] is not None]
    if len(periods) < len(bars):
        return True
    if not periods:
        return False
    covered = extents()
    return covered is None or any(period.meets(covered) for period in periods)


def _made(work: Callable[[sqlite3.Connection], T]) -> Callable[[sqlite3.Connection], T]:
    """The work, after the tables have been made."""

    def made(db: sqlite3.Connection) -> T:
        for statement in _TABLES:
            db.execute(statement)
        return work(db)

    return made
