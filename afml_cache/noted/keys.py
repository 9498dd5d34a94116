"""What calls under ``@cacheable`` would have been under exact keys: notes, kept beside the cache.

While ``configure(note_exact_keys=True)`` is on, every such call adds to a row of
``<base>/records/noted_keys.sqlite``: its exact key, joblib's hash of the same arguments, and how
joblib answered. The notes tell what a migration would bring, and which entry of joblib's holds
the result of exactly these arguments. Records are no cache: they are never cleared or evicted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from afml_cache.keys.call import CallKey
from afml_cache.noted.book import FAULTS, PATIENCE, NoteBook, path_in, tell
from afml_cache.store.active import active
from afml_cache.store.as_it_lies import reading
from afml_cache.store.store import Store

__all__ = ["Noted", "NotedFunction", "note", "noted_entries", "noted_functions"]

_FUNCTIONS = """
    SELECT function, sum(calls), sum(hits), sum(barred = 0 AND calls > raised),
           sum(CASE WHEN barred THEN calls ELSE raised END)
    FROM (SELECT function, sum(calls) AS calls, sum(hits) AS hits, sum(raised) AS raised,
                 sum(barred) AS barred
          FROM noted GROUP BY function, digest)
    GROUP BY function
"""


@dataclass(frozen=True, slots=True)
class NotedFunction:
    """What was noted of one function.

    Attributes
    ----------
    calls, joblib_hits : int
        All its calls, and those that joblib served.
    distinct : int
        Exact keys whose result can be stored: each would have been computed once.
    unkeyable : int
        Calls without an exact key: each would have been computed.
    unstored : int
        Calls that raised, changed an argument or returned what cannot be pickled: as these.
    """

    calls: int
    joblib_hits: int
    distinct: int
    unkeyable: int
    unstored: int = 0

    @property
    def joblib_hit_rate(self) -> float | None:
        """The share of calls that joblib served; None when there was no call."""
        return self.joblib_hits / self.calls if self.calls else None

    @property
    def robust_hit_rate(self) -> float | None:
        """The share that exact keys would have served, from an empty cache."""
        computed = self.unkeyable + self.unstored + self.distinct
        return (self.calls - computed) / self.calls if self.calls else None


@dataclass(frozen=True, slots=True)
class Noted:
    """One exact key of a function, with one of joblib's hashes for the same arguments.

    ``code`` and ``environment`` are those of the key's fingerprint; times are seconds since the
    epoch; ``joblib_hash`` is None where joblib could not make one.
    """

    digest: bytes
    arguments: bytes
    code: bytes
    environment: bytes
    joblib_hash: str | None
    calls: int
    hits: int
    first: float
    last: float


def note(
    store: Store,
    function: str,
    key: CallKey | None,
    *,
    joblib_hash: str | None = None,
    hit: bool = False,
    raised: bool = False,
    barred: bool = False,
) -> None:
    """Note one call; never raises.

    Parameters
    ----------
    store : Store
        The store whose directory holds the notes.
    function : str
        Its identity.
    key : CallKey or None
        The exact key; None: the call has none.
    joblib_hash : str, optional
        joblib's hash (hex) of the same arguments.
    hit : bool
        Whether joblib served the call.
    raised : bool
        Whether the function raised.
    barred : bool
        Whether the result could not be stored under the exact key either.
    """
    global _book
    book = _book
    if book is None or book.directory != store.directory:
        if book is not None:
            book.close()
        book = _book = NoteBook(store.directory)
    name = _as_text(function)
    row: tuple[Any, ...] = (name,)
    if key is not None:
        code = key.fingerprint
        row = (name, key.arguments_digest, key.digest, joblib_hash or "")
        row += (code.code, code.environment)
    book.add(row, hit, raised, barred)


def noted_functions(store: Store | None = None) -> dict[str, NotedFunction]:
    """What was noted under ``configure(note_exact_keys=True)``, by all processes.

    Parameters
    ----------
    store : Store, optional
        None: the active store.

    Returns
    -------
    dict
        Function (``module.qualname``) -> what was noted of its calls under ``@cacheable``.
    """
    if store is None:
        store = active()
    unkeyable = {f: (calls, hits) for f, calls, hits, *_ in _read(store, "SELECT * FROM unkeyable")}
    found = {function: counts for function, *counts in _read(store, _FUNCTIONS)}
    noted = {}
    for function in sorted({*found, *unkeyable}):
        calls, hits, distinct, unstored = found.get(function, (0, 0, 0, 0))
        keyless, keyless_hits = unkeyable.get(function, (0, 0))
        noted[function] = NotedFunction(
            calls=calls + keyless,
            joblib_hits=hits + keyless_hits,
            distinct=distinct,
            unkeyable=keyless,
            unstored=unstored,
        )
    return noted


def noted_entries(store: Store, function: str, arguments: bytes) -> list[Noted]:
    """What was noted of one function for exactly these arguments, the latest first.

    Parameters
    ----------
    store : Store
    function : str
        Its identity.
    arguments : bytes
        The ``arguments_digest`` of the call's key.
    """
    query = (
        "SELECT digest, arguments, code, environment, nullif(joblib_hash, ''), calls, hits, "
        "first, last FROM noted WHERE function=? AND arguments=? ORDER BY last DESC"
    )
    return [Noted(*row) for row in _read(store, query, (_as_text(function), arguments))]


def _as_text(function: str) -> str:
    """A name that SQLite takes; those of files may hold what is no character."""
    return function.encode("utf-8", "backslashreplace").decode()


def _read(store: Store, query: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if _book is not None and _book.directory == store.directory:
        _book.write(PATIENCE)
    path = path_in(store.directory)
    if not path.exists():
        return []
    try:
        with reading(path, PATIENCE) as connection:
            return connection.execute(query, parameters).fetchall()
    except FAULTS as error:
        tell(store.directory, "read", error)
        return []


_book: NoteBook | None = None
