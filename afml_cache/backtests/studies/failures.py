"""Combinations that failed: recorded with their traceback, until the same call succeeds.

They lie beside the runs, in a table of their own, and are no trials: nothing was seen of them.
"""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_128_digest

from afml_cache import notices
from afml_cache.backtests.book import FAULTS, RunBook, book_of
from afml_cache.backtests.plain import Account, from_plain, to_plain
from afml_cache.backtests.run import as_text, run_id_of
from afml_cache.backtests.studies.outcome import Failure
from afml_cache.errors import BacktestRecordError
from afml_cache.keys.call import CallKey
from afml_cache.store.active import active
from afml_cache.store.claims import UnavailableError
from afml_cache.store.store import Store

if TYPE_CHECKING:
    import pandas as pd

_TABLE = (
    "CREATE TABLE IF NOT EXISTS failure (id TEXT PRIMARY KEY, strategy TEXT, function TEXT, "
    "parameters TEXT, type TEXT, message TEXT, traceback TEXT, created REAL, host TEXT, "
    "pid INTEGER, call BLOB)"
)
_READ = "id, strategy, function, parameters, type, message, traceback, created, host"
_COLUMNS = f"{_READ}, pid, call"
#: Without the code: a call that failed by a fault of the code passes when that has been mended.
_ADD_CALL = "ALTER TABLE failure ADD COLUMN call BLOB"
_INDEX = "CREATE INDEX IF NOT EXISTS failure_call ON failure (call)"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a study, as failures know it: the run that it would be, and whatever its code."""

    id: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class FailedCall:
    """One call that raised."""

    call: Call
    strategy: str
    function: str
    parameters: Any
    failure: Failure


def call_of(strategy: str, function: str, key: CallKey) -> Call:
    """How failures know the call with this key."""
    said = json.dumps([as_text(strategy), as_text(function)]).encode()
    return Call(run_id_of(strategy, key.digest), xxh3_128_digest(said + key.arguments_digest))


def record_failures(store: Store, failed: Sequence[FailedCall], passed: Iterable[Call]) -> None:
    """Record calls that failed, and take those off that have passed since; never raises."""
    book, gone = book_of(store), [(one.id, one.digest) for one in passed]
    if store.read_only or not (failed or (gone and _any(book))):
        return

    def write(cursor: sqlite3.Cursor) -> None:
        cursor.execute(_TABLE)
        if all(row[1] != "call" for row in cursor.execute("PRAGMA table_info(failure)")):
            cursor.execute(_ADD_CALL)
        cursor.execute(_INDEX)
        cursor.executemany("DELETE FROM failure WHERE id=? OR call=?", gone)
        marks = ", ".join("?" * len(_COLUMNS.split(", ")))
        cursor.executemany(
            f"INSERT OR REPLACE INTO failure ({_COLUMNS}) VALUES ({marks})", map(_row, failed)
        )

    try:
        book.write(write)
    except FAULTS as error:
        _tell(book, f"could not be written ({error})")


def _row(one: FailedCall) -> tuple[Any, ...]:
    failure = one.failure
    texts = map(as_text, (failure.type, failure.message, failure.traceback))
    said = (
        one.call.id,
        as_text(one.strategy),
        as_text(one.function),
        json.dumps(to_plain(one.parameters)),
    )
    return (*said, *texts, time.time(), platform.node(), os.getpid(), one.call.digest)


def failed_runs(strategy: str | None = None) -> pd.DataFrame:
    """The combinations of studies that failed and have not passed since, the oldest first.

    Parameters
    ----------
    strategy : str, optional
        None: of all strategies.

    Returns
    -------
    DataFrame
        ``run_id`` (which the run would have had), ``strategy``, ``function``, ``params`` (a dict),
        ``type`` and ``message`` of the exception, its ``traceback``, ``created`` (UTC), ``host``.
        The next study with the same combination tries it again, and takes it off once it has
        passed, also under other code. See :func:`clear_failed_runs` for those that are not tried
        again.

    Examples
    --------
    >>> from afml_cache import failed_runs, use_store
    >>> with use_store(tmp_path / "no failures"):
    ...     len(failed_runs())
    0
    """
    import pandas as pd

    book = book_of(active())
    rows = []
    try:
        if _any(book):
            where, values = ("1", ()) if strategy is None else ("strategy=?", (as_text(strategy),))
            query = f"SELECT {_READ} FROM failure WHERE {where} ORDER BY created, rowid"
            rows = book.read(query, values)
    except FAULTS as error:
        _tell(book, f"could not be read ({error})")
    names = ["run_id", "strategy", "function", "params", "type", "message", "traceback"]
    frame = pd.DataFrame(rows, columns=[*names, "created", "host"])
    frame["params"] = pd.Series([_parameters(row[3]) for row in rows], dtype=object)
    frame["created"] = pd.to_datetime(frame["created"].astype(float), unit="s", utc=True)
    return frame


def clear_failed_runs(strategy: str | None = None) -> int:
    """Forget the combinations that failed; studies try them again as before.

    Parameters
    ----------
    strategy : str, optional
        None: of all strategies.

    Returns
    -------
    int
        How many there were.

    Raises
    ------
    BacktestRecordError
        The records cannot be written to.

    Examples
    --------
    >>> from afml_cache import clear_failed_runs, use_store
    >>> with use_store(tmp_path / "no failures"):
    ...     clear_failed_runs()
    0
    """
    book = book_of(active())
    where, values = ("1", ()) if strategy is None else ("strategy=?", (as_text(strategy),))
    try:
        if not _any(book):
            return 0
        return book.write(
            lambda cursor: cursor.execute(f"DELETE FROM failure WHERE {where}", values).rowcount
        )
    except FAULTS as error:
        why = error.detail if isinstance(error, UnavailableError) else error
        raise BacktestRecordError(
            f"the failed runs in {book.path} cannot be cleared ({why}); see that the file can be "
            "written to, and try again"
        ) from error


def _parameters(text: str) -> Any:
    values = from_plain(json.loads(text))
    return values.text if isinstance(values, Account) else values


def _any(book: RunBook) -> bool:
    try:
        tables = "SELECT 1 FROM sqlite_master WHERE type='table' AND name='failure'"
        return bool(book.read(tables) and book.read("SELECT 1 FROM failure LIMIT 1"))
    except FAULTS as error:
        _tell(book, f"could not be read ({error})")
        return False


def _tell(book: RunBook, what: str) -> None:
    notices.warn_once(
        ("failures", str(book.directory)),
        f"the failed runs in {book.path} {what}; the study is not affected, and its table says "
        "what failed. See that the disk has room and the file can be written to",
    )
